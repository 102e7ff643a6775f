"""Plays a world into three brokers while the one that leads, then the one that controls, is killed and comes back."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from infra.database.engine import create_tables, open_engine
from infra.kafka.reading import reader
from processors.events import Event
from processors.simulated_world import Timed
from schemas.state import PartitionMark, unpack
from streams.projection import Projector
from streams.state import MARK_KEY
from tests.faults.cluster import Cluster
from tests.faults.feeding import Feed, judge_feed, longest_pause
from tests.faults.oracles import STATE, Verdict, judge
from tests.integration.system import PARTITIONS, System, Worker, await_that
from tests.making import at

END = at("2028-04-20")
_PATIENCE_SECONDS = 240
_COMMANDS = {"worker-1": ("worker",), "worker-2": ("worker",), "projector": ("project",)}


@dataclass(frozen=True)
class FailoverPlan:
    """How often a leader and the controller are killed, while so many events a second are produced."""

    seed: int
    rounds: int
    per_second: int
    say: Callable[[str], None] = lambda _text: None


@dataclass(frozen=True)
class Pause:
    """What the death of a node cost, in seconds."""

    killed: str
    feed: float
    assessment: float


class Progress:
    """Reads the marks of the state as they come, by one consumer that lives through the faults too."""

    def __init__(self, system: System) -> None:
        self._clients = ExitStack()
        self._consumer = self._clients.enter_context(reader(system.connection, system.names.of(STATE)))
        self._as_of: dict[int, datetime] = {}
        self.instants: defaultdict[int, list[float]] = defaultdict(list)  # when each partition's mark was written

    def await_tick(self, instant: datetime) -> None:
        """Wait until every partition is assessed as of an instant."""
        await_that(lambda: self._is_at(instant), _PATIENCE_SECONDS, f"the tick of {instant.isoformat()}")

    def close(self) -> None:
        """Read no more."""
        self._clients.close()

    def _is_at(self, instant: datetime) -> bool:
        for records in self._consumer.poll(timeout_ms=200, max_records=5000).values():
            for record in records:
                mark = unpack(record.value, PartitionMark) if record.key == MARK_KEY else None
                if mark is not None and mark.as_of is not None:
                    self._as_of[record.partition] = mark.as_of
                    self.instants[record.partition].append(record.timestamp / 1000)
        return len(self._as_of) == PARTITIONS and min(self._as_of.values()) >= instant


@dataclass
class Failover:
    """What runs on the cluster, and what was done to it."""

    cluster: Cluster
    system: System
    plan: FailoverPlan
    done: Counter[str] = field(default_factory=Counter)
    windows: list[tuple[str, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start two supervised workers and the projector."""
        self._progress = Progress(self.system)
        self._chance = Random(self.plan.seed)  # noqa: S311 - a hand that can be followed
        self._running: dict[str, Worker] = {}
        self.tend()

    def tend(self) -> None:
        """Start again what has ended, as a supervisor does."""
        for name, command in _COMMANDS.items():
            worker = self._running.get(name)
            if worker is None or worker.process.poll() is not None:
                if worker is not None:
                    self.done[f"{name} ended with {worker.process.returncode}"] += 1
                self._running[name] = self.system.start(*command)

    def play(self, world: Sequence[Timed[Event]]) -> Feed:
        """Produce the world under the plan's faults, to the end of the clock."""
        start = at("2027-01-01")
        self.system.set_clock(start)
        self._progress.await_tick(start)
        self.plan.say("the workers work")
        feed = Feed(self.system, world, self.plan.per_second)
        feed.start()
        for _ in range(self.plan.rounds):
            self._lose_a_leader(feed)
            self._lose_the_controller(feed)
        feed.end()
        self.plan.say(f"{feed.acknowledged.total()} records acknowledged")
        self.system.set_clock(END)
        self._progress.await_tick(END)
        self._progress.close()
        self.plan.say("all of them assessed")
        return feed

    def stop(self) -> list[Any]:
        """End everything as an operator does; return the exit codes."""
        return [worker.stop() for worker in self._running.values()]

    def pauses(self, feed: Feed) -> list[Pause]:
        """Return the longest pause of the feed and of a partition's assessment after each kill."""
        marks = self._progress.instants.values()
        return [
            Pause(
                killed,
                round(longest_pause(feed.instants, since, until), 1),
                round(max(longest_pause(m, since, until) for m in marks), 1),
            )
            for killed, since, until in self.windows
        ]

    def errors(self) -> Counter[str]:
        """Return the errors that the workers' logs name, by log event."""
        found: Counter[str] = Counter()
        for worker in self.system.workers:
            found += worker.errors()
        return found

    def _lose_a_leader(self, feed: Feed) -> None:
        """Kill the node whose address clients have first; start a worker anew while it is dead."""
        self._kill("a leader", 1, feed)
        assert self._running["worker-2"].stop() == 0
        del self._running["worker-2"]
        self.tend()
        self._restart(1)

    def _lose_the_controller(self, feed: Feed) -> None:
        controller = self.cluster.controller()
        self._kill("the controller", controller, feed)
        assert self.cluster.controller() != controller
        self._restart(controller)

    def _kill(self, what: str, node: int, feed: Feed) -> None:
        """Kill a node, and return when the feed goes on and what it sent since is assessed."""
        leads = self.cluster.leaders(self.system.settings.namespace)[node]
        controls = self.cluster.controller() == node
        assert leads > 0
        time.sleep(self._chance.uniform(0.5, 3.0))
        assert feed.is_sending()
        since = time.time()
        self.cluster.kill(node)
        self.done["killed"] += 1
        self.plan.say(f"killed node {node}: it led {leads} partitions{' and the cluster' if controls else ''}")
        self.cluster.await_left(node)
        self.plan.say(f"out of sync and of lead after {time.time() - since:.1f} s")
        ticked = feed.ticked
        await_that(lambda: feed.ticked != ticked, _PATIENCE_SECONDS, "a feed that goes on")
        self._progress.await_tick(feed.ticked)
        self.windows.append((what, since, time.time()))
        self.plan.say(f"assessed again after {time.time() - since:.1f} s")
        self.tend()

    def _restart(self, node: int) -> None:
        self.cluster.start(node)
        self.cluster.await_in_sync()
        self.plan.say(f"node {node} is in sync again")
        self.cluster.elect_preferred()
        self.tend()


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    verdict: Verdict
    done: Counter[str]
    pauses: list[Pause]
    errors: Counter[str]
    codes: list[Any]


def system_on(cluster: Cluster, folder: Path, namespace: str = "failover.") -> System:
    """Return a deployment whose topics are replicated three times and written to two at least."""
    system = System(cluster.bootstrap, namespace, folder, replicas=3)
    system.apply_topics()
    cluster.await_in_sync()
    return system


def run_failover(world: Sequence[Timed[Event]], plan: FailoverPlan, cluster: Cluster, folder: Path) -> Outcome:
    """Play a world under a plan on a cluster that runs, and judge it."""
    system = system_on(cluster, folder)
    plan.say("topics made")
    try:
        failover = Failover(cluster, system, plan)
        feed = failover.play(world)
        codes = failover.stop()
        engine = open_engine(f"sqlite:///{folder}/asm.db")
        create_tables(engine)
        Projector(system.connection, engine).run(once=True)
        verdict = judge(system, engine)
        judge_feed(system, feed, verdict)
        engine.dispose()
        return Outcome(verdict, failover.done, failover.pauses(feed), failover.errors(), codes)
    finally:
        system.end()
