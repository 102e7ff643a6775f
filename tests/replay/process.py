"""A worker process as the simulation sees it: between any two effects it may crash, freeze, wait or lose its line."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NoReturn

from aiokafka.errors import KafkaConnectionError

from tests.replay.loop import RUNNING

KILLED = -9
_FREEZE_SECONDS = (0.5, 14.0)


@dataclass(kw_only=True)
class Storm:
    """How hard the weather of a seed is: chances of a fault at each effect, and how many there may be."""

    crash: float
    freeze: float
    drop: float
    slow: float
    left: int

    @classmethod
    def drawn(cls, chance: Random) -> "Storm":
        """Draw the weather: most seeds have a few faults, some have many, some have none."""
        hard = chance.choice((0.0, 0.005, 0.01, 0.02, 0.04))
        return cls(
            crash=hard * chance.random(),
            freeze=hard * chance.random(),
            drop=hard * chance.random(),
            slow=chance.choice((0.0, 0.02, 0.1)),
            left=chance.randrange(1, 12),
        )


@dataclass
class Seen:
    """What a run went through: for the figures at the end, and for the trace of one seed."""

    points: set[str] = field(default_factory=set)
    crash_points: set[str] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    states: set[int] = field(default_factory=set)
    shapes: set[tuple[int, ...]] = field(default_factory=set)
    distinct_states: int = 0
    seeds: int = 0
    events: int = 0
    steps: int = 0
    trace: Callable[[str], None] | None = None

    def begin(self) -> None:
        """Begin a seed: its states are counted apart, for its contents are its own."""
        self.states.clear()

    def end(self) -> None:
        """End a seed."""
        self.seeds += 1
        self.distinct_states += len(self.states)

    def told(self) -> str:
        """Return the figures."""
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()) if count)
        return (
            f"{self.seeds} seeds held: {self.events} inbound records, {self.steps} effects stood before or behind, "
            f"{self.distinct_states} distinct states, {len(self.shapes)} without their contents, "
            f"a crash at {len(self.crash_points)} of {len(self.points)} points.\nFaults: {faults}"
        )

    def say(self, what: str) -> None:
        """Write a line of the trace, where one is wanted."""
        if self.trace is not None:
            self.trace(f"{asyncio.get_running_loop().time():9.4f}  {what}")


class Process:
    """One process: it owns its tasks, and nothing of it has an effect any more once it has ended."""

    def __init__(self, name: str, chance: Random, storm: Storm, seen: Seen) -> None:
        self.name = name
        self.skew_seconds = chance.uniform(-0.4, 0.4)
        self.exit_code: int | None = None
        self.error: BaseException | None = None
        self.visited: Callable[[], None] = lambda: None
        self.chance = chance
        self._storm = storm
        self._seen = seen
        self._running = asyncio.Event()
        self._running.set()
        self._tasks: dict[asyncio.Task[Any], None] = {}

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.exit_code is None

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Take a task as one's own."""
        self._tasks[task] = None
        task.add_done_callback(lambda t: self._tasks.pop(t, None))

    def start(self, work: Any) -> None:
        """Run a coroutine as a task of this process."""
        token = RUNNING.set(self)
        try:
            asyncio.get_running_loop().create_task(work)
        finally:
            RUNNING.reset(token)

    async def reach(self, point: str, *, by_line: bool = False) -> None:
        """Stand before or behind an effect: here the seed decides what befalls the process.

        :raises KafkaConnectionError: a line by which the effect goes is lost; it may have had its effect or not.
        """
        self._seen.steps += 1
        self._seen.points.add(point)
        await self._thawed()
        self.visited()
        fault = self._draw(by_line)
        if fault is not None:
            self._seen.faults[fault] += 1
            self._seen.say(f"{self.name} {fault} at {point}")
        if fault == "crash":
            self._seen.crash_points.add(point)
            self.end(KILLED)
            raise asyncio.CancelledError
        if fault == "freeze":
            self.freeze(self.chance.uniform(*_FREEZE_SECONDS))
        elif fault == "dropped connection":
            raise KafkaConnectionError(point)
        elif fault == "slow":
            await asyncio.sleep(self.chance.uniform(0.05, 1.5))
        elif self.chance.random() < 0.3:
            await asyncio.sleep(self.chance.uniform(0.0, 0.02))
        if self._seen.trace is not None:
            self._seen.say(f"{self.name} {point}")
        await self._thawed()

    def freeze(self, seconds: float) -> None:
        """Stop in its tracks, and go on after a while."""
        self._running.clear()
        asyncio.get_running_loop().call_later(seconds, self.thaw)

    def thaw(self) -> None:
        """Go on."""
        if not self._running.is_set():
            self._running.set()
            self._seen.say(f"{self.name} wakes up")

    def end(self, code: int) -> None:
        """End at once: no task of it has a further effect."""
        if self.alive:
            self.exit_code = code
            self._seen.say(f"{self.name} ended ({code})")
            self._running.set()
            for task in list(self._tasks):
                if task is not asyncio.current_task():
                    task.cancel()

    def exit(self, code: int, error: BaseException | None) -> NoReturn:
        """End as the product does, which never returns from it."""
        if self.alive:
            self._seen.faults[f"ended of {type(error).__name__}"] += 1
            self.error = error
        self.end(code)
        raise asyncio.CancelledError

    async def _thawed(self) -> None:
        while not self._running.is_set():
            await self._running.wait()
        if not self.alive:
            raise asyncio.CancelledError

    def _draw(self, by_line: bool) -> str | None:
        storm, drawn = self._storm, self.chance.random()
        if drawn >= storm.crash + storm.freeze + storm.drop * by_line:
            return "slow" if self.chance.random() < storm.slow * 0.2 else None
        if storm.left <= 0:
            return None
        storm.left -= 1
        if drawn < storm.crash:
            return "crash"
        return "freeze" if drawn < storm.crash + storm.freeze else "dropped connection"
