"""An archive -> the empty topics of a broker that lost everything (``asm journal import``).

What is written, and in which order, is decided by the archive and the partition count alone. It goes in transactions of
one fenced producer, each with the number of rows that are written as the offset of a group of its own, so that an
import that was killed goes on where it was: nothing twice, nothing left out. The last transaction has the record of the
operation, and says that the import is done.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from infra.errors import Unavailable
from infra.kafka.connection import Connection, unreachable
from infra.kafka.groups import committed, log_bounds, members
from infra.kafka.topics import JOURNAL, require_topics, topic_names
from infra.kafka.writing import close_producer, open_producer
from schemas.archive import ArchivedRow
from schemas.codec import encode
from schemas.partitioning import partition_of
from schemas.records import OperationRecorded
from streams.archive import NOTICES, OUTPUTS
from streams.archive_manifest import ArchiveRefused, Manifest
from streams.archive_merge import merged
from streams.archive_rows import read_manifests, rows_of
from streams.dead_letters import IMPORT_COMMAND, OPERATIONS
from streams.groups import admission_group, assessment_group
from streams.rulebook_texts import RULEBOOKS
from streams.state import STATE

_DONE = "done"
_AT_ONCE = 2000
_FLUSH_SECONDS = 60
_EMPTY = (JOURNAL, *OUTPUTS, STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be imported, who says so and why; ``head`` is the SHA-256 of the archive's last manifest."""

    folder: Path
    head: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many rows an import wrote, of which so many before it was interrupted; into how many partitions."""

    rows: int
    resumed_at: int
    partitions: int


@dataclass(frozen=True, slots=True)
class _Placed:
    topic: str
    partition: int
    row: ArchivedRow


def import_archive(connection: Connection, order: Order, progress: Callable[[int, int], None]) -> Imported:
    """Write an archive into a deployment's empty topics, or go on with doing so. ``progress``: rows done, of how many.

    :raises ArchiveRefused: the topics are not empty, or hold another archive.
    :raises Unavailable: a worker runs, a topic is missing, or the cluster does not answer; run it again then.
    """
    manifests = read_manifests(order.folder)
    partitions = require_topics(connection)
    producer = open_producer(connection, transactional_id=_group(connection))
    try:
        producer.init_transactions()  # fences an import that still runs; only now is asked how far it came
        importer = _Importer(connection, producer, order, partitions)
        written = importer.begin()
        of = sum(file.count for m in manifests for file in m.files if file.topic not in OUTPUTS)
        rows = islice(_placed(order.folder, manifests, partitions), written, None)
        total = importer.write(rows, written, lambda done: progress(done, max(of, done)))
        importer.end(total, f"{of} records into {partitions} partitions")
    except KafkaError as error:
        raise unreachable(connection, error) from error
    finally:
        close_producer(producer)
    return Imported(rows=total, resumed_at=written, partitions=partitions)


class _Importer:
    """Writes rows in transactions, and remembers how many."""

    def __init__(self, connection: Connection, producer: KafkaProducer, order: Order, partitions: int) -> None:
        self._partitions = partitions
        self._connection = connection
        self._producer = producer
        self._order = order
        self._names = topic_names(connection.settings)
        self._place = TopicPartition(self._names.of(JOURNAL), 0)

    def begin(self) -> int:
        """Return how many rows are written already.

        :raises ArchiveRefused: records are there that this archive did not bring.
        :raises Unavailable: a worker runs.
        """
        found = committed(self._connection, _group(self._connection)).get(self._place)
        if found is None:
            self._require_empty()
        elif found.metadata != self._order.head:
            what = "an import is done" if found.metadata == _DONE else "another archive was begun to be imported"
            raise ArchiveRefused(
                f"Here {what}. To import once more delete the topics and make them anew (`asm topics apply`)."
            )
        self._require_no_workers()
        return 0 if found is None else int(found.offset)

    def write(self, rows: Iterator[_Placed], written: int, progress: Callable[[int], None]) -> int:
        """Write rows; return how many are written in all."""
        while chunk := list(islice(rows, _AT_ONCE)):
            written += len(chunk)
            self._commit(chunk, written, self._order.head)
            progress(written)
        return written

    def end(self, written: int, scope: str) -> None:
        """Record the operation, and that the import is done."""
        record = OperationRecorded(
            actor=self._order.actor,
            command=IMPORT_COMMAND,
            scope=scope,
            reason=self._order.reason,
            instant=datetime.now(UTC),
            items=(f"manifest {self._order.head}",),
        )
        now = int(record.instant.timestamp() * 1000)
        row = ArchivedRow(offset=0, timestamp=now, key=None, value=encode(record))
        self._commit([_Placed(OPERATIONS, 0, row)], written, _DONE)

    def _commit(self, chunk: list[_Placed], written: int, said: str) -> None:
        self._producer.begin_transaction()
        sent = [self._send(placed) for placed in chunk]
        for delivery in sent:
            delivery.get(timeout=_FLUSH_SECONDS)
        self._producer.send_offsets_to_transaction(
            {self._place: OffsetAndMetadata(written, said, -1)}, _group(self._connection)
        )
        self._producer.commit_transaction()

    def _send(self, placed: _Placed) -> Any:
        row = placed.row
        return self._producer.send(
            self._names.of(placed.topic),
            key=row.key,
            value=row.value,
            headers=list(row.headers),
            partition=placed.partition,
            timestamp_ms=row.timestamp,
        )

    def _require_no_workers(self) -> None:
        settings = self._connection.settings
        for group in (admission_group(settings), assessment_group(settings)):
            if members(self._connection, group):
                raise Unavailable(f"Workers of {group} run: stop them first, else they would tick in between.")

    def _require_empty(self) -> None:
        places = [TopicPartition(self._names.of(name), p) for name in _EMPTY for p in range(self._partitions)]
        full = sorted({tp.topic for tp, (_, end) in log_bounds(self._connection, places).items() if end})
        if full:
            raise ArchiveRefused(
                f"{full[0]} is not empty: an archive is imported into a journal that holds nothing yet, with a "
                "generation that said nothing yet."
            )


def _placed(folder: Path, manifests: list[Manifest], partitions: int) -> Iterator[_Placed]:
    """Yield all that is imported: what has one partition first, the journal last."""
    for topic in (RULEBOOKS, NOTICES, OPERATIONS):
        yield from (_Placed(topic, 0, row) for row in rows_of(folder, manifests, topic))
    before = manifests[-1].partitions
    sources = {p: rows_of(folder, manifests, JOURNAL, p) for p in range(before)}
    if before == partitions:
        yield from (_Placed(JOURNAL, p, row) for p, rows in sources.items() for row in rows)
    else:
        yield from (_Placed(JOURNAL, p, row) for p, row in merged(sources, partitions, partition_of))


def _group(connection: Connection) -> str:
    return f"{connection.settings.namespace}asm-journal-import"
