"""An event loop whose time is the test's: it stands still while there is work, and jumps to the next timer."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Protocol


class Stuck(Exception):
    """Nothing is ready and no timer runs: everybody waits for everybody."""


class TaskKeeper(Protocol):
    """Whoever ends with its tasks: a simulated process."""

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Take a task as one's own."""


#: The process that the running task belongs to; what a task starts belongs to the same.
RUNNING: ContextVar[TaskKeeper | None] = ContextVar("RUNNING", default=None)


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks in the order in which they were made ready: the same seed gives the same run."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = self
        self.set_task_factory(_kept_task)
        self.set_exception_handler(lambda *_: None)  # what dies with its process is nobody's to retrieve

    def time(self) -> float:
        """The simulated seconds since the beginning."""
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """Let the time pass until the next timer."""
        if timeout is None:
            raise Stuck("nothing is ready and no timer runs")
        self._now += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there is no input but the timers."""

    def _write_to_self(self) -> None:
        """Do nothing: there is no other thread."""


def _kept_task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(coro, loop=loop, **options)
    process = RUNNING.get()
    if process is not None:
        process.keep(task)
    return task


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in a loop of its own, and drop what still runs then."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(_last_turns())
        loop.close()


async def _last_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
