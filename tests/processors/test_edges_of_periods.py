"""Days of a period inside the performance year, both ends counted, at every edge."""

from datetime import date

import pytest

from processors.periods import days_inside_year, is_whole_year, leaves_year
from tests.making import rulebook

FIRST, LAST = date(2027, 1, 1), date(2027, 12, 31)
BEFORE, AFTER = date(2026, 12, 31), date(2028, 1, 1)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (FIRST, LAST, (365, True, False)),
        (FIRST, FIRST, (1, False, False)),
        (LAST, LAST, (1, False, False)),
        (BEFORE, FIRST, (1, False, True)),
        (LAST, AFTER, (1, False, True)),
        (BEFORE, AFTER, (365, False, True)),
        (BEFORE, BEFORE, (0, False, True)),
        (AFTER, AFTER, (0, False, True)),
        (LAST, FIRST, (0, False, False)),
    ],
)
def test_both_ends_of_a_period_count_and_what_lies_outside_the_year_does_not(
    start: date, end: date, told: tuple[int, bool, bool]
) -> None:
    law = rulebook()
    assert (days_inside_year(start, end, law), is_whole_year(start, end, law), leaves_year(start, end, law)) == told


@pytest.mark.parametrize(
    ("start", "end", "leaves"),
    [(None, LAST, False), (FIRST, None, False), (None, None, False), (None, AFTER, True), (BEFORE, None, True)],
)
def test_a_period_of_which_an_end_is_not_known_has_no_days(start: date | None, end: date | None, leaves: bool) -> None:
    assert (days_inside_year(start, end, rulebook()), leaves_year(start, end, rulebook())) == (0, leaves)
