"""Dead letters as operators work on them: which are open, sending them to admission again, putting them aside.

What was done stands on ``asm.operations.v1``, and nowhere else: a letter is open while no operation names it. Records
to be tried again, the record of the operation and how far all letters are dealt with go in one transaction; whoever
begins to work fences who began before, and only then reads what is open.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from infra.errors import Unavailable
from infra.kafka.connection import Connection, unreachable
from infra.kafka.groups import committed_offsets
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import journal_partitions, topic_names
from infra.kafka.writing import open_producer
from schemas.codec import InvalidRecord, decode, encode
from schemas.partitioning import partition_of
from schemas.records import DeadLetter, OperationRecorded
from streams.admission import REDRIVE
from streams.redrive import redrive_row
from streams.rows import Row

DEAD_LETTERS, OPERATIONS = "asm.dead-letters.v1", "asm.operations.v1"
REDRIVE_COMMAND, DROP_COMMAND = "dead-letters redrive", "dead-letters drop"
IMPORT_COMMAND = "journal import"
_MOST_AT_ONCE = 500
_FLUSH_SECONDS = 60


class LetterState(StrEnum):
    """What became of a dead letter."""

    OPEN = "OPEN"
    REDRIVEN = "REDRIVEN"
    DROPPED = "DROPPED"


_DONE = {REDRIVE_COMMAND: LetterState.REDRIVEN, DROP_COMMAND: LetterState.DROPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter, where it lies, and what became of it."""

    partition: int
    offset: int
    key: bytes | None
    said: DeadLetter
    state: LetterState

    @property
    def place(self) -> str:
        """How operators name it: ``partition/offset``."""
        return f"{self.partition}/{self.offset}"

    @property
    def topic(self) -> str:
        """The topic on which the record was refused."""
        return self.said.origin.rsplit("/", 2)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which letters are meant: all that fit everything given."""

    reasons: frozenset[str] = frozenset()
    topic: str | None = None
    source: str | None = None
    since: datetime | None = None
    places: frozenset[str] = frozenset()

    def takes(self, letter: Letter) -> bool:
        """Say whether a letter is meant."""
        return (
            (not self.reasons or letter.said.reason in self.reasons)
            and self.topic in {None, letter.topic}
            and self.source in {None, letter.said.source}
            and (self.since is None or letter.said.received_at >= self.since)
            and (not self.places or letter.place in self.places)
        )

    def in_words(self) -> str:
        """Say which, for the record of an operation."""
        told = {
            "reason": ",".join(sorted(self.reasons)),
            "topic": self.topic,
            "source": self.source,
            "since": self.since and self.since.isoformat(),
            "letters": ",".join(sorted(self.places)),
        }
        return "; ".join(f"{name} {value}" for name, value in told.items() if value) or "all open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an operator orders: who, why, of which letters, and how many a second at most."""

    actor: str
    reason: str
    wanted: Wanted
    per_second: float


def read_letters(connection: Connection, *, everything: bool = False) -> list[Letter]:
    """Return the letters in the order of their places; without ``everything`` those from the first open one on.

    :raises Unavailable: the cluster does not answer, or has not the topics.
    """
    names = topic_names(connection.settings)
    done = _done(connection)
    begun = {} if everything else committed_offsets(connection, _group(connection))
    with reader(connection, names.of(DEAD_LETTERS)) as consumer:
        for tp, first in consumer.beginning_offsets(list(consumer.assignment())).items():
            consumer.seek(tp, max(first, begun.get(tp, 0)))  # an open letter may be deleted: retention is its end
        letters = [
            Letter(
                partition=r.partition,
                offset=r.offset,
                key=r.key,
                said=decode(r.value),
                state=done.get(f"{r.partition}/{r.offset}", LetterState.OPEN),
            )
            for r in records_to_end(consumer)
        ]
    return sorted(letters, key=lambda letter: (letter.partition, letter.offset))


def judged(letters: Iterable[Letter]) -> Iterator[tuple[Letter, Row | InvalidRecord]]:
    """Yield each letter with the record that would be tried again, or why it cannot be."""
    for letter in letters:
        try:
            yield letter, redrive_row(letter.said, letter.key)
        except InvalidRecord as refused:
            yield letter, refused


class Desk:
    """Where one operator at a time deals with dead letters."""

    def __init__(self, connection: Connection, producer: KafkaProducer, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._producer = producer
        self._now = now
        self._names = topic_names(connection.settings)
        self._partitions = journal_partitions(connection)
        self._letters = {letter.place: letter for letter in read_letters(connection)}

    @property
    def open(self) -> list[Letter]:
        """The letters of which nothing was ordered yet."""
        return [letter for letter in self._letters.values() if letter.state is LetterState.OPEN]

    def redrive(self, order: Order, progress: Callable[[int], None]) -> int:
        """Send letters to admission again; return how many. Those that cannot be tried again stay open."""
        wanted = [letter for letter in self.open if order.wanted.takes(letter)]
        rows = [(letter, row) for letter, row in judged(wanted) if isinstance(row, Row)]
        most = max(1, min(_MOST_AT_ONCE, int(order.per_second)))
        for start in range(0, len(rows), most):
            began = time.monotonic()
            chunk = rows[start : start + most]
            self._commit(REDRIVE_COMMAND, order, [letter for letter, _ in chunk], [row for _, row in chunk])
            progress(len(chunk))
            if start + most < len(rows):
                time.sleep(max(0.0, began + len(chunk) / order.per_second - time.monotonic()))
        return len(rows)

    def drop(self, order: Order) -> int:
        """Put letters aside; return how many. They stay on the topic as long as it keeps them."""
        dropped = [letter for letter in self.open if order.wanted.takes(letter)]
        for start in range(0, len(dropped), _MOST_AT_ONCE):
            self._commit(DROP_COMMAND, order, dropped[start : start + _MOST_AT_ONCE], [])
        return len(dropped)

    def _commit(self, command: str, order: Order, letters: Sequence[Letter], rows: Sequence[Row]) -> None:
        for letter in letters:
            self._letters[letter.place] = replace(letter, state=_DONE[command])
        record = OperationRecorded(
            actor=order.actor,
            command=command,
            scope=order.wanted.in_words(),
            reason=order.reason,
            instant=self._now(),
            items=tuple(letter.place for letter in letters),
        )
        try:
            self._producer.begin_transaction()
            sent = [self._again(row) for row in rows]
            sent.append(self._producer.send(self._names.of(OPERATIONS), value=encode(record)))
            for delivery in sent:
                delivery.get(timeout=_FLUSH_SECONDS)
            offsets = {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in self._dealt_with().items()}
            self._producer.send_offsets_to_transaction(offsets, _group(self._connection))
            self._producer.commit_transaction()
        except KafkaError as error:
            raise Unavailable(
                f"Nothing of this step was done ({type(error).__name__}): somebody else works on the dead letters, or "
                "the cluster does not answer. Run the command again."
            ) from error

    def _again(self, row: Row) -> Any:
        partition = partition_of(row.key or b"", self._partitions)
        return self._producer.send(
            self._names.of(REDRIVE), key=row.key, value=row.value, headers=list(row.headers), partition=partition
        )

    def _dealt_with(self) -> Mapping[TopicPartition, int]:
        """Return by partition the offset below which no letter is open."""
        topic = self._names.of(DEAD_LETTERS)
        by_partition: defaultdict[int, list[Letter]] = defaultdict(list)
        for letter in self._letters.values():
            by_partition[letter.partition].append(letter)
        return {
            TopicPartition(topic, partition): next(
                (letter.offset for letter in letters if letter.state is LetterState.OPEN), letters[-1].offset + 1
            )
            for partition, letters in by_partition.items()
        }


@contextmanager
def desk(connection: Connection, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Desk]:
    """Yield the desk, fenced against whoever worked there before.

    :raises Unavailable: the cluster does not answer, or has not the topics.
    """
    producer = open_producer(connection, transactional_id=f"{_group(connection)}-desk")
    try:
        producer.init_transactions()
        yield Desk(connection, producer, now)
    except KafkaError as error:
        raise unreachable(connection, error) from error
    finally:
        producer.close()


def _group(connection: Connection) -> str:
    return f"{connection.settings.namespace}asm-dead-letters"


def _done(connection: Connection) -> Mapping[str, LetterState]:
    with reader(connection, topic_names(connection.settings).of(OPERATIONS)) as consumer:
        return dealt_with(decode(record.value) for record in records_to_end(consumer))


def dealt_with(recorded: Iterable[object]) -> Mapping[str, LetterState]:
    """Return by its place what became of each letter, by the records of operations in their order.

    What stands before the import of an archive is about letters of a broker that was lost: their places are taken anew.
    """
    found: dict[str, LetterState] = {}
    for operation in recorded:
        if isinstance(operation, OperationRecorded) and operation.command == IMPORT_COMMAND:
            found = {}
        elif isinstance(operation, OperationRecorded) and operation.command in _DONE:
            found |= dict.fromkeys(operation.items, _DONE[operation.command])
    return found
