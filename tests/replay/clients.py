"""aiokafka's producer and consumer over the in-memory log, with the insides of theirs that the product relies on."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.rows import Row
from tests.replay.broker import Broker
from tests.replay.log import Stored, Transaction
from tests.replay.process import Process

_POLL_SECONDS = 0.15
_STATE_FETCH = 7


class Batch:
    """A record batch: small, so that one topic's rows go in several."""

    def __init__(self, most: int) -> None:
        self.rows: list[Row] = []
        self._most = most

    def append(self, *, key: bytes | None, value: bytes | None, timestamp: int | None, headers: Any) -> object | None:
        """Take a record, or return None where the batch is full."""
        if len(self.rows) >= self._most:
            return None
        self.rows.append(Row(key=key, value=value, timestamp=timestamp, headers=tuple(headers)))
        return self

    def record_count(self) -> int:
        """How many records it holds."""
        return len(self.rows)

    def close(self) -> None:
        """Take no more."""


class SimulatedProducer:
    """A transactional producer: batches go out one after the other, behind the caller's back."""

    def __init__(self, process: Process, broker: Broker, **options: Any) -> None:
        self._process, self._broker = process, broker
        self.name: str = options["transactional_id"]
        self._timeout_seconds = options["transaction_timeout_ms"] / 1000
        self._stage = "admission" if "admission" in self.name else "assessment"
        self._epoch = 0
        self._transaction: Transaction | None = None
        self._opening = asyncio.Lock()
        self._sending: asyncio.Task[None] | None = None
        self._waiting: list[tuple[TopicPartition, Batch, asyncio.Future[object]]] = []

    async def start(self) -> None:
        """Fence whoever had the name; return when its transaction has ended."""
        await self._reach("before fencing")
        self._epoch = self._broker.fence(self.name)
        await self._broker.completed(self.name)
        await self._reach("after fencing")

    async def stop(self) -> None:
        """Do nothing: what is open is left to the next of the name, or to the time-out."""

    async def begin_transaction(self) -> None:
        """Begin, on this side: the broker learns of it with the first record."""
        self._transaction = None
        await self._reach("before its first record")

    def create_batch(self) -> Batch:
        """Return an empty batch."""
        return Batch(self._process.chance.randrange(1, 9))

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[object]:
        """Queue a batch; the future is done when it is delivered."""
        delivered: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((TopicPartition(topic, partition), batch, delivered))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_waiting())
        return delivered

    async def send_offsets_to_transaction(self, positions: Mapping[TopicPartition, int], group: str) -> None:
        """Add a group's offsets."""
        await self._reach("before the offsets")
        self._broker.add_offsets(await self._opened(), group, positions)
        await self._reach("after the offsets")

    async def commit_transaction(self) -> None:
        """Wait until nothing is in flight, however it ended, and commit."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        await self._reach("before the commit")
        self._broker.finish(await self._opened(), committed=True)
        await self._reach("after the commit")

    async def deliver(self, tp: TopicPartition, rows: Sequence[Row]) -> None:
        """Have the broker append records."""
        self._broker.write(await self._opened(), tp, rows)

    async def _opened(self) -> Transaction:
        async with self._opening:
            if self._transaction is None:
                await self._broker.completed(self.name)  # CONCURRENT_TRANSACTIONS, until the last one has its markers
                self._transaction = self._broker.begin(self.name, self._epoch, self._timeout_seconds)
            return self._transaction

    async def _send_waiting(self) -> None:
        while self._waiting:
            tp, batch, delivered = self._waiting.pop(0)
            try:
                await self._reach(f"before {tp.topic}")
                await self.deliver(tp, batch.rows)
                await self._reach(f"after {tp.topic}")
            except KafkaError as error:
                delivered.set_exception(error)
            else:
                delivered.set_result(None)

    async def _reach(self, point: str) -> None:
        await self._process.reach(f"{self._stage}: {point}", by_line=True)


class SimulatedConsumer:
    """A consumer without membership: the state's bulk read, the clock's records, end offsets."""

    def __init__(self, process: Process, broker: Broker, **options: Any) -> None:
        self._process, self._broker = process, broker
        self._group: str | None = options.get("group_id")
        self._read_committed = options.get("isolation_level") == "read_committed"
        self._positions: dict[TopicPartition, int] = {}
        self._fetched: list[Stored] = []

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these."""
        self._positions = dict.fromkeys(partitions, 0)

    def pause(self, *partitions: TopicPartition) -> None:
        """Do not fetch these: only what is asked for is fetched anyway."""

    async def committed(self, tp: TopicPartition) -> int | None:
        """The group's offset, as far as its markers are written."""
        await self._process.reach("reading: before the committed offset", by_line=True)
        return self._broker.offsets.get((str(self._group), tp))

    async def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        """Read from the first record."""
        self._positions |= dict.fromkeys(partitions, 0)

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the logs begin: nothing is deleted here."""
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends, as this reader's isolation sees them."""
        await self._process.reach("reading: before the end offsets", by_line=True)
        logs = [self._broker.log(tp) for tp in partitions]
        ends = {log.tp: log.stable_end if self._read_committed else log.end for log in logs}
        await self._process.reach("reading: after the end offsets", by_line=True)
        return ends

    async def position(self, tp: TopicPartition) -> int:
        """Where it stands."""
        return self._positions[tp]

    async def getmany(self, *partitions: TopicPartition, **_: Any) -> dict[TopicPartition, list[Stored]]:
        """Fetch some records."""
        await self._process.reach("reading: before a fetch")
        found = {}
        for tp in partitions:
            found[tp], self._positions[tp] = self._broker.log(tp).fetch(
                self._positions[tp], _STATE_FETCH, committed=self._read_committed
            )
        return found

    def __aiter__(self) -> "SimulatedConsumer":
        return self

    async def __anext__(self) -> Stored:
        while not self._fetched:
            await asyncio.sleep(_POLL_SECONDS)
            await self._process.reach("clock: before a fetch", by_line=True)
            for records in (await self.getmany(*self._positions)).values():
                self._fetched += records
        return self._fetched.pop(0)
