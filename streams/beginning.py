"""Where an owner of a partition begins: with what its generation kept, or with the facts of another generation."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aiokafka import TopicPartition

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.topics import JOURNAL, topic_names
from infra.log import Log
from infra.progress import PROGRESS, Stage
from processors.engine import ENGINE
from processors.events import LawPromoted
from processors.outputs import RECALCULATION, Cause
from schemas.state import PartitionMark
from schemas.topics import LIVE
from streams.admission import read_journal
from streams.assessment import SYSTEM, Assessor
from streams.bulk import read_to_end
from streams.clients import AIOKAFKA, Clients
from streams.groups import assessment_group
from streams.law import Law
from streams.laws import law_by_digests, published_texts
from streams.log_lost import journal_without_beginning
from streams.runs import UNBOUNDED, Run
from streams.state import STATE, PartitionState, StateRefused, load_state, mark_of, said_before

_STAGE: Stage = "assessment"
_STATE_FETCH_BYTES = 16 << 20
_AGAIN_SECONDS = 3.0
_HANDOVER_SECONDS, _HANDOVER_MOST_SECONDS = 0.5, 10.0


class Overtaken(Exception):
    """Another owner took the partition while this one was taking it over: end, and start again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is needed to find states and laws; ``texts`` tells the rulebooks of a cluster by digest."""

    law: Law
    connection: Connection
    clients: Clients = AIOKAFKA
    run: Run = UNBOUNDED
    texts: Callable[[Connection], Mapping[str, str]] = published_texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a generation keeps of a partition, and how far its group is in the journal."""

    records: Mapping[bytes, bytes]
    committed: int | None
    journal_begins: int

    @property
    def mark(self) -> PartitionMark | None:
        """The mark of the partition, where something was applied."""
        return mark_of(self.records)

    @property
    def place(self) -> tuple[int, int | None]:
        """How far the state is, and the group."""
        return -1 if self.mark is None else self.mark.applied, self.committed


class Beginning:
    """Finds what a partition begins with, or goes on with under another law."""

    def __init__(self, source: Source, partition: int, log: Log) -> None:
        self._source = source
        self._partition = partition
        self._log = log

    async def assessor(self) -> tuple[Assessor, bool]:
        """Return what assesses the partition, and whether it was seeded: then it has something to commit.

        A worker that froze in here and was overtaken reads what its successor is writing: what does not fit is read
        again, and is refused only if nothing moves.

        :raises StateRefused: state and offset do not belong together, or are of another engine or law.
        :raises Overtaken: another owner writes.
        :raises LogLost: a generation begins whose journal does not.
        """
        generation = self._source.law.generation
        kept = await self._read(generation)
        if kept.committed is None and self._source.run.seeded:
            return await self._seeded()
        if kept.committed is None and kept.journal_begins > 0:
            raise journal_without_beginning(self._group(generation), self._journal, kept.journal_begins)
        applied, committed = kept.place
        if committed is not None and committed != applied + 1:
            await asyncio.sleep(_AGAIN_SECONDS)
            if (await self._read(generation)).place != kept.place:
                raise Overtaken(f"another owner of partition {self._partition} writes its state")
            raise StateRefused(
                f"The state of partition {self._partition} ends at journal offset {applied} and the group "
                f"{self._group(generation)} has committed {committed}: one of the two was lost or set by hand."
            )
        if kept.mark is not None and kept.mark.engine != ENGINE and generation == LIVE:
            return await self._upgraded(kept), True
        law = await self._law_of(kept.mark)
        return Assessor(load_state(kept.records.items(), law.fresh_mark()), law), False

    async def promoted(self, promotion: LawPromoted, offset: int, now: Law) -> tuple[Law, PartitionState | None]:
        """Return the law that a promotion at an offset of the journal brings, and the facts where its fold is another.

        :raises StateRefused: this release has not the engine that the journal goes on under.
        """
        if promotion.engine != ENGINE:
            raise StateRefused(
                f"From offset {offset} on the journal of partition {self._partition} is assessed by engine version "
                f"{promotion.engine}, this is version {ENGINE}: run the workers of the release that has it."
            )
        law = await self._law_by(promotion.rulebooks, promotion.generation)
        return law, None if law.fold == now.fold else await self._handed_over(promotion, offset)

    async def _seeded(self) -> tuple[Assessor, bool]:
        """Begin with the present facts of the live generation.

        :raises StateRefused: they are not those that the law of this generation comes to.
        """
        law, live = self._source.law, await self._read(LIVE)
        if live.mark is None:
            return Assessor(PartitionState(law.fresh_mark()), law), False
        theirs = await self._law_by(live.mark.rulebooks, live.mark.promoted)
        if live.mark.engine != ENGINE or theirs.fold != law.fold:
            raise StateRefused("The facts of the live generation are not those that this law comes to.")
        state = load_state(live.records.items(), replace(theirs, generation=LIVE).fresh_mark())
        assessor = Assessor(PartitionState(state.mark), law)
        cause = Cause(type=RECALCULATION, source=SYSTEM, event_id=law.generation, journal_offset=state.mark.applied)
        for _ in assessor.recalculate(law, state, cause):
            await asyncio.sleep(0)
        return assessor, True

    async def _upgraded(self, kept: Kept) -> Assessor:
        """Go on from the state of another engine version, where the journal promotes a generation of this one.

        The facts are that generation's at the promotion; what was announced is what the other version announced.

        :raises StateRefused: the journal promotes none.
        """
        found = await self._promotion_after(kept.committed or 0)
        if found is None:
            raise StateRefused(
                f"The state in Kafka is of engine version {kept.mark and kept.mark.engine}, this is version {ENGINE}: "
                "continuing would mix the two."
            )
        promotion, offset = found
        law = await self._law_by(promotion.rulebooks, promotion.generation)
        facts = await self._handed_over(promotion, offset)
        mark = replace(kept.mark or law.fresh_mark(), applied=offset, as_of=facts.mark.as_of, engine=ENGINE)
        assessor = Assessor(said_before(kept.records, mark), law)
        cause = Cause(type=RECALCULATION, source=SYSTEM, event_id=promotion.recalculation, journal_offset=offset)
        for _ in assessor.recalculate(law, facts, cause):
            await asyncio.sleep(0)
        return assessor

    async def _promotion_after(self, position: int) -> tuple[LawPromoted, int] | None:
        """Return the first promotion of a generation of this engine version in the journal, and its offset."""
        consumer = self._source.clients.consumer(
            **self._source.connection.aiokafka(),
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_wait_ms=50,
        )
        consumer.assign([self._journal])
        await consumer.start()
        try:
            consumer.seek(self._journal, position)
            async for record in read_to_end(consumer, self._journal):
                content = read_journal(record.value, {}) if record.key is None else None
                if isinstance(content, LawPromoted) and content.engine == ENGINE:
                    return content, record.offset
        finally:
            await consumer.stop()
        return None

    async def _handed_over(self, promotion: LawPromoted, offset: int) -> PartitionState:
        """Wait until the promoted generation is at the promotion, where it ends; return its facts."""
        law = replace(await self._law_by(promotion.rulebooks, ""), generation=promotion.generation)
        pause = _HANDOVER_SECONDS
        while (kept := await self._read(promotion.generation)).place[0] < offset:
            self._log.warning("handover_waiting", generation=promotion.generation, offset=offset, applied=kept.place[0])
            await asyncio.sleep(pause)
            pause = min(2 * pause, _HANDOVER_MOST_SECONDS)
        return load_state(kept.records.items(), law.fresh_mark())

    async def _law_of(self, mark: PartitionMark | None) -> Law:
        """Return the law that a state goes on under: a promoted one, or that of this run."""
        if mark is None or not mark.promoted:
            return self._source.law
        return await self._law_by(mark.rulebooks, mark.promoted)

    async def _law_by(self, digests: Mapping[str, str], promoted: str) -> Law:
        own = self._source.law
        if dict(digests) == dict(own.digests):
            return replace(own, promoted=promoted)
        texts = await asyncio.to_thread(self._source.texts, self._source.connection)
        try:
            return law_by_digests(digests, texts, own.generation, promoted)
        except Unavailable as error:
            raise StateRefused(str(error)) from error

    async def _read(self, generation: str) -> Kept:
        """Read what a generation keeps of the partition, in bulk."""
        connection = self._source.connection
        settings = connection.settings.model_copy(update={"generation": generation})
        state = TopicPartition(topic_names(settings).of(STATE), self._partition)
        consumer = self._source.clients.consumer(
            **connection.aiokafka(),
            group_id=self._group(generation),
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=_STATE_FETCH_BYTES,
            fetch_max_wait_ms=50,
        )
        consumer.assign([state, self._journal])
        await consumer.start()
        try:
            committed = await consumer.committed(self._journal)
            begins = (await consumer.beginning_offsets([self._journal]))[self._journal]
            consumer.pause(self._journal)
            await consumer.seek_to_beginning(state)
            return Kept(records=await _records(consumer, state), committed=committed, journal_begins=begins)
        finally:
            await consumer.stop()

    @property
    def _journal(self) -> TopicPartition:
        return TopicPartition(topic_names(self._source.connection.settings).of(JOURNAL), self._partition)

    def _group(self, generation: str) -> str:
        return assessment_group(self._source.connection.settings.model_copy(update={"generation": generation}))


async def _records(consumer: Any, state: TopicPartition) -> Mapping[bytes, bytes]:
    """Return the latest record of each key."""
    progress = partial(PROGRESS.recover, _STAGE, state.partition)
    return {record.key: record.value async for record in read_to_end(consumer, state, progress)}
