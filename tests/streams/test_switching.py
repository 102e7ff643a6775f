"""The SQL view changes its law at once: what a recalculation says is held back until all of it can be written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kafka import TopicPartition

from processors.outputs import RECALCULATION, ScoreChanged
from schemas.recalculations import Announce, PartitionRecalculated, RecalculationStarted
from streams.switching import Switch
from tests.making import at
from tests.streams.driver import Driver

TOPICS = {"asm.scores.v1": "asm.scores.v1", "asm.compliance.v1": "asm.compliance.v1"}
ZERO, ONE = TopicPartition("asm.scores.v1", 0), TopicPartition("asm.scores.v1", 1)
STARTED = RecalculationStarted(
    recalculation="R1",
    generation="cases",
    rollback=False,
    announce=Announce.CHANGED,
    before={},
    promoted_before="",
    after={},
    partitions=2,
    actor="ops",
    reason="why",
    instant=at("2028-05-10"),
)


@dataclass(frozen=True)
class Record:
    offset: int


@dataclass
class Consumer:
    """Remembers which partitions are paused, and where they were sent."""

    paused: dict[TopicPartition, int] = field(default_factory=dict)
    sought: dict[TopicPartition, int] = field(default_factory=dict)

    def pause(self, tp: TopicPartition) -> None:
        self.paused[tp] = 1

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.sought[tp] = offset

    def resume(self, tp: TopicPartition) -> None:
        del self.paused[tp]


def score() -> ScoreChanged:
    driver = Driver()
    driver.send("listed_heart_failure_clinician", received_at=at("2027-06-01"))
    driver.tick("2027-06-02T00:00:00+00:00")
    return driver.read_score()


PLAIN = score()
RECALCULATED = replace(PLAIN, cause=replace(PLAIN.cause, type=RECALCULATION, event_id="R1 old new"))


def done(partition: int, scores: int) -> PartitionRecalculated:
    return PartitionRecalculated(
        recalculation="R1",
        partition=partition,
        journal_offset=9,
        participants=5,
        movers=scores,
        scores=scores,
        obligations=0,
        findings=0,
    )


def read(**records: list[ScoreChanged]) -> Mapping[TopicPartition, list[Any]]:
    places = {"zero": ZERO, "one": ONE}
    return {places[name]: [(Record(n), said) for n, said in enumerate(found)] for name, found in records.items()}


def offsets(sifted: Mapping[TopicPartition, Any]) -> dict[TopicPartition, list[int]]:
    return {tp: [record.offset for record, _ in records] for tp, records in sifted.items()}


def test_what_a_recalculation_says_waits_for_the_last_partition_and_is_then_written_as_one() -> None:
    recorded: list[object] = [STARTED, done(0, 2)]
    consumer, switch = Consumer(), Switch(TOPICS, lambda: recorded, 600)
    first = switch.sift(consumer, read(zero=[PLAIN, RECALCULATED, PLAIN, RECALCULATED], one=[PLAIN]))
    assert (offsets(first), consumer.sought, set(switch.held)) == ({ZERO: [0], ONE: [0]}, {ZERO: 1}, {ZERO})
    recorded.append(done(1, 1))
    assert switch.sift(consumer, read()) == {}
    assert (set(switch.held), switch.writing) == ({ZERO}, False)
    assert offsets(switch.sift(consumer, read(one=[PLAIN, RECALCULATED]))) == {ONE: [0]}
    assert (switch.held, consumer.paused, switch.writing) == (frozenset(), {}, True)
    assert offsets(switch.sift(consumer, read(zero=[RECALCULATED, PLAIN]))) == {ZERO: [0, 1]}
    assert switch.writing
    assert offsets(switch.sift(consumer, read(zero=[RECALCULATED], one=[RECALCULATED, PLAIN]))) == {
        ZERO: [0],
        ONE: [0, 1],
    }
    assert not switch.writing


def test_a_partition_of_which_a_recalculation_says_nothing_is_not_waited_for() -> None:
    consumer, switch = Consumer(), Switch(TOPICS, lambda: [STARTED, done(0, 1), done(1, 0)], 600)
    assert offsets(switch.sift(consumer, read(zero=[PLAIN, RECALCULATED]))) == {ZERO: [0]}
    assert (switch.held, switch.writing) == (frozenset(), True)


def test_what_nobody_recorded_as_a_recalculation_of_the_live_generation_passes() -> None:
    consumer, switch = Consumer(), Switch(TOPICS, list, 600)
    assert offsets(switch.sift(consumer, read(zero=[RECALCULATED, PLAIN]))) == {ZERO: [0, 1]}


def test_a_partition_that_does_not_come_is_not_waited_for_for_ever() -> None:
    consumer, switch = Consumer(), Switch(TOPICS, lambda: [STARTED, done(0, 1)], 0)
    switch.sift(consumer, read(zero=[RECALCULATED]))
    switch.sift(consumer, read())
    assert switch.held == frozenset()
    assert offsets(switch.sift(consumer, read(zero=[RECALCULATED]))) == {ZERO: [0]}
    assert not switch.writing


def test_after_an_interruption_what_was_held_comes_again() -> None:
    consumer, switch = Consumer(), Switch(TOPICS, lambda: [STARTED], 600)
    switch.sift(consumer, read(zero=[RECALCULATED]))
    assert (switch.begin(), switch.held) == ([ZERO], frozenset())


def test_a_rebuild_holds_nothing_back() -> None:
    consumer, switch = Consumer(), Switch(TOPICS, lambda: [STARTED], 600)
    switch.pass_all()
    assert offsets(switch.sift(consumer, read(zero=[RECALCULATED]))) == {ZERO: [0]}
