"""One seed: write its script, play it, judge it."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from structlog.testing import capture_logs

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from streams.assessment import Law
from tests.replay.loop import Stuck, run
from tests.replay.oracles import Broken, judge
from tests.replay.process import Seen
from tests.replay.script import written
from tests.replay.world import EndedWrongly, Kind, NotQuiet, World

LAW = Law(rulebooks=load_rulebooks(DEFAULT_VINTAGE))
gc.freeze()  # the law is no garbage, and large
#: A run leaves cycles of tasks and futures behind; they are collected after so many seeds, not amid one.
_SEEDS_A_COLLECTION = 25


@dataclass(frozen=True, kw_only=True)
class Break:
    """A guard of the product that a control run takes away: attributes of it that are something else meanwhile."""

    kind: Kind = field(default_factory=Kind)
    instead: Sequence[tuple[Any, str, Any]] = ()


def fails(seed: int, seen: Seen, broken: Break | None = None) -> Broken | None:
    """Run a seed; return the promise that it broke, if any."""
    broken = broken or Break()
    script = written(seed, LAW.rulebooks)
    seen.events += sum(len(phase.sent) for phase in script.phases)

    async def play() -> World:
        world = World(script, LAW, seen, broken.kind)
        await world.play()
        return world

    seen.begin()
    try:
        with _replaced(broken.instead), capture_logs():
            broker = run(play()).cluster.broker
        judge(broker, LAW, script.partitions, script.end)
    except (NotQuiet, Stuck) as error:
        return Broken("quiet", error)
    except EndedWrongly as error:
        return Broken("errors", error)
    except Broken as error:
        return error
    finally:
        seen.end()
    return None


@contextmanager
def collected_between(number: int) -> Iterator[None]:
    """Keep the garbage collector out of a seed; let it run between some."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if number % _SEEDS_A_COLLECTION == 0:
            gc.collect()


@contextmanager
def _replaced(instead: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in instead]
    try:
        for owner, name, value in instead:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
