"""The whole system on a real Kafka: kills, freezes, deadlines; what it says is what ``asm assess`` says."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.events import ClockTicked
from processors.outputs import ObligationChanged
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import decode
from schemas.topics import contract
from streams.admission import Rules, milliseconds
from streams.assessment import Law
from streams.in_process import InProcess, views
from tests.integration.system import PARTITIONS, System, await_that
from tests.making import at

pytestmark = pytest.mark.integration
END = at("2028-04-20")
PLACES = Decimal("0.00000001")
BOOKS = load_rulebooks(DEFAULT_VINTAGE)


def reference(world: list[Timed[Any]]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What one process over an in-memory log says of the same events at the end: scores and obligations."""
    system = InProcess(Law(rulebooks=BOOKS), Rules(partitions=1))
    for item in world:
        system.send(item.event, item.received_at)
    system.play_ticks(END)
    system.tick(END)
    scores: dict[Any, Any] = {}
    obligations: dict[Any, Any] = {}
    for year, assessment in system.years():
        told, owed = views(year, assessment)
        scores |= {(s.npi, s.performance_year): (s.final_score, s.prepared_score, s.highest_reachable) for s in told}
        obligations |= {o.obligation_id: told_of(o) for o in owed}
    return scores, obligations


def told_of(obligation: ObligationChanged) -> tuple[Any, ...]:
    """What an obligation says, apart from its place in time."""
    return obligation.item, obligation.status, obligation.points_at_stake.quantize(PLACES), obligation.missing


def spoken(system: System) -> tuple[dict[Any, Any], dict[Any, Any]]:
    scores = {key: (s.final_score, s.prepared_score, s.highest_reachable) for key, s in system.scores().items()}
    return scores, {key: told_of(o) for key, o in system.obligations().items()}


def on_the_wire(scores: dict[Any, Any]) -> dict[Any, Any]:
    """The same with the eight places that a record has."""
    return {key: tuple(None if v is None else v.quantize(PLACES) for v in values) for key, values in scores.items()}


def assert_each_revision_once(system: System) -> None:
    revisions = Counter((o.npi, o.performance_year, o.revision) for o in system.outputs("asm.scores.v1"))
    assert {key for key, count in revisions.items() if count > 1} == set()
    topics = ("asm.scores.v1", "asm.compliance.v1", "asm.findings.v1")
    ids = Counter(o.emitted_id for topic in topics for o in system.outputs(topic))
    assert {emitted_id for emitted_id, count in ids.items() if count > 1} == set()


def assert_journal_holds_what_was_sent(system: System) -> None:
    """Each inbound record stands in the journal once or was refused, and none below a tick of a later instant."""
    sent = {f"{t}/{r.partition}/{r.offset}" for t in contract().inbound() for r in system.read(t)}
    taken: list[str] = []
    below = []
    as_of = dict.fromkeys(range(PARTITIONS), at("1970-01-01"))
    for record in system.journal():
        mark = decode(record.value) if record.key is None else None
        if isinstance(mark, ClockTicked):
            as_of[record.partition] = max(as_of[record.partition], mark.as_of)
        elif mark is None:
            taken.append(record.headers["origin"].decode())
            if int(record.headers["received_at"]) < milliseconds(as_of[record.partition]):
                below.append(record)
    refused = [decode(r.value).origin for r in system.read("asm.dead-letters.v1")]
    assert sorted(taken + refused) == sorted(sent)
    assert below == []


def assert_says_the_same(system: System, world: list[Timed[Any]]) -> None:
    """Scores and obligations on the topics are those of one process, each revision and id once."""
    assert_journal_holds_what_was_sent(system)
    scores, obligations = spoken(system)
    expected_scores, expected_obligations = reference(world)
    assert scores == on_the_wire(expected_scores)
    assert obligations == expected_obligations
    assert_each_revision_once(system)


def test_a_killed_worker_starts_again_and_says_what_one_process_says(system: System) -> None:
    world = simulate(11, 24, BOOKS[2027])
    half = len(world) // 2
    worker = system.worker()
    system.set_clock(at("2027-01-01"))
    system.send(world[:half])
    system.set_clock(world[half].received_at.replace(second=0, microsecond=0))
    await_that(lambda: len(system.read("asm.scores.v1")) > 5, 60, "some scores")
    worker.kill()
    system.send(world[half:])
    system.set_clock(END)
    system.worker()
    system.await_tick(END)
    assert_says_the_same(system, world)


@pytest.mark.parametrize("stage", ["admission", "assessment"])
def test_a_worker_that_froze_before_its_commit_writes_nothing_when_it_wakes(system: System, stage: str) -> None:
    world = simulate(12, 12, BOOKS[2027])
    half = len(world) // 2
    flag = system.folder / "freeze"
    flag.touch()
    first = system.freezing_worker(f"asm-{stage}", flag)
    system.set_clock(at("2027-01-01"))
    system.send(world[:half])
    await_that(first.is_frozen, 60, "the worker to freeze between its decision and its commit")
    second = system.worker()
    system.send(world[half:])
    system.set_clock(END)
    system.await_tick(END)
    before = [len(system.read(topic)) for topic in ("asm.journal.v1", "asm.scores.v1", "asm.compliance.v1")]
    first.wake()
    await_that(lambda: first.process.poll() is not None, 30, "the woken worker to end")
    assert first.process.poll() == 75
    assert [len(system.read(t)) for t in ("asm.journal.v1", "asm.scores.v1", "asm.compliance.v1")] == before
    assert_says_the_same(system, world)
    assert second.process.poll() is None
