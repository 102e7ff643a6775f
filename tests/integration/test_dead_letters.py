"""Dead letters as an operator's tool, on a real Kafka: what is open, tried again, put aside, and recorded."""

import json
from dataclasses import replace
from typing import Any

import pytest

from infra.errors import Unavailable
from processors.events import Event
from processors.identity import Npi
from processors.simulated_world import Timed
from schemas.codec import decode, encode
from schemas.records import DeadLetter, OperationRecorded
from streams.dead_letters import Order, Wanted, desk
from tests.integration.system import System, await_that
from tests.making import TIN, at, claim, listed, quality, row

pytestmark = pytest.mark.integration
START, FIRST, SECOND = at("2027-06-01"), at("2027-06-02"), at("2027-06-03")
TEST_NPI = Npi("9876543210")
EVENTS: tuple[Event, ...] = (
    listed(event_id="l1", npi=TEST_NPI),
    quality(row("236"), event_id="q1", npi=TEST_NPI),
    listed(event_id="l2"),
)
MASKED = "*******89"


def play(system: System, events: tuple[Event, ...], **environment: str) -> None:
    worker = system.worker(**environment)
    system.send([Timed(START, event) for event in events])
    system.set_clock(FIRST)
    system.await_tick(FIRST)
    worker.stop()


def letters(system: System, *options: str) -> list[dict[str, Any]]:
    told = system.run("dead-letters", "list", "--json", *options)
    assert told.returncode == 0, told.stderr
    found: list[dict[str, Any]] = json.loads(told.stdout)
    return found


def operations(system: System) -> list[OperationRecorded]:
    return [decode(record.value) for record in system.read("asm.operations.v1")]


def test_after_a_fix_a_redriven_event_reaches_the_state_that_it_would_have_had(system: System) -> None:
    play(system, EVENTS)
    assert sorted((x["reason"], x["event_id"], x["attempts"]) for x in letters(system)) == [
        ("MALFORMED_NPI", "l1", 1),
        ("MALFORMED_NPI", "q1", 1),
    ]
    told = system.run("dead-letters", "redrive", "--reason", "MALFORMED_NPI", "--why", "CMS's test NPIs", "--by", "ops")
    assert (told.returncode, told.stdout) == (0, "2 redriven, 0 cannot be and stay open.\n")
    fixed = system.worker(ASM_TEST_IDENTIFIERS="accept")
    system.set_clock(SECOND)
    system.await_tick(SECOND)
    fixed.stop()
    (operation,) = operations(system)
    assert (operation.actor, operation.command, operation.scope, operation.reason, len(operation.items)) == (
        "ops",
        "dead-letters redrive",
        "reason MALFORMED_NPI",
        "CMS's test NPIs",
        2,
    )
    assert letters(system) == []
    other = system.beside("right.")
    play(other, EVENTS, ASM_TEST_IDENTIFIERS="accept")
    mend = other.worker(ASM_TEST_IDENTIFIERS="accept")
    other.set_clock(SECOND)
    other.await_tick(SECOND)
    mend.stop()
    assert journaled(system) == journaled(other)
    assert facts(system) == facts(other)


def journaled(system: System) -> list[tuple[bytes, bytes, bytes]]:
    return sorted((r.value, r.headers["received_at"], r.headers["origin"]) for r in system.journal() if r.headers)


def facts(system: System) -> dict[Any, Any]:
    return {key: (s.final_score, s.tree, s.lowest_reachable, s.highest_reachable) for key, s in system.scores().items()}


def test_what_is_refused_again_is_open_again_and_tried_at_most_twice(system: System) -> None:
    system.worker()
    system.send([Timed(START, EVENTS[0])])
    for tries in (1, 2, 3):
        await_that(lambda n=tries: [x["attempts"] for x in letters(system)] == [n], 30, f"try {tries}")  # type: ignore[misc]
        told = system.run("dead-letters", "redrive", "--all", "--why", "again")
        assert told.returncode == (0 if tries < 3 else 1)
    assert told.stdout == "0 redriven, 1 cannot be and stay open.\n"
    plan = system.run("dead-letters", "redrive", "--all", "--why", "again", "--dry-run")
    assert "REDRIVEN_TOO_OFTEN" in plan.stdout
    assert [(o.command, len(o.items)) for o in operations(system)] == [("dead-letters redrive", 1)] * 2
    assert len(system.journal()) == 0 or all(r.key is None for r in system.journal())


def test_letters_are_filtered_shown_counted_and_dropped(system: System) -> None:
    key = TIN.digits.encode()
    system.send_bytes("asm.submissions.v1", key, b"poison", START)
    system.send(
        [Timed(START, replace(EVENTS[0], source="mine")), Timed(START, claim(event_id="c", beneficiary="1EG4TE5MK73"))]
    )
    system.worker()
    system.set_clock(FIRST)
    system.await_tick(FIRST)
    assert {x["reason"] for x in letters(system)} == {"UNKNOWN_SCHEMA", "MALFORMED_NPI", "BENEFICIARY_IN_CLEAR"}
    assert [x["reason"] for x in letters(system, "--source", "mine")] == ["MALFORMED_NPI"]
    assert [x["reason"] for x in letters(system, "--topic", "asm.submissions.v1")] == ["UNKNOWN_SCHEMA"]
    assert letters(system, "--since", "2027-06-02T00:00:00Z") == []
    (mine,) = letters(system, "--source", "mine")
    shown = system.run("dead-letters", "show", mine["letter"], "--json", "--payload", str(system.folder / "payload"))
    document = json.loads(shown.stdout)
    assert (document["says"]["tin"], document["remedy"] != "", TIN.digits in shown.stdout) == (MASKED, True, False)
    assert (system.folder / "payload").read_bytes() == encode(replace(EVENTS[0], source="mine"))
    counted = json.loads(system.run("dead-letters", "stats", "--json").stdout)
    assert sorted((c["reason"], c["state"], c["count"]) for c in counted) == [
        ("BENEFICIARY_IN_CLEAR", "OPEN", 1),
        ("MALFORMED_NPI", "OPEN", 1),
        ("UNKNOWN_SCHEMA", "OPEN", 1),
    ]
    dropped = system.run("dead-letters", "drop", "--reason", "UNKNOWN_SCHEMA", "--why", "a probe")
    assert (dropped.returncode, dropped.stdout) == (0, "1 dropped.\n")
    assert {x["reason"] for x in letters(system)} == {"MALFORMED_NPI", "BENEFICIARY_IN_CLEAR"}
    assert {x["state"] for x in letters(system, "--handled")} == {"OPEN", "DROPPED"}
    refused = system.run("dead-letters", "redrive", "--reason", "BENEFICIARY_IN_CLEAR", "--why", "no")
    assert (refused.returncode, refused.stdout) == (1, "0 redriven, 1 cannot be and stay open.\n")


def test_who_begins_to_work_fences_who_began_before_and_nothing_is_sent_twice(system: System) -> None:
    letter = DeadLetter(
        origin="asm.determinations.v1/0/5",
        received_at=START,
        reason="MALFORMED_NPI",
        detail="x",
        payload=encode(listed(event_id="l1")),
        payload_sha256="",
        attempts=1,
    )
    system.send_bytes("asm.dead-letters.v1", TIN.digits.encode(), encode(letter), START)
    system.send([])
    order = Order(actor="ops", reason="test", wanted=Wanted(), per_second=100)
    with desk(system.connection) as first, desk(system.connection) as second:
        assert second.redrive(order, lambda _count: None) == 1
        with pytest.raises(Unavailable, match="somebody else works on the dead letters"):
            first.redrive(order, lambda _count: None)
    assert len(system.read("asm.redrive.v1")) == 1
    assert [o.items for o in operations(system)] == [(letters(system, "--handled")[0]["letter"],)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("redrive", "--why", "x"), "name which letters"),
        (("redrive", "--why", "x", "--all", "--reason", "UNKNOWN_SCHEMA"), "name which letters"),
        (("redrive", "--all"), "--why"),
        (("list", "--reason", "NONSENSE"), "there is no reason 'NONSENSE'"),
    ],
)
def test_an_order_that_is_not_clear_is_a_usage_error(system: System, arguments: tuple[str, ...], said: str) -> None:
    told = system.run("dead-letters", *arguments)
    assert (told.returncode, said in told.stderr) == (2, True)
