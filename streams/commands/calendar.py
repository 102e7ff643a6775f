"""``asm calendar``: the days that somebody must not miss, for a calendar program."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from infra.database.tables import Obligation, Score
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from processors.key_dates import LAST_START, KeyDate, key_dates
from processors.obligations import SETTLED
from streams.answers import owed
from streams.calendar_file import Subject, calendar_file
from streams.commands.files import in_a_folder
from streams.commands.terminal import complain
from streams.commands.view import Who, Year, projection, who_is
from streams.wording import stake

HELP = """Write the days that somebody must not miss as an iCalendar file (.ics): the last days on which a period can
begin, the end of the year, the last weekday before the deadline, and the deadline in Eastern time.

All days are the rulebook's; each event says how sure it is, what is missing for it and the points at stake, and
reminds. WHO is as in `asm status`. The same view gives the same file, and a later one replaces its events."""
_REMIND = (30, 7, 1)


def calendar(
    who: Who,
    year: Year = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=in_a_folder, help="Write into this file; none: to the screen."),
    ] = None,
    remind: Annotated[
        list[int] | None, typer.Option(min=0, max=366, help="Days before each at which to remind; none: 30, 7 and 1.")
    ] = None,
) -> None:
    """Write the file."""
    settings = Settings()
    with projection(settings) as session:
        scores = who_is(session, who, year)
        found = owed(session, scores)
        rulebooks = load_rulebooks(settings.vintage, settings.areas_file)
        if scores[0].performance_year not in rulebooks:
            raise typer.BadParameter(f"the rulebook has no year {scores[0].performance_year}")
        days = [(day, _missing(day, found)) for day in key_dates(rulebooks[scores[0].performance_year])]
        as_of = max(said.as_of for said in (*scores, *found))
        text = calendar_file(_subject(who, scores), days, as_of, remind or _REMIND)
    if out is None:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    out.write_bytes(text)
    complain(f"{len(days)} events written to {out}.")


def _subject(who: str, scores: Sequence[Score]) -> Subject:
    """Return whose calendar it is: a clinician, or a practice by its alias (never by its TIN)."""
    first = scores[0]
    clinician = first.npi if len({score.npi for score in scores}) == 1 else None
    by_npi = who == clinician or (who == "-" and first.practice_alias is None)
    names = (first.name, first.npi) if by_npi else (first.organization, first.practice_alias)
    return Subject(
        key=first.npi if by_npi else first.practice_alias or first.npi,
        name=next((name for name in names if name), first.npi),
        performance_year=first.performance_year,
    )


def _missing(day: KeyDate, found: Sequence[Obligation]) -> list[str]:
    """Say what is not settled that a day is about, a line an item, and what it may cost one clinician."""
    by_item: defaultdict[tuple[str, str], list[Obligation]] = defaultdict(list)
    for o in found:
        if o.due_at is not None and o.status not in SETTLED and _is_about(day, o):
            by_item[o.category, o.item].append(o)
    lines = [_line(same) for _, same in sorted(by_item.items())]
    told = "Missing (points are those of one clinician, and do not add up):" if lines else "Nothing is missing."
    return [told, *lines]


def _is_about(day: KeyDate, o: Obligation) -> bool:
    return day.name != LAST_START or o.category == day.category


def _line(same: Sequence[Obligation]) -> str:
    worst = max(same, key=lambda o: (o.points_at_stake, o.cliff is not None))
    clinicians = len({o.npi for o in same if o.npi} | {npi["npi"] for o in same for npi in o.affected})
    states = ", ".join(sorted({o.status for o in same}))
    at_stake = stake(worst.points_at_stake, worst.cliff)
    return f"- {worst.title}: {states}, {at_stake} points at stake, {clinicians} clinician{'s' * (clinicians != 1)}"
