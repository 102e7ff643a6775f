"""``asm next``: what to do first, by what it may cost and how long there is."""

from typing import Any

from infra.settings import Settings
from streams.answers import SETTLED, named, owed, present, ranking
from streams.commands.terminal import OUT, Json, print_json, table
from streams.commands.view import AsOf, Who, Year, projection, who_is
from streams.wording import ESTIMATE, show_instant, stake

HELP = """What to do first: what is not settled, a cliff before points, more points before fewer, then by the next
instant on the way (last start of a period, end of the period, opening of the window, deadline). With --as-of it is
what was to be done at that instant."""


def next_steps(who: Who, year: Year = None, as_of: AsOf = None, json: Json = False) -> None:
    """Rank what is missing."""
    settings = Settings()
    with projection(settings, as_of) as session:
        scores = who_is(session, who, year)
        found = [named(o, scores) for o in owed(session, scores) if o.status not in SETTLED]
        ranked = ranking(found, present(session, settings))
        if json:
            print_json(ranked)
            return
        columns = ("", "item", "status", "at stake", "next on the way", "days", "who, what is missing, what next")
        rows = (
            (
                n,
                row["item"],
                row["status"],
                stake(row["points_at_stake"], row["cliff"]),
                _milestone(row),
                _days(row),
                row["sentence"],
            )
            for n, row in enumerate(ranked, 1)
        )
        OUT.print(table("What to do first", columns, rows) if ranked else "Nothing is left to do.")
        OUT.print(ESTIMATE, style="dim")


def _milestone(row: dict[str, Any]) -> str:
    return "–" if row["next_at"] is None else f"{row['next_milestone']} {show_instant(row['next_at'])}"


def _days(row: dict[str, Any]) -> str:
    return "–" if row["days_left"] is None else str(row["days_left"])
