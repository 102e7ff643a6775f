"""What a batch did, in metrics and in the log: one line a batch for who hunts a fault, else one in ten seconds."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from infra.log import Log
from infra.metrics import Metrics
from infra.progress import PROGRESS, Stage

_TELL_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a committed batch did; ``offsets`` are the last ones, by topic, ``outputs`` the records that it wrote."""

    records: int
    outputs: int
    seconds: float
    offsets: Mapping[str, int]


@dataclass(slots=True)
class _Told:
    batches: int = 0
    figures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    offsets: dict[str, int] = field(default_factory=dict)


class BatchLog:
    """Tells of the batches of one partition."""

    def __init__(self, stage: Stage, partition: int, log: Log, now: Callable[[], float] = monotonic) -> None:
        self._stage: Stage = stage
        self._partition = partition
        self._log = log
        self._now = now
        self._metrics = Metrics()
        self._since = _Told()
        self._told_at = now() - _TELL_SECONDS

    def done(self, batch: Batch) -> None:
        """Take note of a batch."""
        self._metrics.observe("asm_batch_records", batch.records, stage=self._stage)
        self._metrics.observe("asm_batch_seconds", batch.seconds, stage=self._stage)
        self._log.debug(
            "batch_done",
            records=batch.records,
            outputs=batch.outputs,
            seconds=round(batch.seconds, 4),
            offsets=dict(batch.offsets),
            lag=PROGRESS.lag(self._stage, self._partition),
        )
        since = self._since
        since.batches += 1
        since.figures.update(records=batch.records, outputs=batch.outputs)
        since.seconds += batch.seconds
        since.offsets |= batch.offsets
        self.tell()

    def tell(self) -> None:
        """Write the line of what was done since the last one, where it is time; marks alone are not worth one."""
        since = self._since
        if not since.figures["records"] or self._now() - self._told_at < _TELL_SECONDS:
            return
        self._log.info(
            "batches_done",
            batches=since.batches,
            **since.figures,
            seconds=round(since.seconds, 3),
            offsets=since.offsets,
            lag=PROGRESS.lag(self._stage, self._partition),
        )
        self._since, self._told_at = _Told(), self._now()
