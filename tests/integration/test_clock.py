"""Deadlines on a real Kafka: nothing fires that is not so, everything fires once, idle or not."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from kafka import KafkaProducer

from processors.events import ClockTicked
from processors.identity import Tin
from processors.outputs import ObligationChanged
from processors.simulated_world import Timed
from processors.vocabulary import Stage
from schemas.codec import decode, encode
from streams.admission import milliseconds
from tests.integration.system import PARTITIONS, Record, System, Worker, await_that
from tests.making import DUE, at, listed, quality, receipt

pytestmark = pytest.mark.integration
LISTED = Timed(at("2027-01-04"), listed(event_id="l1"))
LAST_MOMENT = DUE - timedelta(milliseconds=1)
SUBMITTED = Timed(LAST_MOMENT, quality(event_id="q1"))


def said_of(system: System, item: str) -> list[tuple[str, str]]:
    """Status and alert of each announcement about an item, in order."""
    told = [o for o in system.outputs("asm.compliance.v1") if isinstance(o, ObligationChanged)]
    return [(o.status, o.alert) for o in told if o.item == item]


def ticks(journal: list[Record], partition: int) -> list[datetime]:
    marks = [decode(r.value) for r in journal if r.partition == partition and r.key is None]
    return [m.as_of for m in marks if isinstance(m, ClockTicked)]


def test_no_deadline_fires_while_what_was_received_before_it_is_unread(system: System) -> None:
    """A feed's transaction is open across the deadline: the clock of its partition waits for it."""
    system.worker()
    system.send([LISTED])
    system.set_clock(at("2028-03-31T23:00:00+00:00"))
    system.await_tick(at("2028-03-31T23:00:00+00:00"))
    feed: Any = KafkaProducer(
        bootstrap_servers=system.connection.bootstrap, transactional_id=system.settings.namespace + "feed", acks="all"
    )
    feed.init_transactions()
    feed.begin_transaction()
    event = SUBMITTED.event
    feed.send(
        system.names.of("asm.submissions.v1"),
        key=event.tin.digits.encode(),
        value=encode(event),
        timestamp_ms=milliseconds(LAST_MOMENT),
    )
    feed.flush()
    system.set_clock(DUE)

    def all_but_one() -> bool:
        return [m.as_of for m in system.marks().values()].count(DUE) == PARTITIONS - 1

    await_that(all_but_one, 30, "the other partitions' deadline, on idle topics")
    assert said_of(system, "236")[-1] == ("OPEN", "FIRING")
    feed.commit_transaction()
    feed.close()
    system.await_tick(DUE)
    assert [status for status, _ in said_of(system, "236")][-1] == "MET"
    assert "MISSED" not in {status for status, _ in said_of(system, "236")}
    assert said_of(system, "005")[-1] == ("MISSED", "FIRING")


def test_a_worker_that_lags_announces_nothing_false(system: System) -> None:
    """Everything lies unread when the worker starts, the deadline's tick among it."""
    system.send([LISTED, SUBMITTED, Timed(DUE, quality(event_id="q2", submission_id="late", npi=None))])
    system.set_clock(DUE)
    system.worker()
    system.await_tick(DUE)
    assert said_of(system, "236") == [("MET", "NONE")]
    assert said_of(system, "005") == [("MISSED", "FIRING")]


def test_after_an_outage_across_the_deadline_each_miss_is_announced_once(system: System) -> None:
    worker = system.worker()
    system.send([LISTED])
    before, after = at("2028-03-30"), at("2028-04-03T09:00:00+00:00")
    system.set_clock(before)
    system.await_tick(before)
    assert worker.stop() == 0
    system.set_clock(after)
    system.worker()
    system.await_tick(after)
    later = after + timedelta(minutes=1)
    system.set_clock(later)
    system.await_tick(later)
    missed = [
        o for o in system.outputs("asm.compliance.v1") if isinstance(o, ObligationChanged) and o.status == "MISSED"
    ]
    assert sorted(o.item for o in missed) == sorted(
        {"005", "008", "236", "377", "ASM_IA_1", "ASM_IA_2", "PROMOTING_INTEROPERABILITY"}
    )
    assert {(o.due_at, o.as_of) for o in missed} == {(DUE, after)}


def test_proof_of_a_receipt_in_march_that_arrives_in_april_resolves_the_alert(system: System) -> None:
    system.worker()
    sent = quality(event_id="q1", stage=Stage.SENT)
    system.send([LISTED, Timed(at("2028-03-30"), sent)])
    system.set_clock(DUE)
    system.await_tick(DUE)
    assert said_of(system, "236")[-1] == ("UNPROVEN", "FIRING")
    proof = receipt(event_id="r1", revision=1, receipted_at=at("2028-03-30T01:00:00+00:00"))
    system.send([Timed(at("2028-04-10"), proof)])
    system.set_clock(at("2028-04-11"))
    system.await_tick(at("2028-04-11"))
    assert said_of(system, "236")[-1] == ("MET", "RESOLVED")


def has_its_share(worker: Worker) -> bool:
    return worker.says("partition_taken_over") >= PARTITIONS


def test_everything_received_before_a_tick_stands_above_it_through_joins_and_leaves(system: System) -> None:
    first = system.worker()
    start = at("2027-06-01")
    second = None
    for step in range(12):
        instant = start + timedelta(minutes=step)
        tins = [Tin(f"9{step:02d}{n:06d}") for n in range(40)]
        listings = [listed(event_id=f"l{step}-{n}", tin=tin) for n, tin in enumerate(tins)]
        system.send(Timed(instant + timedelta(seconds=n), event) for n, event in enumerate(listings))
        system.set_clock(instant + timedelta(minutes=1))
        if step == 3:
            second = system.worker()
        if step == 8 and second is not None:
            await_that(partial(has_its_share, second), 30, "the second worker's share")
            assert second.stop() == 0
    last = start + timedelta(minutes=12)
    system.await_tick(last)
    journal = system.journal()
    below: list[Record] = []
    for partition in range(PARTITIONS):
        as_of = at("1970-01-01")
        for record in (r for r in journal if r.partition == partition):
            if record.key is None:
                mark = decode(record.value)
                as_of = max(as_of, mark.as_of) if isinstance(mark, ClockTicked) else as_of
            elif int(record.headers["received_at"]) < milliseconds(as_of):
                below.append(record)
        instants = ticks(journal, partition)
        assert instants == sorted(set(instants))
    assert (len([r for r in journal if r.key is not None]), below) == (480, [])
    assert first.process.poll() is None


def test_on_the_walls_clock_whole_minutes_are_ticked_and_the_brokers_instant_is_the_receipt(system: System) -> None:
    walled = system.on_the_wall()
    walled.apply_topics()
    before = datetime.now(UTC)
    walled.worker()
    walled.send([Timed(at("1999-01-01"), listed(event_id="l1"))])
    await_that(lambda: any(r.key for r in walled.journal()), 30, "the event in the journal")
    await_that(lambda: len(walled.marks()) == PARTITIONS, 30, "the first tick of every partition")
    journal = walled.journal()
    received = [int(r.headers["received_at"]) for r in journal if r.key is not None]
    assert [abs(r - milliseconds(before)) < 60_000 for r in received] == [True]
    instants = {i for p in range(PARTITIONS) for i in ticks(journal, p)}
    assert {(i.second, i.microsecond) for i in instants} == {(0, 0)}
    assert all(before - timedelta(minutes=2) < i <= datetime.now(UTC) for i in instants)
