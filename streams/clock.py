"""The clock of a journal partition: the watermark, and the ticks that say so.

A tick for instant T says: everything received before T stands above this line. To say it of partition *p*, admission

1. notes the assignment generation, and that *p* of every inbound topic is its own;
2. a margin after T asks the broker for the end offsets of *p* of every inbound topic, read uncommitted;
3. waits until the consumer's position has reached them and no batch below is still open, on idle topics too;
4. writes the tick if the generation is unchanged, else starts over; it goes the same way as the batches.

A feed's open transaction holds the clock of its partition until it ends. On the wall's clock every whole minute is a
tick, after an outage only the latest; on a simulated clock every record of ``asm.clock.v1`` is one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiokafka import TopicPartition

from infra.kafka.connection import Connection
from schemas.codec import decode
from streams.clients import AIOKAFKA, Clients

CLOCK_TOPIC = "asm.clock.v1"
_MINUTE = timedelta(minutes=1)
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Instant:
    """The next instant to be ticked, and on a simulated clock the offset of its record."""

    as_of: datetime
    clock_offset: int | None = None


class Clock(Protocol):
    """Tells a partition the next instant to be ticked."""

    async def start(self) -> None:
        """Begin to keep time."""

    async def stop(self) -> None:
        """Keep time no more."""

    async def last_ticked(self, group: str) -> Instant | None:
        """Return how far a partition ticked under its former owner, where that is known."""

    async def next(self, after: Instant | None) -> Instant:
        """Return the first instant after the last ticked one, when it has come."""


class WallClock:
    """The wall's whole minutes, each a margin late, since clocks of brokers and workers disagree."""

    def __init__(self, margin_seconds: float, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._margin = timedelta(seconds=margin_seconds)
        self._now = now

    async def start(self) -> None:
        """Do nothing: the wall's clock runs."""

    async def stop(self) -> None:
        """Do nothing."""

    async def last_ticked(self, group: str) -> Instant | None:  # noqa: ARG002 - the protocol's
        """Return None: a minute that is ticked twice changes nothing."""
        return None

    async def next(self, after: Instant | None) -> Instant:
        """Return the latest whole minute that is a margin past and was not ticked."""
        while True:
            minute = (self._now() - self._margin).replace(second=0, microsecond=0)
            if after is None or minute > after.as_of:
                return Instant(minute)
            await asyncio.sleep(min(1.0, (minute + _MINUTE + self._margin - self._now()).total_seconds()))


class SimulatedClock:
    """The records of ``asm.clock.v1``, read once for all partitions; each goes on from where it committed."""

    def __init__(self, topic: str, connection: Connection, clients: Clients = AIOKAFKA) -> None:
        self._partition = TopicPartition(topic, 0)
        self._connection = connection
        self._clients = clients
        self._instants: dict[int, datetime] = {}
        self._arrived = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._failed: Exception | None = None

    async def start(self) -> None:
        """Begin to read the clock's topic."""
        self._task = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def last_ticked(self, group: str) -> Instant | None:
        """Return the record whose tick the former owner committed last."""
        consumer = self._clients.consumer(**self._connection.aiokafka(), group_id=group, enable_auto_commit=False)
        consumer.assign([self._partition])
        await consumer.start()
        try:
            committed = await consumer.committed(self._partition)
        finally:
            await consumer.stop()
        return None if not committed else Instant(datetime.min.replace(tzinfo=UTC), committed - 1)

    async def next(self, after: Instant | None) -> Instant:
        """Return the first record after the last ticked one.

        :raises Exception: the topic could not be read. The process must end: a clock that stands still says nothing.
        """
        wanted = -1 if after is None or after.clock_offset is None else after.clock_offset
        async with self._arrived:
            await self._arrived.wait_for(lambda: self._failed or any(offset > wanted for offset in self._instants))
            if self._failed is not None:
                raise self._failed
            offset = min(offset for offset in self._instants if offset > wanted)
        return Instant(self._instants[offset], offset)

    async def _read(self) -> None:
        try:
            await self._read_records()
        except Exception as error:
            async with self._arrived:
                self._failed = error
                self._arrived.notify_all()
            raise

    async def _read_records(self) -> None:
        consumer = self._clients.consumer(**self._connection.aiokafka(), isolation_level="read_committed")
        await consumer.start()
        try:
            consumer.assign([self._partition])
            await consumer.seek_to_beginning(self._partition)
            async for record in consumer:
                async with self._arrived:
                    self._instants[record.offset] = decode(record.value).instant
                    self._arrived.notify_all()
        finally:
            await consumer.stop()


class Watermark:
    """Says when everything received before an instant has been settled, for one partition."""

    def __init__(
        self,
        inbound: tuple[TopicPartition, ...],
        end_offsets: Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]],
        settled_below: Callable[[TopicPartition], int | None],
    ) -> None:
        self._inbound = inbound
        self._end_offsets = end_offsets
        self._settled_below = settled_below

    async def reached(self, is_current: Callable[[], bool]) -> bool:
        """Wait until all that is in the inbound partitions now is settled (steps 2 and 3); False if no longer ours."""
        ends = await self._end_offsets(list(self._inbound))
        while is_current():
            if all(self._is_settled(tp, end) for tp, end in ends.items()):
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def _is_settled(self, tp: TopicPartition, end: int) -> bool:
        below = self._settled_below(tp)
        return below is not None and below >= end
