"""Says when the clock of a partition stands still: silence must not look like health (architecture: time).

It looks from outside, in the projector's process, at the marks that assessment commits with its state: whatever stops a
tick (admission, assessment, the broker, a feed's open transaction) stops the mark. On a simulated clock it is not used.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from kafka import KafkaConsumer

from infra.kafka.connection import Connection
from infra.kafka.reading import reader
from infra.kafka.topics import topic_names
from infra.log import Log
from infra.progress import PROGRESS
from schemas.records import HealthChanged, HealthState, HealthSubject
from schemas.state import PartitionMark, unpack
from streams.health import health_said, health_voice
from streams.state import MARK_KEY, STATE

_TAIL = 500


class Watermarks:
    """What is known of each partition's clock, and what was said of it."""

    def __init__(self, partitions: int, limit: timedelta, started: datetime) -> None:
        self._as_of: dict[int, datetime | None] = dict.fromkeys(range(partitions))
        self._limit = limit
        self._started = started
        self._firing: set[str] = set()

    def remember(self, said: HealthChanged) -> None:
        """Take note of what was said before."""
        if said.subject is HealthSubject.WATERMARK:
            (self._firing.add if said.state is HealthState.FIRING else self._firing.discard)(said.name)

    def mark(self, partition: int, as_of: datetime | None) -> None:
        """Take note of how far a partition is."""
        self._as_of[partition] = as_of

    def changes(self, now: datetime) -> Iterator[HealthChanged]:
        """Yield which clocks stand still since the last time, or go again; only a mark shows that one goes again."""
        for partition, as_of in sorted(self._as_of.items()):
            name, still = str(partition), now - (as_of or self._started) > self._limit
            fired = name in self._firing
            if still != fired and not (fired and as_of is None):
                said = HealthChanged(
                    subject=HealthSubject.WATERMARK,
                    name=name,
                    state=HealthState.FIRING if still else HealthState.RESOLVED,
                    since=now,
                    detail=_detail(as_of, still=still),
                )
                self.remember(said)
                yield said


def _detail(as_of: datetime | None, *, still: bool) -> str:
    told = "has never ticked" if as_of is None else f"is at {as_of.isoformat()}"
    wrong = ": deadlines that pass are not announced. See docs/operations/watermark.md." if still else "."
    return f"The clock of the partition {told}{wrong}"


class WatermarkWatch:
    """Follows the marks on Kafka and announces clocks that stand still."""

    def __init__(self, connection: Connection, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._connection = connection
        self._now = now
        self._names = topic_names(connection.settings)
        self._log = Log()
        self._open = ExitStack()

    def __enter__(self) -> "WatermarkWatch":
        """Open the clients, and read what was said before.

        :raises Unavailable: the broker does not answer, or its topics are missing.
        """
        limit = timedelta(seconds=self._connection.settings.watermark_limit_seconds)
        self._marks: KafkaConsumer = self._open.enter_context(reader(self._connection, self._names.of(STATE)))
        assigned = self._marks.assignment()
        self._watermarks = Watermarks(len(assigned), limit, self._now())
        for said in health_said(self._connection):
            self._watermarks.remember(said)
        begins = self._marks.beginning_offsets(list(assigned))
        for tp, end in self._marks.end_offsets(list(assigned)).items():
            self._marks.seek(tp, max(begins[tp], end - _TAIL))  # a mark is written with every batch
        self._voice = self._open.enter_context(health_voice(self._connection))
        return self

    def __exit__(self, *_: object) -> None:
        """Close the clients."""
        self._open.close()

    def look(self) -> None:
        """Read the marks that are there, and say what changed.

        :raises Unavailable: Kafka did not take it.
        """
        for records in self._marks.poll(timeout_ms=0).values():
            for record in records:
                if record.key == MARK_KEY and record.value is not None:
                    as_of = unpack(record.value, PartitionMark).as_of
                    self._watermarks.mark(record.partition, as_of)
                    PROGRESS.tick("projection", record.partition, as_of)
        for said in self._watermarks.changes(self._now()):
            told = self._log.warning if said.state is HealthState.FIRING else self._log.info
            told("watermark_stalled" if said.state is HealthState.FIRING else "watermark_moving", partition=said.name)
            self._voice.say(said)
