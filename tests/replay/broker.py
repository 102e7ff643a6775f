"""The cluster in memory: topics, transactions with fencing, offsets in the transaction, markers that come late."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from streams.admission import milliseconds
from streams.admitting import admitted_topics
from streams.rows import Row
from tests.replay.log import PartitionLog, Transaction

#: Of a transaction that was answered as committed the markers come this much later, some of them much later.
_MARKER_SECONDS = (0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.1, 2.0)
_JANUARY = datetime(2027, 1, 1, tzinfo=UTC)
#: What admission reads; nobody redrives here.
INBOUND = admitted_topics()


@dataclass(eq=False)
class Coordinated:
    """What the transaction coordinator knows of one transactional id."""

    done: asyncio.Event
    epoch: int = 0
    current: Transaction | None = None


class Calendar:
    """The wall of the simulated world: it runs with the loop's time and can be moved on."""

    def __init__(self) -> None:
        self._base = _JANUARY

    def now(self, skew_seconds: float = 0.0) -> datetime:
        """What the wall says; to a process whose clock is wrong by so much."""
        return self._base + timedelta(seconds=asyncio.get_running_loop().time() + skew_seconds)

    def move_to(self, instant: datetime) -> None:
        """Move on; the wall never goes back."""
        self._base += max(instant - self.now(), timedelta())


class Broker:
    """Every request is one step; only a transaction's markers take their time."""

    def __init__(self, chance: Random, calendar: Calendar, *, append_time: bool) -> None:
        self.logs: dict[TopicPartition, PartitionLog] = {}
        self.offsets: dict[tuple[str, TopicPartition], int] = {}
        self.version = 0
        self._chance = chance
        self._calendar = calendar
        self._append_time = frozenset(INBOUND) if append_time else frozenset[str]()
        self._coordinated: dict[str, Coordinated] = {}

    def log(self, tp: TopicPartition) -> PartitionLog:
        """Return a partition's log."""
        found = self.logs.get(tp)
        if found is None:
            found = self.logs[tp] = PartitionLog(tp)
        return found

    def append(self, tp: TopicPartition, rows: Sequence[Row], transaction: Transaction | None = None) -> None:
        """Append records; on topics of append time the wall's time is theirs."""
        self.version += 1
        log, now = self.log(tp), milliseconds(self._calendar.now())
        for row in rows:
            own = row.timestamp is not None and tp.topic not in self._append_time
            log.append(row, row.timestamp if own and row.timestamp is not None else now, transaction)

    def fence(self, name: str) -> int:
        """Answer InitProducerId: abort what is open under the name, and give out the next epoch."""
        known = self._known(name)
        known.epoch += 1
        if known.current is not None and known.current.committed is None:
            self._end(known, committed=False)
        return known.epoch

    async def completed(self, name: str) -> None:
        """Wait until the last transaction of a name has all its markers."""
        await self._known(name).done.wait()

    def begin(self, name: str, epoch: int, timeout_seconds: float) -> Transaction:
        """Open a transaction; it is aborted after its time-out.

        :raises ProducerFenced: another producer of the name was opened since.
        """
        known = self._known(name)
        self._check(known, epoch)
        known.current = transaction = Transaction(name, epoch)
        known.done.clear()
        asyncio.get_running_loop().call_later(timeout_seconds, self._expire, known, transaction)
        return transaction

    def write(self, transaction: Transaction, tp: TopicPartition, rows: Sequence[Row]) -> None:
        """Append records in a transaction."""
        self._check_open(transaction)
        transaction.partitions[tp] = None
        self.append(tp, rows, transaction)

    def add_offsets(self, transaction: Transaction, group: str, positions: Mapping[TopicPartition, int]) -> None:
        """Let a group's offsets be committed with a transaction."""
        self._check_open(transaction)
        transaction.offsets |= {(group, tp): offset for tp, offset in positions.items()}

    def finish(self, transaction: Transaction, *, committed: bool) -> None:
        """Answer EndTxn: it is decided from here on, though its markers come later."""
        self._check_open(transaction)
        self._end(self._known(transaction.name), committed=committed)

    def _known(self, name: str) -> Coordinated:
        found = self._coordinated.get(name)
        if found is None:
            found = self._coordinated[name] = Coordinated(asyncio.Event())
            found.done.set()
        return found

    def _check_open(self, transaction: Transaction) -> None:
        known = self._known(transaction.name)
        self._check(known, transaction.epoch)
        if known.current is not transaction or transaction.committed is not None:
            raise ProducerFenced(f"the transaction of {transaction.name} has ended")

    @staticmethod
    def _check(known: Coordinated, epoch: int) -> None:
        if known.epoch != epoch:
            raise ProducerFenced("another producer of the name was opened since")

    def _expire(self, known: Coordinated, transaction: Transaction) -> None:
        if known.current is transaction and transaction.committed is None:
            known.epoch += 1
            self._end(known, committed=False)

    def _end(self, known: Coordinated, *, committed: bool) -> None:
        transaction = known.current
        assert transaction is not None
        transaction.committed = committed
        transaction.unmarked = len(transaction.partitions) + 1
        for tp in transaction.partitions:
            self._later(self._mark, known, transaction, tp)
        self._later(self._apply_offsets, known, transaction)

    def _later(self, marking: object, *arguments: object) -> None:
        delay = self._chance.random() * self._chance.choice(_MARKER_SECONDS)
        asyncio.get_running_loop().call_later(delay, marking, *arguments)  # type: ignore[arg-type]

    def _mark(self, known: Coordinated, transaction: Transaction, tp: TopicPartition) -> None:
        self.log(tp).mark(transaction)
        self._count_down(known, transaction)

    def _apply_offsets(self, known: Coordinated, transaction: Transaction) -> None:
        if transaction.committed:
            self.offsets |= transaction.offsets
        self._count_down(known, transaction)

    def _count_down(self, known: Coordinated, transaction: Transaction) -> None:
        transaction.unmarked -= 1
        self.version += 1
        if not transaction.unmarked and known.current is transaction:
            known.done.set()
