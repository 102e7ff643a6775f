"""One partition of the in-memory log: records, control markers, the last stable offset."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from aiokafka import TopicPartition

from streams.rows import Headers, Row


class Stored(NamedTuple):
    """A record as a consumer gets it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers


@dataclass(eq=False)
class Transaction:
    """A transaction of one producer; ``committed`` is None while it is open."""

    name: str
    epoch: int
    committed: bool | None = None
    partitions: dict[TopicPartition, None] = field(default_factory=dict)
    offsets: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    unmarked: int = 0


class PartitionLog:
    """Offsets are places in a list; a control marker takes one, as in Kafka."""

    def __init__(self, tp: TopicPartition) -> None:
        self.tp = tp
        self.digest = 0
        self._entries: list[tuple[Stored | None, Transaction | None]] = []
        self._open: dict[Transaction, int] = {}

    @property
    def end(self) -> int:
        """The offset behind the last entry, as a read_uncommitted reader is told."""
        return len(self._entries)

    @property
    def stable_end(self) -> int:
        """The last stable offset: below it every transaction has its marker."""
        return min(self._open.values(), default=self.end)

    @property
    def is_open(self) -> bool:
        """Whether a transaction has no marker here yet."""
        return bool(self._open)

    def append(self, row: Row, timestamp: int, transaction: Transaction | None = None) -> None:
        """Write a record, in a transaction or without."""
        record = Stored(self.tp.topic, self.tp.partition, self.end, row.key, row.value, timestamp, tuple(row.headers))
        if transaction is not None:
            self._open.setdefault(transaction, self.end)
        self._entries.append((record, transaction))
        self.digest = crc32(record.value or b"", crc32(record.key or b"", self.digest + 1))

    def mark(self, transaction: Transaction) -> None:
        """Write the marker that ends a transaction here."""
        self._entries.append((None, transaction))
        self._open.pop(transaction, None)
        self.digest = crc32(b"commit" if transaction.committed else b"abort", self.digest)

    def fetch(self, position: int, limit: int, *, committed: bool = True) -> tuple[list[Stored], int]:
        """Return at most so many records from a position, and the position behind them and what no reader gets."""
        records: list[Stored] = []
        stop = self.stable_end if committed else self.end
        while position < stop:
            record, transaction = self._entries[position]
            if record is not None and not (committed and transaction is not None and not transaction.committed):
                if len(records) == limit:
                    break
                records.append(record)
            position += 1
        return records, position

    def read(self) -> Iterator[Stored]:
        """Yield all that a read_committed reader gets."""
        yield from self.fetch(0, self.end)[0]
