"""Bad input on a real Kafka: refused with a reason, and it costs nobody else anything."""

import json
from dataclasses import replace

import pytest

from processors.events import SubmissionReceived
from processors.identity import Npi, Tin
from processors.outputs import FindingChanged
from processors.simulated_world import Timed
from schemas.codec import decode, encode
from schemas.partitioning import partition_of
from schemas.records import DeadLetter, HealthChanged
from tests.integration.system import PARTITIONS, System
from tests.making import TIN, at, claim, listed, quality, row

pytestmark = pytest.mark.integration
START = at("2027-06-01")
KEY = TIN.digits.encode()
HOME = partition_of(KEY, PARTITIONS)
MBI = "1EG4-TE5-MK73"


def letters(system: System) -> list[DeadLetter]:
    return [decode(r.value) for r in system.read("asm.dead-letters.v1")]


def findings(system: System) -> list[FindingChanged]:
    return [f for f in system.outputs("asm.findings.v1") if isinstance(f, FindingChanged)]


def test_poison_is_refused_with_its_reason_and_what_follows_is_admitted(system: System) -> None:
    good = encode(listed(event_id="l1"))
    for key, value in (
        (KEY, b"\x00\x00\x00\x00\x63junk"),
        (KEY, good[:9]),
        (KEY, b""),
        (None, good),
        (b"999999999", good),
        (KEY, encode(replace(listed(event_id="l2"), npi=Npi("12")))),
        (KEY, good),
    ):
        system.send_bytes("asm.determinations.v1", key, value, START)
    system.send([Timed(START, quality(row("236", met=9, not_met=9, eligible_population=10), event_id="q1"))])
    worker = system.worker()
    system.set_clock(at("2027-06-02"))
    system.await_tick(at("2027-06-02"))
    told = sorted(letter.reason for letter in letters(system))
    assert told == sorted(
        [
            "UNKNOWN_SCHEMA", "UNDECODABLE", "UNKNOWN_SCHEMA", "MISSING_KEY", "KEY_MISMATCH", "MALFORMED_NPI",
            "IMPOSSIBLE_COUNTS",
        ]
    )  # fmt: skip
    assert [decode(r.value).event_id for r in system.journal() if r.key is not None] == ["l1"]
    assert len(system.scores()) == 1
    assert worker.process.poll() is None


def test_a_beneficiary_in_clear_is_refused_and_stands_nowhere_behind_the_inbound_topic(system: System) -> None:
    system.send([Timed(START, claim(event_id="c1", beneficiary=MBI)), Timed(START, claim(event_id="c2"))])
    worker = system.worker()
    system.set_clock(at("2027-06-02"))
    system.await_tick(at("2027-06-02"))
    (letter,) = letters(system)
    assert (letter.reason, letter.event_id, letter.payload) == ("BENEFICIARY_IN_CLEAR", "c1", None)
    for topic in ("asm.journal.v1", "asm.dead-letters.v1", "asm.refusals.v1", "asm.state.{generation}.v1"):
        assert [r for r in system.read(topic) if MBI.encode() in r.value] == []
    assert MBI not in worker.log.read_text()


def test_a_refusal_tells_the_feed_where_and_why_without_the_payload(system: System) -> None:
    system.send_bytes("asm.submissions.v1", KEY, b"secret payload", START)
    system.worker()
    system.set_clock(at("2027-06-02"))
    system.await_tick(at("2027-06-02"))
    (record,) = system.read("asm.refusals.v1")
    told = decode(record.value)
    origin = f"{system.names.of('asm.submissions.v1')}/{HOME}/0"
    assert (told.origin.split("/")[1:], told.reason, told.received_at) == (
        origin.split("/")[1:],
        "UNKNOWN_SCHEMA",
        START,
    )
    assert b"secret" not in record.value
    assert letters(system)[0].payload == b"secret payload"


def test_a_feed_that_is_mostly_refused_is_announced_and_nothing_is_paused(system: System) -> None:
    for number in range(150):
        system.send_bytes("asm.submissions.v1", KEY, b"junk %d" % number, START)
    system.send([Timed(START, listed(event_id="l1"))])
    worker = system.worker()
    system.set_clock(at("2027-06-02"))
    system.await_tick(at("2027-06-02"))
    health: list[HealthChanged] = [decode(r.value) for r in system.read("asm.health.v1")]
    assert [(h.subject, h.name, h.state) for h in health] == [("REFUSALS", "asm.submissions.v1", "FIRING")]
    assert worker.says("refusals_above_limit") == 1
    assert len(system.scores()) == 1


def test_a_submission_for_nobody_on_the_roster_is_kept_and_applied_when_the_roster_arrives(system: System) -> None:
    system.worker()
    system.send([Timed(at("2028-02-01"), quality(event_id="q1"))])
    system.set_clock(at("2028-02-02"))
    system.await_tick(at("2028-02-02"))
    assert system.scores() == {}
    assert [f.code for f in findings(system)] == ["NOT_ON_ROSTER"]
    system.send([Timed(at("2028-02-03"), listed(event_id="l1"))])
    system.set_clock(at("2028-02-04"))
    system.await_tick(at("2028-02-04"))
    assert {o.item: o.status for o in system.obligations().values()}["236"] == "MET"
    assert [f.state for f in findings(system)] == ["OPEN", "CLEARED"]


def test_no_identifier_stands_in_the_workers_log(system: System) -> None:
    submission = quality(event_id="event-of-somebody")
    assert isinstance(submission, SubmissionReceived)
    worker = system.worker(ASM_LOG_LEVEL="debug")
    system.send([Timed(START, listed(event_id="l1")), Timed(START, submission)])
    system.send([Timed(START, listed(event_id="l2", tin=Tin("000000001")))])
    system.set_clock(at("2027-06-02"))
    system.await_tick(at("2027-06-02"))
    log = worker.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [line["reasons"] for line in lines if line["event"] == "records_refused"] == [{"MALFORMED_TIN": 1}]
    assert [word for word in (TIN.digits, "000000001", submission.npi, "event-of-somebody") if str(word) in log] == []


def test_the_longest_submission_that_is_taken_is_assessed_and_a_longer_one_refused(system: System) -> None:
    longest = quality(*(row(f"{n:04}") for n in range(5500)), event_id="long")
    longer = quality(*(row(f"{n:04}") for n in range(9000)), event_id="longer")
    assert 100 * 1024 < len(encode(longest)) < 128 * 1024 < len(encode(longer))
    worker = system.worker()
    system.send([Timed(START, listed(event_id="l1")), Timed(START, longest), Timed(START, longer)])
    system.set_clock(at("2027-06-02"))
    system.await_tick(at("2027-06-02"))
    assert [letter.reason for letter in letters(system)] == ["TOO_LARGE"]
    assert [f.event.event_id for f in findings(system)][:1] == ["long"]
    assert worker.process.poll() is None
