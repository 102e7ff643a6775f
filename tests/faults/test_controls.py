"""Runs that must be caught: each broken promise is named by the judge that holds the real system to it."""

import sys
from pathlib import Path

import pytest

from tests.faults.oracles import judge
from tests.faults.world import large_world
from tests.integration.system import System, Worker, await_that
from tests.making import at

pytestmark = pytest.mark.integration
END = at("2028-04-20")
WORLD = large_world(6, 12, 1)


def broken_worker(system: System, what: str, flag: Path) -> Worker:
    command = [sys.executable, "-m", "tests.faults.broken", "worker", "--no-supervise"]
    return system.start_command(command, ASM_TEST_BREAK=what, ASM_TEST_FLAG=str(flag))


def play(system: System, what: str, *, flagged: bool) -> dict[str, int]:
    """Play a world with a broken worker, which is stopped or killed at the moment that tells, and a second one."""
    flag = system.folder / "flag"
    first = broken_worker(system, what, flag)
    system.set_clock(at("2027-01-01"))
    system.await_tick(at("2027-01-01"))
    if flagged:
        flag.touch()
    half = len(WORLD) // 2
    system.send(WORLD[:half])
    if flagged:
        await_that(lambda: first.process.poll() is not None or first.is_frozen(), 60, "the moment that tells")
        broken_worker(system, what, flag)
    system.send(WORLD[half:])
    system.set_clock(END)
    system.await_tick(END)
    if flagged and first.process.poll() is None:
        first.wake()
        await_that(lambda: first.process.poll() is not None or len(judge(system).broken) > 0, 40, "the woken worker")
    return dict(judge(system).broken)


@pytest.mark.parametrize(
    ("what", "flagged", "caught"),
    [
        ("nothing", True, set()),
        ("no fencing", True, {"EVENT_DOUBLED"}),
        ("effects outside", True, {"EVENT_DOUBLED"}),
        ("offsets first", True, {"EVENT_LOST"}),
        ("repeats counted", False, {"FACTS_DIFFER", "STATE_DIFFERS"}),
    ],
)
def test_a_broken_promise_is_caught_and_named(system: System, what: str, flagged: bool, caught: set[str]) -> None:
    broken = play(system, what, flagged=flagged)
    assert caught <= broken.keys()
    assert bool(broken) == bool(caught)
