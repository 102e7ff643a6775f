"""Metrics: each name stands in one catalogue, with its labels, unit and meaning; never an identifier among the labels.

Names follow Prometheus: base units, ``_total`` for what only rises. Whoever counts calls :class:`Metrics` once a batch;
whether anybody reads is the matter of ``infra/http_port.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

MetricName = Literal[
    "asm_program_info",
    "asm_records_admitted_total",
    "asm_records_refused_total",
    "asm_events_folded_total",
    "asm_outputs_total",
    "asm_state_records_total",
    "asm_batch_records",
    "asm_batch_seconds",
    "asm_transaction_seconds",
    "asm_takeover_seconds",
    "asm_partition_ready",
    "asm_partition_recovered_ratio",
    "asm_partition_next_offset",
    "asm_partition_lag_records",
    "asm_partition_stalled_seconds",
    "asm_watermark_timestamp_seconds",
    "asm_watermark_age_seconds",
    "asm_projected_records_total",
    "asm_projected_rows_total",
    "asm_projection_waiting",
    "asm_heartbeat_timestamp_seconds",
]
Label = Literal[
    "program", "version", "generation", "vintage", "clock", "stage", "topic", "partition", "reason", "table", "channel"
]
Kind = Literal["counter", "gauge", "histogram"]

_RECORDS = (1, 10, 100, 1_000, 10_000, 100_000)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What a metric is; ``computed``: made of ``progress.py`` when it is read."""

    kind: Kind
    unit: str
    meaning: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    computed: bool = False


def _of_partition(unit: str, meaning: str, *more: Label) -> Metric:
    return Metric(kind="gauge", unit=unit, meaning=meaning, labels=("stage", *more, "partition"), computed=True)


CATALOGUE: Mapping[MetricName, Metric] = {
    "asm_program_info": Metric(
        kind="gauge",
        unit="1",
        meaning="Which program this is, and under what it runs; always 1.",
        labels=("program", "version", "generation", "vintage", "clock"),
    ),
    "asm_records_admitted_total": Metric(
        kind="counter",
        unit="records",
        meaning="Inbound records copied to the journal, in committed transactions.",
        labels=("topic",),
    ),
    "asm_records_refused_total": Metric(
        kind="counter",
        unit="records",
        meaning="Inbound records refused, by the code of docs/reasons.md; each is a dead letter too.",
        labels=("topic", "reason"),
    ),
    "asm_events_folded_total": Metric(
        kind="counter",
        unit="events",
        meaning="Events of the journal applied to the state, repeats among them.",
    ),
    "asm_outputs_total": Metric(
        kind="counter",
        unit="records",
        meaning="Outputs written by assessment, in committed transactions.",
        labels=("topic",),
    ),
    "asm_state_records_total": Metric(
        kind="counter",
        unit="records",
        meaning="State records written by assessment, in committed transactions.",
    ),
    "asm_batch_records": Metric(
        kind="histogram",
        unit="records",
        meaning="Records worked on in one go: what one or more fetches of a partition brought.",
        labels=("stage",),
        buckets=_RECORDS,
    ),
    "asm_batch_seconds": Metric(
        kind="histogram",
        unit="seconds",
        meaning="From the first record of a batch to its commit, the other partitions' turns among it.",
        labels=("stage",),
        buckets=_SECONDS,
    ),
    "asm_transaction_seconds": Metric(
        kind="histogram",
        unit="seconds",
        meaning="From the begin of a Kafka transaction to its commit.",
        labels=("stage",),
        buckets=_SECONDS,
    ),
    "asm_takeover_seconds": Metric(
        kind="histogram",
        unit="seconds",
        meaning="Taking a partition over: fence the former owner, read what it left.",
        labels=("stage",),
        buckets=_LONG_SECONDS,
    ),
    "asm_partition_ready": _of_partition("1", "1 where an owned partition is worked on, 0 while it is taken over."),
    "asm_partition_recovered_ratio": _of_partition("ratio", "How much of a partition's state is read, from 0 to 1."),
    "asm_partition_next_offset": _of_partition(
        "offset", "Below it everything of the partition is committed; the last offset and 1.", "topic"
    ),
    "asm_partition_lag_records": _of_partition(
        "records",
        "From there to the end of the partition, what stands in open transactions among it.",
        "topic",
    ),
    "asm_partition_stalled_seconds": _of_partition(
        "seconds", "Since the partition last made progress, while something waits; 0 where nothing waits.", "topic"
    ),
    "asm_watermark_timestamp_seconds": _of_partition(
        "seconds", "The partition's last tick: everything received before it is in (stage projection: as seen there)."
    ),
    "asm_watermark_age_seconds": _of_partition(
        "seconds", "How long ago that tick was; absent on a simulated clock, which stands still by right."
    ),
    "asm_projected_records_total": Metric(
        kind="counter",
        unit="records",
        meaning="Outputs read into the SQL view, in committed transactions.",
        labels=("topic",),
    ),
    "asm_projected_rows_total": Metric(
        kind="counter",
        unit="rows",
        meaning="Rows written to the SQL view, those among them that were there already.",
        labels=("table",),
    ),
    "asm_projection_waiting": Metric(
        kind="gauge",
        unit="1",
        meaning="1 while the projector waits for its database.",
    ),
    "asm_heartbeat_timestamp_seconds": Metric(
        kind="gauge",
        unit="seconds",
        meaning="The last heartbeat of an alert channel on asm.health.v1 that the projector read.",
        labels=("channel",),
    ),
}

Instrument = Counter | Gauge | Histogram


def _instrument(name: str, metric: Metric, registry: CollectorRegistry) -> Instrument:
    if metric.kind == "histogram":
        return Histogram(name, metric.meaning, metric.labels, buckets=metric.buckets, registry=registry)
    kind = Counter if metric.kind == "counter" else Gauge
    return kind(name, metric.meaning, metric.labels, registry=registry)


class Instruments:
    """The instruments that this process uses, each from its first use on, and the figures of the process."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._by_name: dict[str, Instrument] = {}
        self._making = Lock()

    def of(self, name: MetricName, labels: Mapping[str, str]) -> Instrument:
        """Return what counts under a name and labels."""
        instrument = self._by_name.get(name) or self._made(name)
        return instrument.labels(**labels) if labels else instrument

    def _made(self, name: MetricName) -> Instrument:
        with self._making:
            if name not in self._by_name:
                self._by_name[name] = _instrument(name, CATALOGUE[name], self.registry)
            return self._by_name[name]


#: Those of this process.
INSTRUMENTS = Instruments()


class Metrics:
    """Counts under names of the catalogue."""

    def __init__(self, instruments: Instruments = INSTRUMENTS) -> None:
        self._instruments = instruments

    def add(self, name: MetricName, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._instruments.of(name, labels).inc(amount)  # type: ignore[union-attr]

    def set(self, name: MetricName, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._instruments.of(name, labels).set(value)  # type: ignore[union-attr]

    def observe(self, name: MetricName, value: float, **labels: str) -> None:
        """Put a value into a histogram."""
        self._instruments.of(name, labels).observe(value)  # type: ignore[union-attr]
