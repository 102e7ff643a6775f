"""How far the projector is, in metrics and for ``/readyz``: ready once it has caught up and its database answers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from kafka import KafkaConsumer

from infra.kafka.topics import topic_names
from infra.log import Log
from infra.metrics import Metrics
from infra.progress import PROGRESS, Holding, Stage
from infra.settings import Settings
from schemas.records import HealthChanged, HealthSubject
from streams.batch_log import Batch, BatchLog
from streams.progress_watch import tell_stalls

_LOOK_SECONDS = 5.0
_STAGE: Stage = "projection"


class ProjectionProgress:
    """Tells of the projector's partitions; ``topics`` are those it reads."""

    def __init__(self, settings: Settings, topics: Iterable[str], log: Log) -> None:
        names = topic_names(settings)
        self._topics = {names.of(name): name for name in topics}
        self._limit_seconds = settings.stall_limit_seconds
        self._metrics = Metrics()
        self._batches = BatchLog(_STAGE, 0, log)
        self._looked_at = monotonic() - _LOOK_SECONDS

    def reading(self, consumer: KafkaConsumer) -> None:
        """Say that it reads what is there, and is not up to date yet."""
        PROGRESS.expect(_STAGE)
        self._hold(consumer, Holding.TAKING_OVER)
        PROGRESS.assigned(_STAGE)

    def caught_up(self, consumer: KafkaConsumer) -> None:
        """Say that it is up to date."""
        self._hold(consumer, Holding.WORKING)
        self._metrics.set("asm_projection_waiting", 0)

    def waiting(self, consumer: KafkaConsumer) -> None:
        """Say that it waits for its database."""
        self._hold(consumer, Holding.TAKING_OVER)
        self._metrics.set("asm_projection_waiting", 1)
        PROGRESS.beat()

    def wrote(self, batches: Mapping[Any, list[Any]], rows: Counter[str], seconds: float) -> None:
        """Count what was read and written in a committed transaction."""
        if not batches:
            return
        for tp, records in batches.items():
            self._metrics.add("asm_projected_records_total", len(records), topic=self._topics[tp.topic])
        for table, count in rows.items():
            self._metrics.add("asm_projected_rows_total", count, table=table)
        offsets = {f"{self._topics[tp.topic]}/{tp.partition}": records[-1].offset for tp, records in batches.items()}
        read = sum(map(len, batches.values()))
        self._batches.done(Batch(records=read, outputs=rows.total(), seconds=seconds, offsets=offsets))

    def note(self, said: Iterable[object]) -> None:
        """Remember the last heartbeat."""
        for word in said:
            if isinstance(word, HealthChanged) and word.subject is HealthSubject.HEARTBEAT:
                self._metrics.set("asm_heartbeat_timestamp_seconds", word.since.timestamp(), channel=word.name)

    def look(self, consumer: KafkaConsumer) -> None:
        """Say every few seconds how far each partition is."""
        PROGRESS.beat()
        if monotonic() - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        for tp, end in consumer.end_offsets(list(consumer.assignment())).items():
            topic = self._topics[tp.topic]
            PROGRESS.look(_STAGE, tp.partition, topic, next_offset=consumer.position(tp), end=end)
        self._batches.tell()
        tell_stalls(PROGRESS, self._limit_seconds)

    def _hold(self, consumer: KafkaConsumer, holding: Holding) -> None:
        for partition in {tp.partition for tp in consumer.assignment()}:
            PROGRESS.hold(_STAGE, partition, holding)
