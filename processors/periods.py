"""Performance periods: continuous days inside the performance year, counting both ends (42 CFR 512.705)."""

from datetime import date

from processors.rulebook import Rulebook


def days_inside_year(start: date | None, end: date | None, rulebook: Rulebook) -> int:
    """Count the days of a period that lie inside the performance year, both ends counted; 0 without both dates."""
    if start is None or end is None:
        return 0
    first, last = max(start, rulebook.terms.year_start), min(end, rulebook.terms.year_end)
    return max(0, (last - first).days + 1)


def is_whole_year(start: date, end: date, rulebook: Rulebook) -> bool:
    """Say whether a period is exactly the performance year."""
    return (start, end) == (rulebook.terms.year_start, rulebook.terms.year_end)


def leaves_year(start: date | None, end: date | None, rulebook: Rulebook) -> bool:
    """Say whether a period begins before the performance year or ends after it."""
    return (start is not None and start < rulebook.terms.year_start) or (
        end is not None and end > rulebook.terms.year_end
    )
