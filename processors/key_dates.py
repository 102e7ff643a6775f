"""The days of a performance year that a practice must not miss, taken from the rulebook (42 CFR 512.705, 512.720)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict

from processors.improvement_activities import IMPROVEMENT_ACTIVITIES
from processors.promoting_interoperability import PROMOTING_INTEROPERABILITY
from processors.rulebook import Rulebook, Section, Standing
from processors.rulebook.sections import LastStart

LAST_START, PERIOD_END, LAST_WEEKDAY, DUE = "LAST_START", "PERIOD_END", "LAST_WEEKDAY", "DUE"
_SATURDAY = 5


class _Source(TypedDict):
    cites: tuple[str, ...]
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDate:
    """A day (``at``: and an instant) that matters; ``category`` where it matters for one alone.

    ``period_days``: how long a period must be that begins by then. ``cites`` and ``standing`` are those of the
    rulebook's value that it rests on.
    """

    name: str
    on: date
    category: str | None = None
    period_days: int | None = None
    at: datetime | None = None
    cites: tuple[str, ...]
    standing: Standing


def key_dates(rulebook: Rulebook) -> tuple[KeyDate, ...]:
    """Return the days of a year: latest starts, its end, the last weekday until all is due, the due instant."""
    rules, terms = rulebook.submission, rulebook.terms
    starts = sorted(rules.last_starts, key=lambda start: (start.on, start.category))
    return (
        *(_last_start(start, rulebook) for start in starts),
        KeyDate(name=PERIOD_END, on=terms.year_end, **_source(terms, "year_end")),
        KeyDate(name=LAST_WEEKDAY, on=_weekday_until(rules.due_date), **_source(rules, "due_date")),
        KeyDate(name=DUE, on=rules.due_date, at=rules.due_instant, **_source(rules, "due_instant")),
    )


def _last_start(start: LastStart, rulebook: Rulebook) -> KeyDate:
    days = {
        IMPROVEMENT_ACTIVITIES: rulebook.activities.period_days_min,
        PROMOTING_INTEROPERABILITY: rulebook.interoperability.period_days_min,
    }
    return KeyDate(
        name=LAST_START,
        on=start.on,
        category=start.category,
        period_days=days[start.category],
        **_source(rulebook.submission, "last_starts"),
    )


def _weekday_until(day: date) -> date:
    """Return the last day from Monday to Friday that is not after a day."""
    return day - timedelta(days=max(0, day.weekday() - _SATURDAY + 1))


def _source(section: Section, key: str) -> _Source:
    source = section.sources[key]
    return {"cites": source.cites, "standing": source.standing}
