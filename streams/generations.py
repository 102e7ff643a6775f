"""Generations: runs of assessment over the journal beside the live one, as asm.operations.v1 and the cluster tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kafka import TopicPartition

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.groups import committed_offsets, delete_group, members
from infra.kafka.reading import reader, records_to_end, spans_since
from infra.kafka.topics import JOURNAL, apply_topics, delete_topics, topic_names
from infra.kafka.writing import deliver, deliver_one
from processors.engine import ENGINE
from schemas.codec import decode, encode
from schemas.recalculations import GenerationRecorded, GenerationState, GenerationWay
from schemas.topics import LIVE, contract
from streams.dead_letters import OPERATIONS
from streams.groups import assessment_group
from streams.law import Law
from streams.laws import law_by_digests, marks, published_texts
from streams.rulebook_texts import RULEBOOKS

#: Enough to find the last mark: each transaction of admission ends with one.
_TAIL_RECORDS = 500


class ReplayRefused(Exception):
    """What is asked of a generation cannot be done; says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who asks for it, and why."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """By which way a law can be looked at, and why."""

    way: GenerationWay
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A generation as it stands; offsets of the journal by partition, ``None``: nothing committed yet."""

    recorded: GenerationRecorded
    committed: Mapping[int, int]
    targets: Mapping[int, int]
    workers: int
    ended: bool

    @property
    def done(self) -> int:
        """How many offsets of the journal it is through."""
        return sum(min(self.committed.get(p, 0), target) for p, target in self.targets.items())

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.targets.values())

    @property
    def caught_up(self) -> bool:
        """Whether it is at its end, or at the last mark of the journal, in every partition."""
        if self.recorded.until is not None:
            return self.ended
        return all(self.committed.get(p, 0) >= target for p, target in self.targets.items())


def operations(connection: Connection) -> list[object]:
    """Return every record of asm.operations.v1, in order.

    :raises Unavailable: the cluster does not answer, or has no such topic.
    """
    with reader(connection, topic_names(connection.settings).of(OPERATIONS)) as consumer:
        return [decode(record.value) for record in records_to_end(consumer)]


def generations(recorded: Iterable[object]) -> dict[str, GenerationRecorded]:
    """Return what was last recorded of each generation, by its name."""
    return {r.generation: r for r in recorded if isinstance(r, GenerationRecorded)}


def is_there(recorded: GenerationRecorded) -> bool:
    """Say whether a generation was started and not abandoned."""
    return recorded.state in {GenerationState.STARTED, GenerationState.CAUGHT_UP}


def recorded_generation(recorded: Iterable[object], name: str) -> GenerationRecorded:
    """Return a generation that was started and not abandoned, by records of asm.operations.v1.

    :raises ReplayRefused: there is none of that name.
    """
    found = generations(recorded).get(name)
    if found is None or not is_there(found):
        raise ReplayRefused(f"There is no generation {name}: `asm replay list` shows those that there are.")
    return found


def decide(connection: Connection, law: Law, until: datetime | None) -> Decision:
    """Decide whether the present facts do for a law, or the journal must be folded for it.

    :raises Unavailable: the cluster does not answer.
    """
    if until is not None:
        return Decision(way=GenerationWay.FULL, why="facts as of an earlier instant are had from the journal alone")
    try:
        live = list(marks(connection, LIVE).values())
    except Unavailable:
        live = []
    if not live:
        return Decision(way=GenerationWay.FULL, why="the live generation has no facts yet")
    if any(mark.engine != ENGINE for mark in live):
        return Decision(
            way=GenerationWay.FULL,
            why=f"the live facts are of engine version {live[0].engine}, this is version {ENGINE}",
        )
    if law_by_digests(live[0].rulebooks, published_texts(connection)).fold != law.fold:
        return Decision(way=GenerationWay.FULL, why="the rulebooks keep other lines of claims")
    return Decision(
        way=GenerationWay.QUICK, why="engine and what is kept of claims are the same, so the present facts do"
    )


def start(connection: Connection, recorded: GenerationRecorded, law: Law) -> None:
    """Make the topics of a generation, publish its rulebooks, and record that it is started.

    :raises Unavailable: the cluster does not take it.
    """
    apply_topics(of_generation(connection, recorded.generation))
    texts = [(book.digest.encode(), book.text.encode()) for book in law.rulebooks.values()]
    deliver(connection, topic_names(connection.settings).of(RULEBOOKS), texts)
    _record(connection, recorded)


def record_caught_up(connection: Connection, recorded: GenerationRecorded) -> None:
    """Record that a generation has caught up: from here on it may be promoted."""
    caught_up = replace(recorded, state=GenerationState.CAUGHT_UP, instant=datetime.now(UTC))
    _record(connection, caught_up)


def abandon(connection: Connection, name: str, order: Order) -> list[str]:
    """Delete the topics and the group of a generation and record it; return the names of the topics.

    :raises ReplayRefused: there is no such generation, or its workers run.
    """
    recorded = recorded_generation(operations(connection), name)
    there = of_generation(connection, name)
    group = assessment_group(there.settings)
    if members(connection, group):
        raise ReplayRefused(f"Workers of the generation {name} run: stop them first.")
    deleted = delete_topics(connection, own_topics(connection, name))
    delete_group(connection, group)
    _record(
        connection,
        replace(
            recorded,
            state=GenerationState.ABANDONED,
            actor=order.actor,
            reason=order.reason,
            instant=datetime.now(UTC),
        ),
    )
    return deleted


def own_topics(connection: Connection, name: str) -> list[str]:
    """Return the names of the topics that a generation has for itself."""
    live, own = topic_names(connection.settings), topic_names(of_generation(connection, name).settings)
    return [own.of(topic) for topic in contract().topics if own.of(topic) != live.of(topic)]


def of_generation(connection: Connection, name: str) -> Connection:
    """Return the same cluster as a generation sees it."""
    settings = connection.settings.model_copy(update={"generation": name})
    return Connection(connection.bootstrap, embedded=connection.embedded, settings=settings)


def standing(connection: Connection, recorded: GenerationRecorded) -> Standing:
    """Return how far a generation is, and how far it has to go.

    :raises Unavailable: the cluster does not answer.
    """
    group = assessment_group(of_generation(connection, recorded.generation).settings)
    marked = targets(connection, recorded.until)  # first: what comes in meanwhile is not waited for
    found = committed_offsets(connection, group)
    ended = bool(found) and recorded.until is not None and _has_ended(connection, recorded.generation)
    return Standing(
        recorded=recorded,
        committed={tp.partition: offset for tp, offset in found.items()},
        targets=marked,
        workers=members(connection, group),
        ended=ended,
    )


def _has_ended(connection: Connection, name: str) -> bool:
    try:
        return all(mark.ended for mark in marks(connection, name).values())
    except Unavailable:  # it has no state yet
        return False


def targets(connection: Connection, until: datetime | None = None) -> dict[int, int]:
    """Return by partition the offset that follows the last mark of the journal (about that at an instant).

    A partition without a mark is left out.
    """
    with reader(connection, topic_names(connection.settings).of(JOURNAL)) as consumer:
        spans = spans_since(consumer, until)
        ends = {tp: span.end if until is None else span.first for tp, span in spans.items()}
        begins = consumer.beginning_offsets(list(spans))
        for tp, end in ends.items():
            consumer.seek(tp, max(begins[tp], end - _TAIL_RECORDS))
        found: dict[int, int] = {}
        for record in records_to_end(consumer):
            tp = TopicPartition(record.topic, record.partition)
            if record.key is None and record.offset <= ends[tp]:
                found[record.partition] = record.offset + 1
    return found


def _record(connection: Connection, record: GenerationRecorded) -> None:
    deliver_one(connection, topic_names(connection.settings).of(OPERATIONS), encode(record))
