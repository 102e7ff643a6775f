"""The days that must not be missed are the rulebook's, in every year."""

from dataclasses import replace
from datetime import date

import pytest

from processors.key_dates import DUE, LAST_START, LAST_WEEKDAY, PERIOD_END, KeyDate, key_dates
from processors.rulebook import Standing
from tests.making import DUE as DUE_INSTANT
from tests.making import YEAR, rulebook

SUBMISSION = "42 CFR 512.720"


def test_the_days_of_a_year_are_five_first_to_last() -> None:
    assert key_dates(rulebook()) == (
        KeyDate(
            name=LAST_START,
            on=date(YEAR, 7, 5),
            category="PROMOTING_INTEROPERABILITY",
            period_days=180,
            cites=(SUBMISSION,),
            standing=Standing.DERIVED,
        ),
        KeyDate(
            name=LAST_START,
            on=date(YEAR, 10, 3),
            category="IMPROVEMENT_ACTIVITIES",
            period_days=90,
            cites=(SUBMISSION,),
            standing=Standing.DERIVED,
        ),
        KeyDate(name=PERIOD_END, on=date(YEAR, 12, 31), cites=("42 CFR 512.705",), standing=Standing.VERBATIM),
        KeyDate(
            name=LAST_WEEKDAY,
            on=date(YEAR + 1, 3, 31),
            cites=(SUBMISSION, "CMS ASM participant office hour, 2026-04-08"),
            standing=Standing.CMS,
        ),
        KeyDate(name=DUE, on=date(YEAR + 1, 3, 31), at=DUE_INSTANT, cites=(SUBMISSION,), standing=Standing.ASSUMED),
    )


def weekday(due: date) -> date:
    law = rulebook()
    (found,) = (
        day
        for day in key_dates(replace(law, submission=replace(law.submission, due_date=due)))
        if day.name == LAST_WEEKDAY
    )
    return found.on


@pytest.mark.parametrize(
    ("due", "last"),
    [
        (date(2028, 3, 30), date(2028, 3, 30)),  # a Thursday
        (date(2028, 3, 31), date(2028, 3, 31)),  # a Friday
        (date(2029, 3, 31), date(2029, 3, 30)),  # a Saturday
        (date(2030, 3, 31), date(2030, 3, 29)),  # a Sunday
        (date(2031, 3, 31), date(2031, 3, 31)),  # a Monday
    ],
)
def test_the_last_weekday_is_the_due_date_or_the_friday_before_it(due: date, last: date) -> None:
    assert weekday(due) == last


@pytest.mark.parametrize("year", [2027, 2028, 2029, 2030, 2031])
def test_a_period_that_begins_on_a_last_start_ends_with_the_year(year: int) -> None:
    *starts, end, _, _ = key_dates(rulebook(year))
    assert [(end.on - start.on).days + 1 for start in starts] == [start.period_days for start in starts]
