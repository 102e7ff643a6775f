"""How far this process is with each partition that it holds: read by ``/metrics`` and ``/readyz``, and told in the log.

Offsets are looked at every few seconds by whoever follows them (``look``); the rest is told as it happens.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from threading import RLock
from time import monotonic
from typing import Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from infra.metrics import CATALOGUE, INSTRUMENTS, MetricName

Reading = tuple[MetricName, tuple[str, ...], float]
Stage = Literal["admission", "assessment", "projection", "standings"]


class Holding(StrEnum):
    """What a process does with a partition that it holds."""

    TAKING_OVER = "taking over"
    WAITING = "waiting for the assignment"
    WORKING = "working"


@dataclass(slots=True, kw_only=True)
class Position:
    """How far a partition of one topic is. ``lag`` counts records; None while the end is not known."""

    moved_at: float
    next_offset: int | None = None
    lag: int | None = None

    def stalled(self, now: float) -> float:
        """Return for how many seconds nothing moved while something waits."""
        return now - self.moved_at if self.lag else 0.0


@dataclass(slots=True, kw_only=True)
class Held:
    """One partition that a stage of this process holds."""

    holding: Holding
    recovered: float = 0.0
    as_of: datetime | None = None
    positions: dict[str, Position] = field(default_factory=dict)
    warned: bool = False

    def lag(self) -> int:
        """Return how many records wait, as far as it is known."""
        return sum(position.lag or 0 for position in self.positions.values())

    def stalled(self, now: float) -> float:
        """Return for how many seconds a topic of it made no progress while something waits."""
        return max((position.stalled(now) for position in self.positions.values()), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A partition began to stand still, or moves again."""

    stage: Stage
    partition: int
    topic: str
    next_offset: int | None
    lag: int
    seconds: float
    moving: bool


class Progress:
    """The partitions of this process. Its reader is another thread than those who tell it.

    :param now: seconds that only rise; ``today``: the wall's clock.
    """

    def __init__(
        self, now: Callable[[], float] = monotonic, today: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._now, self._today = now, today
        self._lock = RLock()
        self._stages: dict[Stage, bool] = {}
        self._held: dict[tuple[Stage, int], Held] = {}
        self._beat = now()
        self.simulated = False

    def expect(self, stage: Stage) -> None:
        """Say that this process runs a stage; it is not ready before its partitions are assigned."""
        with self._lock:
            self._stages[stage] = False

    def assigned(self, stage: Stage) -> None:
        """Say that a stage has its partitions, be it none."""
        with self._lock:
            self._stages[stage] = True

    def hold(self, stage: Stage, partition: int, holding: Holding) -> None:
        """Say what becomes of a partition."""
        with self._lock:
            held = self._held.setdefault((stage, partition), Held(holding=holding))
            held.holding = holding
            if holding is Holding.WORKING:
                held.recovered = 1.0
                for position in held.positions.values():  # what was lost to the rebalance is no stall
                    position.moved_at = self._now()

    def drop(self, stage: Stage, partition: int) -> None:
        """Say that a partition is given up."""
        with self._lock:
            self._held.pop((stage, partition), None)

    def recover(self, stage: Stage, partition: int, share: float) -> None:
        """Say how much of a partition's state is read."""
        with self._lock:
            if (held := self._held.get((stage, partition))) is not None:
                held.recovered = share

    def tick(self, stage: Stage, partition: int, as_of: datetime | None) -> None:
        """Say how far the clock of a partition is."""
        with self._lock:
            if (held := self._held.get((stage, partition))) is not None:
                held.as_of = as_of

    def look(self, stage: Stage, partition: int, topic: str, *, next_offset: int | None, end: int | None) -> None:
        """Say below which offset all of a partition is committed, and where it ends; None: not known."""
        with self._lock:
            held = self._held.get((stage, partition))
            if held is None:
                return
            position = held.positions.setdefault(topic, Position(moved_at=self._now()))
            if end is not None:
                position.lag = None if next_offset is None else max(0, end - next_offset)
            if next_offset != position.next_offset or position.lag == 0:
                position.moved_at = self._now()
            position.next_offset = next_offset

    def beat(self) -> None:
        """Say that the process's loop turns."""
        self._beat = self._now()

    def seconds_since_beat(self) -> float:
        """Return how long ago its loop turned."""
        return self._now() - self._beat

    def lag(self, stage: Stage, partition: int) -> int:
        """Return how many records wait in a partition, as last looked at."""
        with self._lock:
            held = self._held.get((stage, partition))
            return 0 if held is None else held.lag()

    def stalls(self, limit_seconds: float) -> Iterator[Stall]:
        """Yield the partitions that stand still for longer since the last call, and those that move again."""
        with self._lock:
            for (stage, partition), held in sorted(self._held.items()):
                still = held.stalled(self._now()) > limit_seconds
                if still == held.warned or not held.positions:
                    continue
                held.warned = still
                topic, position = max(held.positions.items(), key=lambda item: item[1].stalled(self._now()))
                yield Stall(
                    stage=stage,
                    partition=partition,
                    topic=topic,
                    next_offset=position.next_offset,
                    lag=held.lag(),
                    seconds=round(held.stalled(self._now()), 1),
                    moving=not still,
                )

    def is_ready(self) -> bool:
        """Say whether every stage has its partitions and works on each."""
        with self._lock:
            working = all(held.holding is Holding.WORKING for held in self._held.values())
            return working and bool(self._stages) and all(self._stages.values())

    def document(self) -> dict[str, object]:
        """Return all of it, as ``/readyz`` shows it."""
        with self._lock:
            return {
                "ready": self.is_ready(),
                "stages": {stage: "assigned" if ready else "waiting" for stage, ready in sorted(self._stages.items())},
                "partitions": [self._shown(*key, held) for key, held in sorted(self._held.items())],
            }

    def readings(self) -> Iterator[Reading]:
        """Yield what is computed when metrics are read: name, labels, value."""
        with self._lock:
            for (stage, partition), held in sorted(self._held.items()):
                labels = (stage, str(partition))
                yield "asm_partition_ready", labels, float(held.holding is Holding.WORKING)
                yield "asm_partition_recovered_ratio", labels, held.recovered
                yield from self._clock_readings(labels, held)
                for topic, position in held.positions.items():
                    yield from self._position_readings((stage, topic, str(partition)), position)

    def _clock_readings(self, labels: tuple[str, ...], held: Held) -> Iterator[Reading]:
        if held.as_of is not None:
            yield "asm_watermark_timestamp_seconds", labels, held.as_of.timestamp()
            if not self.simulated:
                yield "asm_watermark_age_seconds", labels, (self._today() - held.as_of).total_seconds()

    def _position_readings(self, labels: tuple[str, ...], position: Position) -> Iterator[Reading]:
        if position.next_offset is not None:
            yield "asm_partition_next_offset", labels, position.next_offset
        if position.lag is not None:
            yield "asm_partition_lag_records", labels, position.lag
        yield "asm_partition_stalled_seconds", labels, position.stalled(self._now())

    def _shown(self, stage: Stage, partition: int, held: Held) -> dict[str, object]:
        return {
            "stage": stage,
            "partition": partition,
            "state": held.holding.value,
            "recovered": round(held.recovered, 3),
            "as_of": None if held.as_of is None else held.as_of.isoformat(),
            "next_offsets": {topic: position.next_offset for topic, position in sorted(held.positions.items())},
            "lag": held.lag(),
            "stalled_seconds": round(held.stalled(self._now()), 1),
        }


class ProgressCollector(Collector):
    """Gives Prometheus what is computed when it asks."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield a family for each name of the catalogue that is computed."""
        families = {
            name: GaugeMetricFamily(name, metric.meaning, labels=metric.labels)
            for name, metric in CATALOGUE.items()
            if metric.computed
        }
        for name, labels, value in self._progress.readings():
            families[name].add_metric(labels, value)
        yield from families.values()


def watched(progress: Progress, registry: CollectorRegistry) -> Progress:
    """Have a registry show how far a process is."""
    registry.register(ProgressCollector(progress))
    return progress


#: That of this process.
PROGRESS = watched(Progress(), INSTRUMENTS.registry)
