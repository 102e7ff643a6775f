"""How far those who follow topics are: two looks, seconds apart where something waits, tell lag from standstill."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from kafka import KafkaConsumer, TopicPartition

from infra.kafka.connection import Connection
from infra.kafka.groups import committed_offsets, log_bounds
from infra.kafka.reading import reader

_POLL_MS = 200
_PATIENCE_SECONDS = 2.0
_AGAIN_SECONDS = 5.0
Positions = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A partition that a reader has not finished: from where, how many records at most, since when, moving or not.

    ``since`` is the timestamp of the first record that waits; None where an open transaction hides it.
    """

    topic: str
    partition: int
    next_offset: int
    lag: int
    since: datetime | None
    moved: bool = False

    @property
    def tp(self) -> TopicPartition:
        """The partition."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How far a reader is: partitions read so far as something was committed, and those where something waits."""

    positions: Positions
    waiting: tuple[Waiting, ...]

    @property
    def lag(self) -> int:
        """How many records wait, at most: marks of transactions count too."""
        return sum(w.lag for w in self.waiting)

    @property
    def stalled(self) -> tuple[Waiting, ...]:
        """The partitions in which something waits and nothing moves."""
        return tuple(w for w in self.waiting if not w.moved)


def group_positions(connection: Connection, group: str) -> Callable[[], Positions]:
    """Return what asks how far a consumer group has committed."""
    return lambda: committed_offsets(connection, group)


def look(connection: Connection, topics: Iterable[str], positions: Callable[[], Positions]) -> Reading:
    """Look how far a reader of topics is, and whether it moves where something waits.

    :raises Unavailable: the cluster does not answer, or has not one of the topics.
    """
    with ExitStack() as open_clients:
        consumer = open_clients.enter_context(reader(connection, *topics))
        before = positions()
        waiting = _waiting(consumer, before, connection)
        if not waiting:
            return Reading(positions=before, waiting=())
        time.sleep(_AGAIN_SECONDS)
        after = positions()
        still = {w.tp: w for w in _waiting(consumer, after, connection)}
    told = tuple(
        Waiting(
            topic=w.topic,
            partition=w.partition,
            next_offset=w.next_offset,
            lag=w.lag,
            since=w.since,
            moved=after.get(w.tp, 0) > before.get(w.tp, 0),
        )
        for w in still.values()
        if w.tp in {earlier.tp for earlier in waiting}
    )
    return Reading(positions=after, waiting=told)


def _waiting(consumer: KafkaConsumer, positions: Positions, connection: Connection) -> list[Waiting]:
    """Return where a record waits. An end alone does not tell: the last offsets may be marks of transactions."""
    assigned = sorted(consumer.assignment())
    bounds = log_bounds(connection, assigned)  # what stands in open transactions waits too; a consumer does not see it
    ends = {tp: end for tp, (_, end) in bounds.items()}
    from_where = {tp: max(positions.get(tp, 0), begin) for tp, (begin, _) in bounds.items()}
    left = {tp for tp in assigned if from_where[tp] < ends[tp]}
    firsts = _first_records(consumer, {tp: from_where[tp] for tp in left}, ends)
    return [
        Waiting(
            topic=tp.topic,
            partition=tp.partition,
            next_offset=from_where[tp],
            lag=ends[tp] - from_where[tp],
            since=firsts[tp],
        )
        for tp in sorted(left)
        if tp in firsts
    ]


def _first_records(
    consumer: KafkaConsumer, from_where: Positions, ends: Positions
) -> dict[TopicPartition, datetime | None]:
    """Return the timestamp of each partition's first record before its end, None where it is hidden."""
    found: dict[TopicPartition, datetime | None] = {}
    for tp in consumer.assignment():
        if tp in from_where:
            consumer.seek(tp, from_where[tp])
        else:
            consumer.pause(tp)
    left, until = set(from_where), time.monotonic() + _PATIENCE_SECONDS
    while left and time.monotonic() < until:
        for tp, records in consumer.poll(timeout_ms=_POLL_MS).items():
            found.setdefault(tp, datetime.fromtimestamp(records[0].timestamp / 1000, UTC))
            consumer.pause(tp)
        left = {tp for tp in left if tp not in found and consumer.position(tp) < ends[tp]}
    consumer.resume(*consumer.paused())
    return found | dict.fromkeys(left)
