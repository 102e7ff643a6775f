"""A clock that stands still is said once, and once more when it goes again."""

from datetime import timedelta

from schemas.records import HealthChanged, HealthState, HealthSubject
from streams.watermark_watch import Watermarks
from tests.making import at

NOON = at("2028-03-31")
LIMIT = timedelta(minutes=5)


def said(watermarks: Watermarks, minutes: float) -> list[tuple[str, HealthState]]:
    return [(c.name, c.state) for c in watermarks.changes(NOON + timedelta(minutes=minutes))]


def test_a_clock_is_said_to_stand_still_once_and_to_go_again_once() -> None:
    watermarks = Watermarks(2, LIMIT, NOON)
    watermarks.mark(0, NOON)
    watermarks.mark(1, NOON + timedelta(minutes=4))
    assert said(watermarks, 5) == []
    assert said(watermarks, 5.01) == [("0", HealthState.FIRING)]
    assert said(watermarks, 6) == []
    watermarks.mark(0, NOON + timedelta(minutes=6))
    assert said(watermarks, 7) == [("0", HealthState.RESOLVED)]
    assert said(watermarks, 8) == []


def test_a_partition_that_never_ticked_stands_still_from_the_start_on() -> None:
    (first, second) = Watermarks(2, LIMIT, NOON).changes(NOON + timedelta(minutes=6))
    assert (first.name, second.name, first.subject, first.since) == (
        "0",
        "1",
        HealthSubject.WATERMARK,
        NOON + timedelta(minutes=6),
    )
    assert first.detail.startswith(
        "The clock of the partition has never ticked: deadlines that pass are not announced."
    )


def test_what_was_said_before_a_restart_is_not_said_again_and_is_resolved() -> None:
    before = HealthChanged(
        subject=HealthSubject.WATERMARK, name="0", state=HealthState.FIRING, since=NOON, detail="still"
    )
    other = HealthChanged(subject=HealthSubject.REFUSALS, name="0", state=HealthState.RESOLVED, since=NOON, detail="")
    watermarks = Watermarks(1, LIMIT, NOON)
    watermarks.remember(before)
    watermarks.remember(other)
    watermarks.mark(0, NOON - timedelta(minutes=9))
    assert said(watermarks, 0) == []
    watermarks.mark(0, NOON)
    assert said(watermarks, 1) == [("0", HealthState.RESOLVED)]


def test_only_a_mark_resolves_what_was_said_before_a_restart() -> None:
    watermarks = Watermarks(1, LIMIT, NOON)
    watermarks.remember(
        HealthChanged(subject=HealthSubject.WATERMARK, name="0", state=HealthState.FIRING, since=NOON, detail="stalled")
    )
    assert said(watermarks, 0) == []
    assert said(watermarks, 9) == []
    watermarks.mark(0, NOON + timedelta(minutes=9))
    assert said(watermarks, 9) == [("0", HealthState.RESOLVED)]
