"""Admission on Kafka: the inbound topics' partitions *p* -> the journal's partition *p*, with the clock's ticks.

The order of effects is that of assessment (``docs/operations/effects.md``): decide; rows and offsets in one transaction
of the partition, every delivery awaited; commit; settle.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, ClassVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from infra.kafka.topics import JOURNAL
from infra.progress import PROGRESS, Stage
from schemas.codec import encode
from schemas.records import DeadLetter
from schemas.topics import TopicNames, contract
from streams.admission import PROMOTIONS, REDRIVE, Inbound, Rules, admit_batch, batch_closed, clock_ticked, refusal
from streams.batch_log import Batch
from streams.clock import CLOCK_TOPIC, Clock, Instant, Watermark
from streams.ownership import Host, PartitionOwner, Tick, Work
from streams.redrive import Received, inbound_from
from streams.refusals import RefusalGauge
from streams.rows import Row
from streams.transaction import FencedProducer, Offsets

_SLICE = 500
_REFUSALS, _DEAD_LETTERS, _HEALTH = "asm.refusals.v1", "asm.dead-letters.v1", "asm.health.v1"


def admitted_topics() -> tuple[str, ...]:
    """Return the topics that admission reads: the inbound ones, what operators send again, and what they promote."""
    return (*contract().inbound(), REDRIVE, PROMOTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionTools:
    """What all partitions of the admission app share."""

    names: TopicNames
    rules: Rules
    clock: Clock
    gauge: RefusalGauge
    broker: AIOKafkaConsumer


@dataclass(frozen=True, slots=True)
class _Done:
    """What the batches of one transaction come to, by topic: records, last offsets, refused by reason."""

    records: Counter[str] = field(default_factory=Counter)
    offsets: dict[str, int] = field(default_factory=dict)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)


class Admitting(PartitionOwner):
    """Admits what arrives in one partition of the inbound topics."""

    stage: ClassVar[Stage] = "admission"

    def __init__(self, app: Host, partition: int, producer: FencedProducer, tools: AdmissionTools) -> None:
        super().__init__(app, partition, producer)
        self._tools = tools
        self._contract_names = {tools.names.of(name): name for name in admitted_topics()}
        self._clock_partition = TopicPartition(tools.names.of(CLOCK_TOPIC), 0)
        self._clock_group = f"{self.group}-clock-{partition}"
        self._last: Instant | None = None
        self._admitted: dict[TopicPartition, int] = {}

    async def load(self) -> None:
        """Learn how far the former owner ticked on a simulated clock."""
        self._last = await self._tools.clock.last_ticked(self._clock_group)

    def work(self) -> list[Work]:
        """Admit, and tick."""
        return [*super().work(), self._tick]

    async def process(self, events: Sequence[Any]) -> None:
        """Admit batches in one transaction, then write ticks; a simulated tick commits the clock's offset, alone."""
        started, done = perf_counter(), _Done()
        ticks = [event for event in events if isinstance(event, Tick)]
        batches = [event for event in events if not isinstance(event, Tick)]
        writes: defaultdict[str, list[Row]] = defaultdict(list)
        positions: dict[TopicPartition, int] = {}
        for event in batches:
            partition, records = TopicPartition(*event.message.tp), self._not_admitted(event)
            if records:
                await self._admit(records, writes, done)
                self._admitted[partition] = positions[partition] = records[-1].offset + 1
        if positions:
            writes[JOURNAL].append(batch_closed())
        writes[JOURNAL] += [clock_ticked(tick.as_of) for tick in ticks if tick.clock_offset is None]
        await self._commit(writes, Offsets(self.group, positions) if positions else None)
        if positions:
            self._note(done, perf_counter() - started)
        for tick in ticks:
            if tick.clock_offset is not None:
                progress = Offsets(self._clock_group, {self._clock_partition: tick.clock_offset + 1})
                await self._commit({JOURNAL: [clock_ticked(tick.as_of)]}, progress)
        self._settle(batches, ticks)

    def _not_admitted(self, event: Any) -> Sequence[Any]:
        """Leave out what this owner admitted: an offset committed a moment ago may not be told to the group yet."""
        known = self._admitted.get(TopicPartition(*event.message.tp), 0)
        return event.value if event.value[0].offset >= known else [r for r in event.value if r.offset >= known]

    def _settle(self, batches: Sequence[Any], ticks: Sequence[Tick]) -> None:
        for event in batches:
            self.app.settle(event)
        for tick in ticks:
            tick.settle(written=True)

    def _note(self, done: _Done, seconds: float) -> None:
        """Count what was committed."""
        refused_of: Counter[str] = Counter()
        for (topic, reason), count in done.refused.items():
            self.metrics.add("asm_records_refused_total", count, topic=topic, reason=reason)
            refused_of[topic] += count
        for topic, count in done.records.items():
            self.metrics.add("asm_records_admitted_total", count - refused_of[topic], topic=topic)
        records, refused = done.records.total(), refused_of.total()
        self.batches.done(Batch(records=records, outputs=records - refused, seconds=seconds, offsets=done.offsets))

    async def _admit(self, records: Sequence[Any], writes: defaultdict[str, list[Row]], done: _Done) -> None:
        topic, refused = self._contract_names[records[0].topic], Counter[str]()
        done.records[topic] += len(records)
        done.offsets[topic] = records[-1].offset
        for start in range(0, len(records), _SLICE):
            inbound = [self._inbound(record) for record in records[start : start + _SLICE]]
            admitted = admit_batch(inbound, self._tools.rules)
            writes[JOURNAL] += admitted.rows
            for letter in admitted.letters:
                refused[letter.reason] += 1
            self._write_letters(inbound, admitted.letters, writes)
            await asyncio.sleep(0)  # the loop has heartbeats and other partitions to care for
        if refused:
            done.refused.update({(topic, reason): count for reason, count in refused.items()})
            self.log.warning("records_refused", reasons=dict(refused))

    def _inbound(self, record: Any) -> Inbound:
        return inbound_from(
            Received(
                topic=self._contract_names[record.topic],
                partition=record.partition,
                offset=record.offset,
                key=record.key,
                value=record.value,
                timestamp=record.timestamp,
                headers=record.headers,
            )
        )

    def _write_letters(
        self, inbound: Sequence[Inbound], letters: Sequence[DeadLetter], writes: defaultdict[str, list[Row]]
    ) -> None:
        by_origin = {letter.origin: letter for letter in letters}
        for record in inbound:
            letter = by_origin.get(record.origin)
            health = self._tools.gauge.note(record.topic, refused=letter is not None)
            if health is not None:
                writes[_HEALTH].append(Row(key=health.name.encode(), value=encode(health)))
            if letter is not None:
                key = _safe_key(record.key)
                writes[_DEAD_LETTERS].append(Row(key=key, value=encode(letter)))
                writes[_REFUSALS].append(Row(key=key, value=encode(refusal(letter))))

    async def _commit(self, writes: Mapping[str, list[Row]], offsets: Offsets | None) -> None:
        named = {self._tools.names.of(topic): rows for topic, rows in writes.items() if rows}
        if named:
            await self.commit(named, offsets)

    async def _tick(self) -> None:
        """Write a tick whenever the clock says so and everything received before it is settled (``clock.py``)."""
        watermark = Watermark(
            tuple(TopicPartition(topic, self.partition) for topic in self._contract_names),
            self._tools.broker.end_offsets,
            lambda tp: self.app.settled_below(TP(*tp)),
        )
        while True:
            instant = await self._tools.clock.next(self._last)
            generation = await self.assigned()
            if not await watermark.reached(partial(self._is_still, generation)):
                continue
            written = asyncio.get_running_loop().create_future()
            tick = Tick(as_of=instant.as_of, generation=generation, written=written, clock_offset=instant.clock_offset)
            await self.put(tick)
            if await written:  # else it was dropped with its assignment: start over
                self._last = instant
                PROGRESS.tick(self.stage, self.partition, instant.as_of)
                self.log.debug("clock_ticked", as_of=instant.as_of.isoformat())

    def _is_still(self, generation: int) -> bool:
        return self.generation == generation


def _safe_key(key: bytes | None) -> bytes | None:
    """Keep a refused record's key where it has a TIN's shape; another may identify somebody."""
    return key if key is not None and len(key) == 9 and key.isdigit() else None
