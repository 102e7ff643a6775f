"""The SQL view changes its law in one transaction, though the partitions of the journal change it one after the other.

A partition's outputs are held back from the first of a recalculation on, until every partition is under the other law
and all of them are held there. Then everything up to the last output of the recalculation is written in one
transaction, so that whoever reads the view sees the answers of one law or those of the other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from infra.log import Log
from processors.outputs import Output, recalculation_of
from schemas.recalculations import PartitionRecalculated
from streams.recalculations import Recalculation, recalculations

_SAID_SECONDS = 10.0
_COUNTED: Mapping[str, Callable[[PartitionRecalculated], int]] = {
    "asm.scores.v1": lambda done: done.scores,
    "asm.compliance.v1": lambda done: done.obligations,
    "asm.findings.v1": lambda done: done.findings,
}
Read = Mapping[TopicPartition, Sequence[tuple[Any, Any]]]


@dataclass(frozen=True, slots=True)
class _Hold:
    """A partition of a topic that is held, at which offset, for which recalculation."""

    offset: int
    recalculation: str


class Switch:
    """Holds back what a recalculation says until all of it can be written at once.

    :param topics: the names in the contract of the topics that are read, by their names on the cluster.
    :param recorded: tells what stands on asm.operations.v1.
    :param limit_seconds: after so long a partition that does not come is not waited for.
    """

    def __init__(
        self, topics: Mapping[str, str], recorded: Callable[[], Iterable[object]], limit_seconds: float
    ) -> None:
        self._topics = topics
        self._recorded = recorded
        self._limit = limit_seconds
        self._log = Log()
        self._known: dict[str, Recalculation] = {}
        self._let_go: set[str] = set()
        self._held: dict[TopicPartition, _Hold] = {}
        self._left: defaultdict[str, dict[TopicPartition, int]] = defaultdict(dict)
        self._since = self._said_at = 0.0
        self._passes = False

    @property
    def held(self) -> frozenset[TopicPartition]:
        """The partitions that are held now."""
        return frozenset(self._held)

    @property
    def writing(self) -> bool:
        """Whether what is written now must be committed with what follows."""
        return any(any(left.values()) for left in self._left.values())

    def begin(self) -> list[TopicPartition]:
        """Begin anew; return what was held, and comes again."""
        held = list(self._held)
        self._held.clear()
        self._left.clear()
        return held

    def pass_all(self) -> None:
        """Hold nothing from now on: all that is read goes into one transaction."""
        self._passes = True

    def sift(self, consumer: KafkaConsumer, read: Read) -> Read:
        """Return what may be written of what was read; the rest is held, and comes again."""
        if self._passes:
            return read
        sifted = {}
        for tp, records in read.items():
            kept = self._up_to_recalculation(consumer, tp, records)
            if kept:
                sifted[tp] = kept
        self._release(consumer)
        return sifted

    def _up_to_recalculation(
        self, consumer: KafkaConsumer, tp: TopicPartition, records: Sequence[tuple[Any, Any]]
    ) -> Sequence[tuple[Any, Any]]:
        for number, (record, said) in enumerate(records):
            named = _recalculation_of(said)
            if named is None or named in self._let_go:
                continue
            if self._left[named].get(tp, 0) > 0:
                self._left[named][tp] -= 1
            elif self._find(named) is not None:
                self._hold(consumer, tp, _Hold(record.offset, named))
                return records[:number]
        return records

    def _hold(self, consumer: KafkaConsumer, tp: TopicPartition, hold: _Hold) -> None:
        if not self._held:
            self._since = self._said_at = monotonic()
        self._held[tp] = hold
        consumer.pause(tp)
        consumer.seek(tp, hold.offset)

    def _release(self, consumer: KafkaConsumer) -> None:
        """Let go on where every partition that has something to say of a recalculation is held there."""
        for named in {hold.recalculation for hold in self._held.values()}:
            found = self._find(named)
            expected = {} if found is None else self._expected(found)
            held = {tp for tp, hold in self._held.items() if hold.recalculation == named}
            if found is not None and found.everywhere and expected.keys() <= held:
                self._left[named] = dict(expected)
                self._log.info("law_switched", recalculation=named, outputs=sum(expected.values()))
            elif self._is_too_long(named):
                self._let_go.add(named)
            else:
                continue
            for tp in held:
                del self._held[tp]
                consumer.resume(tp)

    def _is_too_long(self, named: str) -> bool:
        now = monotonic()
        seconds = round(now - self._since)
        if now - self._since > self._limit:
            self._log.critical("law_switched_in_parts", recalculation=named, seconds=seconds)
            return True
        if now - self._said_at > _SAID_SECONDS:
            self._said_at = now
            self._log.warning("switch_waiting", recalculation=named, held=len(self._held), seconds=seconds)
        return False

    def _find(self, named: str) -> Recalculation | None:
        """Return a recalculation; what is not known, or not done everywhere, is looked for again."""
        found = self._known.get(named)
        if found is None or not found.everywhere:
            self._known = {r.started.recalculation: r for r in recalculations(self._recorded())}
        return self._known.get(named)

    def _expected(self, found: Recalculation) -> dict[TopicPartition, int]:
        """Return how many outputs each partition of a topic has of a recalculation, where there are any."""
        counts = {
            TopicPartition(topic, done.partition): _COUNTED[name](done)
            for topic, name in self._topics.items()
            if name in _COUNTED
            for done in found.partitions.values()
        }
        return {tp: count for tp, count in counts.items() if count}


def _recalculation_of(said: object) -> str | None:
    return recalculation_of(said.cause) if isinstance(said, Output) else None
