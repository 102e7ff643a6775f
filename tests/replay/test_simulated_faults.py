"""The simulation of faults, as CI runs it: seeds that hold, control runs that must not, the same seed twice."""

import pytest

from tests.replay.controls import CONTROLS
from tests.replay.oracles import Broken
from tests.replay.process import Seen
from tests.replay.script import turns, written
from tests.replay.seed import LAW, collected_between, fails

SEEDS, GROUPS = 500, 10
#: Of so many seeds one at least catches a control run; most are caught by the first.
CONTROL_SEEDS = 400


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_promise_holds_whatever_befalls_the_workers(group: int) -> None:
    seen = Seen()
    for seed in range(group, SEEDS, GROUPS):
        with collected_between(seed):
            failed = fails(seed, seen)
        assert failed is None, f"again: .venv/bin/python -m tests.replay --seed {seed} -v; {failed}"
    assert (seen.seeds, len(seen.points) > 30, len(seen.crash_points) > 5) == (SEEDS // GROUPS, True, True)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_worker_without_one_of_its_guards_breaks_a_promise(name: str) -> None:
    control, seen = CONTROLS[name], Seen()
    failed: Broken | None = None
    for seed in range(CONTROL_SEEDS):
        with collected_between(seed):
            failed = fails(seed, seen, control.broken)
        if failed is not None:
            break
    assert failed is not None
    assert failed.oracle in control.caught_by


def test_one_event_id_in_two_years_has_a_finding_in_each() -> None:
    """Seed 5003: a receipt is sent for two years under one id; its finding clears in one of them."""
    with collected_between(5003):
        assert fails(5003, Seen()) is None


def test_the_same_seed_goes_the_same_way() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        fails(3, Seen(trace=trace.append))
    assert traces[0] == traces[1]
    assert len(traces[0]) > 100


def test_the_scripts_cross_every_turn_of_the_calendar() -> None:
    """The deadline itself, the year's end, leap day, summer time: the minute before and what is next."""
    crossed = {phase.instant for seed in range(200) for phase in written(seed, LAW.rulebooks).phases}
    due = LAW.rulebooks[2027].submission.due_instant
    assert crossed.issuperset(turns(due))
    assert {due} < {instant for instant in crossed if abs((instant - due).total_seconds()) <= 180}
