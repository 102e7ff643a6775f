"""How far a process is: what waits and does not move is seen, and what was lost to a rebalance is no standstill."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from infra.progress import Holding, Progress, Stall, watched
from tests.making import at

NOW = at("2027-07-01T12:00:00Z")


class Dial:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def dial() -> Dial:
    return Dial()


@pytest.fixture
def progress(dial: Dial) -> Progress:
    """A process that holds partition 2 of assessment."""
    holding = Progress(now=dial, today=lambda: NOW)
    holding.expect("assessment")
    holding.hold("assessment", 2, Holding.WORKING)
    holding.assigned("assessment")
    return holding


def look(progress: Progress, next_offset: int | None, end: int | None) -> None:
    progress.look("assessment", 2, "asm.journal.v1", next_offset=next_offset, end=end)


def partition(progress: Progress) -> Any:
    found: Any = progress.document()["partitions"]
    return found[0]


def stall(*, next_offset: int, lag: int, seconds: float, moving: bool) -> Stall:
    return Stall(
        stage="assessment",
        partition=2,
        topic="asm.journal.v1",
        next_offset=next_offset,
        lag=lag,
        seconds=seconds,
        moving=moving,
    )


def test_a_partition_stands_still_while_something_waits_and_nothing_moves(progress: Progress, dial: Dial) -> None:
    look(progress, 10, 30)
    dial.seconds += 61
    look(progress, 10, 35)
    assert list(progress.stalls(60)) == [stall(next_offset=10, lag=25, seconds=61.0, moving=False)]


def test_it_is_told_once_and_once_more_when_it_moves(progress: Progress, dial: Dial) -> None:
    look(progress, 10, 30)
    dial.seconds += 61
    assert [s.moving for s in progress.stalls(60)] == [False]
    dial.seconds += 61
    assert list(progress.stalls(60)) == []
    look(progress, 11, 30)
    assert list(progress.stalls(60)) == [stall(next_offset=11, lag=19, seconds=0.0, moving=True)]
    assert list(progress.stalls(60)) == []


def test_nothing_that_waits_is_no_standstill_however_long(progress: Progress, dial: Dial) -> None:
    look(progress, 30, 30)
    dial.seconds += 86_400
    look(progress, 30, 30)
    assert (list(progress.stalls(60)), partition(progress)["stalled_seconds"]) == ([], 0.0)
    look(progress, 30, 31)
    assert partition(progress)["stalled_seconds"] == 0.0


def test_an_end_that_is_not_known_leaves_the_lag_as_it_was(progress: Progress, dial: Dial) -> None:
    look(progress, 10, 30)
    dial.seconds += 61
    look(progress, 10, None)
    assert [s.lag for s in progress.stalls(60)] == [20]


def test_the_time_of_a_rebalance_does_not_count(progress: Progress, dial: Dial) -> None:
    look(progress, 10, 30)
    progress.hold("assessment", 2, Holding.WAITING)
    dial.seconds += 61
    progress.hold("assessment", 2, Holding.WORKING)
    assert list(progress.stalls(60)) == []


def test_a_process_is_ready_when_each_stage_has_its_partitions_and_works_on_each() -> None:
    progress = Progress()
    seen = [progress.is_ready()]
    progress.expect("admission")
    seen.append(progress.is_ready())
    progress.hold("admission", 0, Holding.TAKING_OVER)
    progress.assigned("admission")
    seen.append(progress.is_ready())
    progress.hold("admission", 0, Holding.WORKING)
    seen.append(progress.is_ready())
    progress.hold("admission", 0, Holding.WAITING)
    seen.append(progress.is_ready())
    progress.drop("admission", 0)
    seen.append(progress.is_ready())
    assert seen == [False, False, False, True, False, True]


def test_a_document_says_of_each_partition_how_far_it_is(progress: Progress, dial: Dial) -> None:
    progress.tick("assessment", 2, NOW)
    look(progress, 10, 30)
    dial.seconds += 5
    assert progress.document() == {
        "ready": True,
        "stages": {"assessment": "assigned"},
        "partitions": [
            {
                "stage": "assessment",
                "partition": 2,
                "state": "working",
                "recovered": 1.0,
                "as_of": "2027-07-01T12:00:00+00:00",
                "next_offsets": {"asm.journal.v1": 10},
                "lag": 20,
                "stalled_seconds": 5.0,
            }
        ],
    }


def test_how_much_of_a_state_is_read_is_told_and_what_is_not_held_is_ignored() -> None:
    progress = Progress()
    progress.hold("assessment", 1, Holding.TAKING_OVER)
    progress.recover("assessment", 1, 0.25)
    progress.recover("assessment", 7, 0.5)
    progress.tick("assessment", 7, NOW)
    progress.look("assessment", 7, "asm.journal.v1", next_offset=1, end=2)
    assert [(name, labels, value) for name, labels, value in progress.readings()] == [
        ("asm_partition_ready", ("assessment", "1"), 0.0),
        ("asm_partition_recovered_ratio", ("assessment", "1"), 0.25),
    ]


def test_prometheus_reads_it_with_the_labels_of_the_catalogue(progress: Progress, dial: Dial) -> None:
    progress.tick("assessment", 2, NOW - timedelta(seconds=70))
    look(progress, 10, 30)
    dial.seconds += 5
    registry = CollectorRegistry()
    watched(progress, registry)
    of_stage = {"stage": "assessment", "partition": "2"}
    of_topic = of_stage | {"topic": "asm.journal.v1"}
    assert {
        name: registry.get_sample_value(
            name, of_topic if "offset" in name or "lag" in name or "stall" in name else of_stage
        )
        for name in (
            "asm_partition_ready",
            "asm_partition_recovered_ratio",
            "asm_partition_next_offset",
            "asm_partition_lag_records",
            "asm_partition_stalled_seconds",
            "asm_watermark_timestamp_seconds",
            "asm_watermark_age_seconds",
        )
    } == {
        "asm_partition_ready": 1.0,
        "asm_partition_recovered_ratio": 1.0,
        "asm_partition_next_offset": 10.0,
        "asm_partition_lag_records": 20.0,
        "asm_partition_stalled_seconds": 5.0,
        "asm_watermark_timestamp_seconds": NOW.timestamp() - 70,
        "asm_watermark_age_seconds": 70.0,
    }


def test_on_a_simulated_clock_no_tick_has_an_age(progress: Progress) -> None:
    progress.simulated = True
    progress.tick("assessment", 2, NOW)
    assert {name for name, *_ in progress.readings()} == {
        "asm_partition_ready",
        "asm_partition_recovered_ratio",
        "asm_watermark_timestamp_seconds",
    }


def test_the_beat_tells_how_long_ago_the_loop_turned(dial: Dial) -> None:
    progress = Progress(now=dial)
    dial.seconds += 7
    before = progress.seconds_since_beat()
    progress.beat()
    assert (before, progress.seconds_since_beat()) == (7.0, 0.0)
