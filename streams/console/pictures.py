"""Where the lines and bars of the pages' drawings lie; the templates draw them, a table beside them says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_WIDTH, _HEIGHT = 960, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 12, 12, 28
_HIGHEST = 100
_MOST_TICKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One announced score in a drawing."""

    x: float
    y: float
    change: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPicture:
    """How a score moved: the final score as steps, what was in reach as a band, months and points as axes."""

    width: int
    height: int
    left: int
    right: float
    bottom: float
    final: str
    prepared: str
    band: str
    dots: tuple[Dot, ...]
    months: tuple[Tick, ...]
    points: tuple[Tick, ...]


def history_picture(history: Sequence[Mapping[str, Any]], now: datetime) -> HistoryPicture | None:
    """Return the drawing of a history up to now; None where no score was announced yet."""
    told = [change for change in history if change["final_score"] is not None]
    if not told:
        return None
    start, end = told[0]["as_of"], max(now, told[-1]["as_of"] + timedelta(hours=1))

    def x(instant: datetime) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * float((instant - start) / (end - start)), 1)

    return HistoryPicture(
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        bottom=_HEIGHT - _BOTTOM,
        final=_path(_steps([(x(c["as_of"]), _y(c["final_score"])) for c in told], x(end))),
        prepared=_path(_steps(_of(told, "prepared_score", x), x(end))),
        band=_band(_of(told, "lowest_reachable", x), _of(told, "highest_reachable", x), x(end)),
        dots=tuple(Dot(x=x(c["as_of"]), y=_y(c["final_score"]), change=c) for c in told),
        months=tuple(Tick(at=x(month), label=f"{month:%b}") for month in _months(start, end)),
        points=tuple(Tick(at=_y(value), label=str(value)) for value in range(0, _HIGHEST + 1, 25)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A cell of a distribution: where its bar lies, or that it is suppressed."""

    x: float
    y: float
    width: float
    height: float
    cell: Mapping[str, Any]


def bars(cells: Sequence[Mapping[str, Any]], width: int = 960, height: int = 180) -> tuple[Bar, ...]:
    """Return the bars of a distribution; the highest fills the height."""
    most = max([cell["count"] or 0 for cell in cells] + [1])
    each = width / len(cells)
    found = []
    for place, cell in enumerate(cells):
        tall = round(height * (cell["count"] or 0) / most, 1)
        found.append(
            Bar(x=round(place * each + 3, 1), y=round(height - tall, 1), width=each - 6, height=tall, cell=cell)
        )
    return tuple(found)


def _y(value: Any) -> float:
    return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - float(value) / _HIGHEST), 1)


def _of(told: Sequence[Mapping[str, Any]], name: str, x: Any) -> list[tuple[float, float]]:
    return [(x(c["as_of"]), _y(c[name])) for c in told if c[name] is not None]


def _steps(points: Sequence[tuple[float, float]], end: float) -> list[tuple[float, float]]:
    """A score holds until the next is announced."""
    corners: list[tuple[float, float]] = []
    for across, up in points:
        corners += [(across, corners[-1][1])] if corners else []
        corners.append((across, up))
    return [*corners, (end, corners[-1][1])] if corners else []


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if place else 'M'}{x} {y}" for place, (x, y) in enumerate(points))


def _band(low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]], end: float) -> str:
    around = _steps(high, end) + list(reversed(_steps(low, end)))
    return f"{_path(around)}Z" if around else ""


def _months(start: datetime, end: datetime) -> list[datetime]:
    """Return the first days of months between two instants, thinned out."""
    found, month = (
        [],
        (start.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1),
    )
    while month < end:
        found.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return found[:: max(1, -(-len(found) // _MOST_TICKS))]
