"""Assessment on Kafka: the journal's partition *p* -> outputs and state of *p*, in the order of effects.

The four steps stand in ``assessment.py``; steps 2 to 4 are :meth:`Assessing.process`.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, ClassVar

from aiokafka import TopicPartition

from infra.kafka.topics import JOURNAL
from infra.progress import PROGRESS, Stage
from processors.events import LawPromoted, Mark
from processors.outputs import FindingChanged, ObligationChanged, Output, ScoreChanged
from schemas.codec import encode, schema_of
from schemas.recalculations import PartitionRecalculated
from schemas.topics import LIVE, TopicNames, contract
from streams.admission import milliseconds, read_journal
from streams.assessment import SYSTEM, Assessor, Entry, Law
from streams.batch_log import Batch
from streams.beginning import Beginning, Source
from streams.dead_letters import OPERATIONS
from streams.effects import Effects, Recalculated
from streams.ownership import Host, PartitionOwner
from streams.rows import Row
from streams.runs import Run
from streams.state import STATE
from streams.transaction import FencedProducer, Offsets

_SLICE = 200
#: After so long what was decided is committed, at the next mark.
_COMMIT_SECONDS = 1.0
_TURN = LawPromoted.__name__
_OUTPUT_TOPICS: dict[type[object], str] = {
    ScoreChanged: "asm.scores.v1",
    ObligationChanged: "asm.compliance.v1",
    FindingChanged: "asm.findings.v1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentTools(Source):
    """What all partitions of the assessment app share."""

    names: TopicNames


class Assessing(PartitionOwner):
    """Assesses one partition of the journal."""

    stage: ClassVar[Stage] = "assessment"
    _assessor: Assessor

    def __init__(self, app: Host, partition: int, producer: FencedProducer, tools: AssessmentTools) -> None:
        super().__init__(app, partition, producer)
        self._tools = tools
        self._journal = TopicPartition(tools.names.of(JOURNAL), partition)
        self._beginning = Beginning(tools, partition, self.log)
        self._pending: list[Any] = []
        self._ended = False

    async def load(self) -> None:
        """Find what the partition begins with; what it is seeded with is committed at once.

        :raises StateRefused: there is state that this engine and law must not continue.
        :raises Overtaken: another owner writes.
        :raises LogLost: a generation begins whose journal does not.
        """
        self._assessor, seeded = await self._beginning.assessor()
        if seeded:
            await self._commit(self._assessor.take_effects())
        self._ended = self._assessor.state.mark.ended
        PROGRESS.tick(self.stage, self.partition, self._assessor.state.mark.as_of)

    def forget(self) -> None:
        """Drop what stands above the last mark: it comes again."""
        self._pending = []

    async def process(self, events: Sequence[Any]) -> None:
        """Decide up to the last mark, commit, settle; a run that has ended only settles.

        What takes long is committed in several transactions, each up to a mark: it is the marks that decide what is
        said. An owner that is to let go stops at the next one; the rest comes again, to whoever is next.
        """
        for event in events:
            self._pending += [] if self._ended else self._unseen(event.value)
        last_mark = max((n for n, record in enumerate(self._pending) if record.key is None), default=None)
        if last_mark is not None:
            due, self._pending = self._pending[: last_mark + 1], self._pending[last_mark + 1 :]
            for records, mark in _up_to_turns(due, self._tools.run):
                if not await self._work(records, mark):
                    return
        for event in events:  # 4
            self.app.settle(event)

    async def _work(self, records: Sequence[Any], turn: Mark | None) -> bool:
        """Work on records up to a mark; where the last is a turn, a promotion or beyond the end of the run, turn.

        Return whether all was done: not where the partition is to be let go.
        """
        if turn is not None and not records:
            await self._end()
        if self._ended or not records:
            return True
        if isinstance(turn, LawPromoted) and self._tools.law.generation == LIVE:
            self._assessor.prepare(*await self._beginning.promoted(turn, records[-1].offset, self._assessor.law))
        decided: list[Any] = []
        started = perf_counter()
        for piece in _up_to_marks(records):
            await self._decide(piece)  # 1
            decided += piece
            is_last = piece[-1] is records[-1]
            if is_last or self.generation is None or perf_counter() - started > _COMMIT_SECONDS:
                await self._commit_decided(decided, started)
                decided, started = [], perf_counter()
            if self.generation is None and not is_last:
                return False
        if isinstance(turn, LawPromoted) and self._tools.law.generation == turn.generation:
            await self._end()  # the live generation has its law from here on, and may want these very facts
        return True

    async def _commit_decided(self, records: Sequence[Any], started: float) -> None:
        effects = self._assessor.take_effects()
        await self._commit(effects)  # 2 and 3
        seconds = perf_counter() - started
        self._note(records, effects, seconds)
        done = effects.recalculated
        if done is not None:
            self.log.info("law_promoted", recalculation=done.recalculation, movers=done.movers, seconds=seconds)

    async def _end(self) -> None:
        """Say in the state that the run goes no further."""
        self._ended, self._pending = True, []
        self._assessor.state.mark = replace(self._assessor.state.mark, ended=True)
        await self._commit(self._assessor.take_effects())
        self.log.info("generation_ended", applied=self._assessor.state.mark.applied)

    def _unseen(self, records: Sequence[Any]) -> Sequence[Any]:
        """Leave out what is applied or pending already."""
        known = self._pending[-1].offset if self._pending else self._assessor.state.mark.applied
        return records if records[0].offset > known else [r for r in records if r.offset > known]

    async def _decide(self, records: Sequence[Any]) -> None:
        for start in range(0, len(records), _SLICE):
            await self._tools.run.pace.take(len(records[start : start + _SLICE]))
            for _ in self._assessor.steps([_entry(record) for record in records[start : start + _SLICE]]):
                await asyncio.sleep(0)  # the loop has heartbeats and other partitions' transactions to care for
            await asyncio.sleep(0)

    async def _commit(self, effects: Effects) -> None:
        writes: defaultdict[str | TopicPartition, list[Row]] = defaultdict(list)
        for output in effects.outputs:
            writes[self._tools.names.of(_OUTPUT_TOPICS[type(output)])].append(_output_row(output))
        writes[self._tools.names.of(STATE)] = [Row(key=key, value=value) for key, value in effects.state]
        if effects.recalculated is not None and self._tools.law.generation == LIVE:
            operations = TopicPartition(self._tools.names.of(OPERATIONS), 0)
            writes[operations].append(Row(key=None, value=encode(self._told(effects.applied, effects.recalculated))))
        offsets = Offsets(self.group, {self._journal: effects.applied + 1})
        await self.commit(writes, offsets)

    def _told(self, offset: int, done: Recalculated) -> PartitionRecalculated:
        kinds = Counter(map(type, done.outputs))
        return PartitionRecalculated(
            recalculation=done.recalculation,
            partition=self.partition,
            journal_offset=offset,
            participants=done.participants,
            movers=done.movers,
            scores=kinds[ScoreChanged],
            obligations=kinds[ObligationChanged],
            findings=kinds[FindingChanged],
        )

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


async def publish_rulebooks(law: Law, topic: str, producer: Any) -> None:
    """Write the full text of each rulebook under its digest, so that a digest can be read years later."""
    for rulebook in law.rulebooks.values():
        await producer.send_and_wait(topic, key=rulebook.digest.encode(), value=rulebook.text.encode())


def _up_to_turns(records: Sequence[Any], run: Run) -> Iterator[tuple[Sequence[Any], Mark | None]]:
    """Yield records, which end with a mark, up to each turn with the turn, and then the rest.

    A turn is a promotion, or the first mark beyond the end of the run, which no records are yielded with.
    """
    start = 0
    for number, record in enumerate(records):
        if record.key is not None:
            continue
        if schema_of(record.value).record == _TURN:
            yield records[start : number + 1], read_journal(record.value, {})
            start = number + 1
        elif run.until is not None and run.is_over_at(mark := read_journal(record.value, {})):
            yield records[start:number], None
            yield (), mark
            return
    yield records[start:], None


def _up_to_marks(records: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield records, which end with a mark, in pieces that do, and are not needlessly small."""
    start = 0
    for number, record in enumerate(records, 1):
        if record.key is None and number - start >= _SLICE:
            yield records[start:number]
            start = number
    if start < len(records):
        yield records[start:]


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
