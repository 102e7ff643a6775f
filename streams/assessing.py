"""Assessment on Kafka: the journal's partition *p* -> outputs and state of *p*, in the order of effects.

The four steps stand in ``assessment.py``; steps 2 to 4 are :meth:`Assessing.process`.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

from aiokafka import TopicPartition

from infra.kafka.connection import Connection
from infra.kafka.topics import JOURNAL
from infra.progress import PROGRESS, Stage
from processors.outputs import FindingChanged, ObligationChanged, Output, ScoreChanged
from schemas.codec import encode
from schemas.topics import TopicNames, contract
from streams.admission import milliseconds, read_journal
from streams.assessment import SYSTEM, Assessor, Effects, Entry, Law
from streams.batch_log import Batch
from streams.clients import AIOKAFKA, Clients
from streams.log_lost import journal_without_beginning
from streams.ownership import Host, PartitionOwner
from streams.rows import Row
from streams.state import STATE, PartitionState, StateRefused, load_state
from streams.transaction import FencedProducer, Offsets

_SLICE = 200
_STATE_FETCH_BYTES = 16 << 20
_AGAIN_SECONDS = 3.0
_OUTPUT_TOPICS: dict[type[object], str] = {
    ScoreChanged: "asm.scores.v1",
    ObligationChanged: "asm.compliance.v1",
    FindingChanged: "asm.findings.v1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentTools:
    """What all partitions of the assessment app share."""

    names: TopicNames
    law: Law
    connection: Connection
    clients: Clients = AIOKAFKA


class Overtaken(Exception):
    """Another owner took the partition while this one was taking it over: end, and start again."""


class Assessing(PartitionOwner):
    """Assesses one partition of the journal."""

    stage: ClassVar[Stage] = "assessment"
    _assessor: Assessor

    def __init__(self, app: Host, partition: int, producer: FencedProducer, tools: AssessmentTools) -> None:
        super().__init__(app, partition, producer)
        self._tools = tools
        self._journal = TopicPartition(tools.names.of(JOURNAL), partition)
        self._pending: list[Any] = []

    async def load(self) -> None:
        """Read the partition's state in bulk, and see that it fits the committed offset.

        A worker that froze in here and was overtaken reads what its successor is writing: what does not fit is read
        again, and is refused only if nothing moves.

        :raises StateRefused: the two do not belong together.
        :raises Overtaken: another owner writes.
        :raises LogLost: a generation begins whose journal does not.
        """
        state, committed = await self._read_state()
        if committed is not None and committed != state.mark.applied + 1:
            await asyncio.sleep(_AGAIN_SECONDS)
            now, committed_now = await self._read_state()
            if (now.mark.applied, committed_now) != (state.mark.applied, committed):
                raise Overtaken(f"another owner of partition {self.partition} writes its state")
            raise StateRefused(
                f"The state of partition {self.partition} ends at journal offset {state.mark.applied} and the group "
                f"{self.group} has committed {committed}: one of the two was lost or set by hand."
            )
        self._assessor = Assessor(state, self._tools.law)
        PROGRESS.tick(self.stage, self.partition, state.mark.as_of)

    def forget(self) -> None:
        """Drop what stands above the last mark: it comes again."""
        self._pending = []

    async def process(self, events: Sequence[Any]) -> None:
        """Decide up to the last mark, commit, settle."""
        started = perf_counter()
        for event in events:
            self._pending += self._unseen(event.value)
        last_mark = max((n for n, record in enumerate(self._pending) if record.key is None), default=None)
        if last_mark is not None:
            due, self._pending = self._pending[: last_mark + 1], self._pending[last_mark + 1 :]
            effects = await self._decide(due)  # 1
            await self._commit(effects)  # 2 and 3
            self._note(due, effects, perf_counter() - started)
        for event in events:  # 4
            self.app.settle(event)

    def _unseen(self, records: Sequence[Any]) -> Sequence[Any]:
        """Leave out what is applied or pending already."""
        known = self._pending[-1].offset if self._pending else self._assessor.state.mark.applied
        return records if records[0].offset > known else [r for r in records if r.offset > known]

    async def _decide(self, records: Sequence[Any]) -> Effects:
        for start in range(0, len(records), _SLICE):
            for _ in self._assessor.steps([_entry(record) for record in records[start : start + _SLICE]]):
                await asyncio.sleep(0)  # the loop has heartbeats and other partitions' transactions to care for
            await asyncio.sleep(0)
        return self._assessor.take_effects()

    async def _commit(self, effects: Effects) -> None:
        writes: defaultdict[str, list[Row]] = defaultdict(list)
        for output in effects.outputs:
            writes[self._tools.names.of(_OUTPUT_TOPICS[type(output)])].append(_output_row(output))
        writes[self._tools.names.of(STATE)] = [Row(key=key, value=value) for key, value in effects.state]
        offsets = Offsets(self.group, {self._journal: effects.applied + 1})
        await self.commit(writes, offsets)

    def _note(self, records: Sequence[Any], effects: Effects, seconds: float) -> None:
        """Count what was committed."""
        events = sum(record.key is not None for record in records)
        self.metrics.add("asm_events_folded_total", events)
        self.metrics.add("asm_state_records_total", len(effects.state))
        for kind, count in Counter(map(type, effects.outputs)).items():
            self.metrics.add("asm_outputs_total", count, topic=_OUTPUT_TOPICS[kind])
        PROGRESS.tick(self.stage, self.partition, self._assessor.state.mark.as_of)
        offsets = {JOURNAL: effects.applied}
        self.batches.done(Batch(records=events, outputs=len(effects.outputs), seconds=seconds, offsets=offsets))

    async def _read_state(self) -> tuple[PartitionState, int | None]:
        """Return the state of the partition, and the committed offset of the journal."""
        state = TopicPartition(self._tools.names.of(STATE), self.partition)
        consumer = self._tools.clients.consumer(
            **self._tools.connection.aiokafka(),
            group_id=self.group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=_STATE_FETCH_BYTES,
            fetch_max_wait_ms=50,
        )
        consumer.assign([state, self._journal])
        await consumer.start()
        try:
            committed = await consumer.committed(self._journal)
            begin = (await consumer.beginning_offsets([self._journal]))[self._journal]
            if committed is None and begin > 0:
                raise journal_without_beginning(self.group, self._journal, begin)
            consumer.pause(self._journal)
            await consumer.seek_to_beginning(state)
            end = (await consumer.end_offsets([state]))[state]
            records = []
            while (position := await consumer.position(state)) < end:  # the last record may be a commit marker
                PROGRESS.recover(self.stage, self.partition, position / end)
                for batch in (await consumer.getmany(state, timeout_ms=200)).values():
                    records += [(record.key, record.value) for record in batch]
        finally:
            await consumer.stop()
        return load_state(records, self._tools.law.fresh_mark()), committed


async def publish_rulebooks(law: Law, topic: str, producer: Any) -> None:
    """Write the full text of each rulebook under its digest, so that a digest can be read years later."""
    for rulebook in law.rulebooks.values():
        await producer.send_and_wait(topic, key=rulebook.digest.encode(), value=rulebook.text.encode())


def _entry(record: Any) -> Entry:
    return Entry(offset=record.offset, content=read_journal(record.value, dict(record.headers)))


def _output_row(output: Output) -> Row:
    return Row(
        key=output.tin.digits.encode(),
        value=encode(output),
        timestamp=milliseconds(output.as_of),
        headers=(
            ("ce_type", f"{contract().namespace}.{type(output).__name__}".encode()),
            ("ce_source", SYSTEM.encode()),
            ("ce_id", output.emitted_id.encode()),
        ),
    )
