"""Plays a world into a deployment while a seeded hand kills, freezes and restarts what runs."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import cycle
from random import Random
from typing import Any

from infra.kafka.broker import EmbeddedBroker
from processors.events import Event
from processors.simulated_world import Timed
from tests.integration.system import System, Worker

_FREEZE_SECONDS = (1.0, 14.0)  # shorter and longer than a session
_PAUSE_SECONDS = (0.5, 4.0)


@dataclass(frozen=True)
class Plan:
    """How much happens: so many kills in all, so many freezes and broker restarts; in so many steps of the feed."""

    seed: int
    kills: int
    freezes: int
    broker_restarts: int
    steps: int
    say: Callable[[str], None] = lambda _text: None


@dataclass
class Chaos:
    """What runs, and what was done to it."""

    system: System
    broker: EmbeddedBroker
    plan: Plan
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Start two workers of each stage and the projector."""
        self._chance = Random(self.plan.seed)  # noqa: S311 - a hand that can be followed
        self._commands = {
            "admission-1": ("worker", "--no-supervise", "--only", "admission"),
            "admission-2": ("worker", "--no-supervise", "--only", "admission"),
            "assessment-1": ("worker", "--no-supervise", "--only", "assessment"),
            "assessment-2": ("worker", "--no-supervise", "--only", "assessment"),
            "projector": ("project",),
        }
        self._running: dict[str, Worker] = {}
        self.tend()

    def tend(self) -> None:
        """Start again what has ended, as a supervisor does."""
        for name, command in self._commands.items():
            worker = self._running.get(name)
            if worker is None or worker.process.poll() is not None:
                if worker is not None:
                    self.done[f"restarted after {worker.process.returncode}"] += 1
                self._running[name] = self.system.start(*command)

    def play(self, world: Sequence[Timed[Event]], end: datetime) -> None:
        """Send the world in steps, moving the clock, and let something happen after each."""
        todo = self._actions()
        self.system.set_clock(world[0].received_at.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0))
        for step in range(self.plan.steps):
            part = world[len(world) * step // self.plan.steps : len(world) * (step + 1) // self.plan.steps]
            self.system.send(part)
            self.system.set_clock(part[-1].received_at.replace(second=0, microsecond=0))
            for action in todo[len(todo) * step // self.plan.steps : len(todo) * (step + 1) // self.plan.steps]:
                time.sleep(self._chance.uniform(*_PAUSE_SECONDS))
                action()
                self.tend()
            self.plan.say(f"step {step + 1} of {self.plan.steps}: {sum(self.done.values())} faults, {dict(self.done)}")
        self.system.set_clock(end)
        self._await_end(end)

    def _actions(self) -> list[Callable[[], None]]:
        names = cycle(self._commands)
        owners = cycle(name for name in self._commands if name != "projector")
        actions: list[Callable[[], None]] = [partial(self._kill, next(names)) for _ in range(self.plan.kills)]
        actions += [partial(self._freeze, next(owners)) for _ in range(self.plan.freezes)]
        actions += [self._restart_broker] * self.plan.broker_restarts
        self._chance.shuffle(actions)
        return actions

    def _kill(self, name: str) -> None:
        self._running[name].kill()
        self.done[f"SIGKILL {name.split('-', maxsplit=1)[0]}"] += 1

    def _freeze(self, name: str) -> None:
        process = self._running[name].process
        if process.poll() is None:
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(self._chance.uniform(*_FREEZE_SECONDS))
            os.kill(process.pid, signal.SIGCONT)
            self.done[f"SIGSTOP {name.split('-', maxsplit=1)[0]}"] += 1

    def _restart_broker(self) -> None:
        running = self.broker.running()
        if running is None:
            raise AssertionError("the broker does not run")
        hard = self._chance.random() < 0.5
        if hard:
            os.kill(running.pid, signal.SIGKILL)
            if self.broker._process is not None:
                self.broker._process.wait()
        else:
            self.broker.down()
        self.broker.up(running.port)
        self.done["broker killed" if hard else "broker restarted"] += 1

    def _await_end(self, end: datetime) -> None:
        until = time.monotonic() + 1800
        while time.monotonic() < until:
            self.tend()
            try:
                self.system.await_tick(end, 5)
            except AssertionError:
                continue
            return
        raise AssertionError("the system did not come to the end of the world")

    def stop(self) -> list[Any]:
        """End everything as an operator does; return the exit codes."""
        return [worker.stop() for worker in self._running.values()]
