"""The heartbeat: how far the system is, said every hour, so that its absence is a sign.

It counts what it can see from outside: the marks that assessment commits with its state, the outputs, and what is left
to read of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from kafka import KafkaConsumer

from infra.kafka.connection import Connection
from schemas.records import HealthChanged, HealthState, HealthSubject
from schemas.state import PartitionMark, unpack
from streams.state import MARK_KEY

_TAIL = 500


class Marks:
    """How far each partition is, by the marks on the state topic."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        assigned = list(consumer.assignment())
        self._as_of: dict[int, datetime | None] = dict.fromkeys(tp.partition for tp in assigned)
        begins = consumer.beginning_offsets(assigned)
        for tp, end in consumer.end_offsets(assigned).items():
            consumer.seek(tp, max(begins[tp], end - _TAIL))  # a mark is written with every batch

    def read(self) -> None:
        """Take note of the marks that are there."""
        for records in self._consumer.poll(timeout_ms=0).values():
            for record in records:
                if record.key == MARK_KEY and record.value is not None:
                    self._as_of[record.partition] = unpack(record.value, PartitionMark).as_of

    @property
    def as_of(self) -> datetime | None:
        """The instant that every partition has been assessed as of; None where one never was."""
        known = [as_of for as_of in self._as_of.values() if as_of is not None]
        return min(known) if len(known) == len(self._as_of) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a heartbeat says: how far, how many clinicians, how much is open and fires, and what is left to read."""

    as_of: datetime | None
    participants: int
    open: int
    firing: int
    lag_records: int

    def in_words(self) -> str:
        """Return the figures in one line."""
        as_of = "never" if self.as_of is None else self.as_of.isoformat()
        return (
            f"as_of={as_of} participants={self.participants} open={self.open} firing={self.firing} "
            f"lag_records={self.lag_records}"
        )


def heartbeat(channel: str, beat: Beat, wall: datetime) -> HealthChanged:
    """Return the word on the health topic: a heartbeat is RESOLVED, since nothing is wrong while it comes."""
    return HealthChanged(
        subject=HealthSubject.HEARTBEAT, name=channel, state=HealthState.RESOLVED, since=wall, detail=beat.in_words()
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """Whose time it is: the wall's, or on a simulated clock what every partition has been assessed as of."""

    connection: Connection
    marks: Marks
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> datetime:
        """Return the instant."""
        if self.connection.settings.clock == "wall":
            return self.wall()
        return self.marks.as_of or datetime.fromtimestamp(0, UTC)


def unread(consumer: KafkaConsumer) -> int:
    """Return how many records are left to read."""
    ends = consumer.end_offsets(list(consumer.assignment()))
    return sum(max(0, end - consumer.position(tp)) for tp, end in ends.items())
