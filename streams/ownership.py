"""One owned partition: one task, one producer, one transaction at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, ClassVar, Protocol

from faust.types import TP

from infra.errors import LogLost
from infra.log import Log
from infra.metrics import Metrics
from infra.progress import PROGRESS, Holding, Stage
from streams.batch_log import BatchLog
from streams.state import StateRefused
from streams.transaction import FencedProducer, Offsets, Writes

#: Exit codes of a worker beside those of the command line: start me again.
RESTART = 75
REFUSED = 1
_WAITING_BATCHES = 8
Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark of the clock on its way into the journal; ``clock_offset`` is that of a simulated clock's record."""

    as_of: datetime
    generation: int
    written: asyncio.Future[bool]
    clock_offset: int | None = None

    def settle(self, *, written: bool) -> None:
        """Tell whoever waits whether the tick was written, or dropped with its assignment."""
        if not self.written.done():
            self.written.set_result(written)


class Host(Protocol):
    """The app of whose partitions one is owned, as far as an owner needs it."""

    @property
    def group(self) -> str:
        """The consumer group."""

    def settle(self, event: Any) -> None:
        """Say that the transaction of a batch is committed."""

    def settled_below(self, tp: TP) -> int | None:
        """Return the offset below which all of a partition is settled; None while it is not known."""

    def end_process(self, code: int) -> None:
        """End the process at once."""


class PartitionOwner:
    """Holds one partition of an app between its assignment and its revocation."""

    stage: ClassVar[Stage]

    def __init__(self, app: Host, partition: int, producer: FencedProducer) -> None:
        self.app = app
        self.partition = partition
        self.group = app.group
        self.generation: int | None = None
        self.producer = producer
        self.log = Log(app=self.group, partition=partition)
        self.metrics = Metrics()
        self.batches = BatchLog(self.stage, partition, self.log)
        self._inbox: asyncio.Queue[Any] = asyncio.Queue(_WAITING_BATCHES)
        self._idle = asyncio.Event()
        self._idle.set()
        self._assigned = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Fence the former owner, only then read what it left, and begin to work."""
        started = perf_counter()
        PROGRESS.hold(self.stage, self.partition, Holding.TAKING_OVER)
        try:
            await self.producer.open()
            await self.load()
        except (StateRefused, LogLost) as refused:
            self.end_process(REFUSED, refused)
        except Exception as error:  # noqa: BLE001 - the driver would log it, and leave a member that holds and does nothing
            self.end_process(RESTART, error)
        self._tasks = [asyncio.create_task(self._guarded(work)) for work in self.work()]
        seconds = perf_counter() - started
        PROGRESS.hold(self.stage, self.partition, Holding.WAITING)
        self.metrics.observe("asm_takeover_seconds", seconds, stage=self.stage)
        self.log.info("partition_taken_over", seconds=round(seconds, 3))

    async def load(self) -> None:
        """Read what the former owner left."""

    async def put(self, event: Any) -> None:
        """Take a batch, or a tick, to be worked on."""
        await self._inbox.put(event)

    def resume(self, generation: int) -> None:
        """Begin under an assignment; what waited from before it comes again from the committed offsets."""
        while not self._inbox.empty():
            _drop(self._inbox.get_nowait())
        self.forget()
        self.generation = generation
        PROGRESS.hold(self.stage, self.partition, Holding.WORKING)
        self._assigned.set()

    async def assigned(self) -> int:
        """Wait until the partition is ours, and return the generation of the assignment."""
        while self.generation is None:
            await self._assigned.wait()
        return self.generation

    def forget(self) -> None:
        """Drop what was read and not committed."""

    async def let_go(self) -> None:
        """Begin nothing new and finish what is begun; otherwise the next owner would fence a healthy worker."""
        self.generation = None
        self._assigned.clear()
        PROGRESS.hold(self.stage, self.partition, Holding.WAITING)
        await self._idle.wait()
        self.log.debug("partition_let_go")

    async def close(self) -> None:
        """Give the partition up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.producer.close()
        PROGRESS.drop(self.stage, self.partition)

    async def commit(self, writes: Writes, offsets: Offsets | None) -> None:
        """Write rows and the offsets of a group in one transaction of the partition.

        :raises Exception: the process must end (``transaction.py``).
        """
        started = perf_counter()
        await self.producer.commit(writes, self.partition, offsets)
        self.metrics.observe("asm_transaction_seconds", perf_counter() - started, stage=self.stage)

    def tell(self) -> None:
        """Say in the log what was done lately."""
        self.batches.tell()

    def work(self) -> list[Work]:
        """Return what runs while the partition is owned."""
        return [self._run]

    async def process(self, events: Sequence[Any]) -> None:
        """Work on batches and ticks, in order, and commit them."""
        raise NotImplementedError

    def end_process(self, code: int, error: BaseException) -> None:
        """End the process at once: what is in memory may be ahead of Kafka. A supervisor starts it again."""
        self.log.critical("partition_failed", error=type(error).__name__, detail=str(error), exit_code=code)
        self.app.end_process(code)

    async def _guarded(self, work: Work) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except StateRefused as refused:
            self.end_process(REFUSED, refused)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nothing more may be written by this process
            self.end_process(RESTART, error)

    async def _run(self) -> None:
        linger = self.producer.linger_seconds
        while True:
            events = [await self._inbox.get()]
            self._idle.clear()
            if linger:
                await asyncio.sleep(linger)
            while not self._inbox.empty():
                events.append(self._inbox.get_nowait())
            try:
                current = [event for event in events if self._is_current(event)]
                for event in events:
                    if event not in current:
                        _drop(event)
                if current:
                    await self.process(current)
            finally:
                self._idle.set()

    def _is_current(self, event: Any) -> bool:
        generation = event.generation if isinstance(event, Tick) else event.message.generation_id
        return self.generation is not None and bool(generation == self.generation)


def _drop(event: Any) -> None:
    if isinstance(event, Tick):
        event.settle(written=False)
