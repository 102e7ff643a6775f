"""``asm missing``: the board of what is not submitted, soonest and costliest first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from infra.database.board import Missing
from infra.database.questions import latest_as_of
from infra.database.questions import missing as missing_of
from infra.database.sentences import sentence_of
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from streams.answers import plain, present
from streams.commands.terminal import OUT, Json, cells, print_json, table
from streams.commands.view import AsOf, projection, refuse_unsaid
from streams.wording import ESTIMATE, show_instant, stake

HELP = """What is not submitted, soonest due and costliest first.

Alerts that fire are those that somebody should act on now. An item of the practice (activities, Promoting
Interoperability) is listed once, with the greatest number of points that it may cost one of its clinicians. With
--as-of it is the board as it was at that instant, days left counted from then."""


def missing(
    within: Annotated[
        int | None, typer.Option(min=0, max=3660, help="Only what is due in the next so many days.")
    ] = None,
    cohort: Annotated[str | None, typer.Option(help="HEART_FAILURE or LOW_BACK_PAIN.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of the table (JSON has all).")] = 40,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show what is missing."""
    settings = Settings()
    books = load_rulebooks(settings.vintage, settings.areas_file).values()
    known = sorted({c.code for book in books for c in book.terms.cohorts})
    if cohort is not None and cohort not in known:
        raise typer.BadParameter(f"the cohorts are {', '.join(known)}")
    with projection(settings, as_of) as session:
        now = present(session, settings)
        until = None if within is None else now + timedelta(days=within)
        found = missing_of(session, until, None if within is None else now, cohort)
        if not found and latest_as_of(session) is None:
            refuse_unsaid(session, "of anybody")
        if json:
            print_json({"as_of": now, "missing": [_document(m, now) for m in found]})
            return
        OUT.print(_summary(found))
        if found:
            show_board(found, limit, now, "Missing")
        OUT.print(ESTIMATE, style="dim")


def show_board(found: Sequence[Missing], limit: int, as_of: datetime, title: str) -> None:
    """Print the first rows of the board with the sentence about each as of an instant, and how many more there are."""
    columns = ("due", "item", "status", "alert", "at stake", "who, what is missing, what it costs, how long, what next")
    drawn = table(f"{title} as of {show_instant(as_of)}", columns, ())
    for m in found[:limit]:
        o = m.obligation
        drawn.add_row(
            *cells(
                show_instant(o.due_at),
                o.item,
                o.status,
                o.alert,
                stake(o.points_at_stake, o.cliff),
                sentence_of(m, as_of),
            ),
            style="bold red" if o.alert == "FIRING" else "",
        )
    OUT.print(drawn)
    if len(found) > limit:
        OUT.print(f"… and {len(found) - limit} more (--limit, or --json for all)")


def _summary(found: Sequence[Missing]) -> str:
    if not found:
        return "Nothing is missing."
    due = [m for m in found if m.obligation.due_at is not None]
    firing = sum(m.obligation.alert == "FIRING" for m in due)
    practices = len({m.obligation.tin for m in due})
    told = f"{len(due)} items of {practices} practices are not submitted; {firing} of them alert."
    undated = len(found) - len(due)
    return f"{told} {undated} items without a due date are open (readiness, notices)." if undated else told


def _document(m: Missing, now: datetime) -> dict[str, object]:
    names = {"name": m.name, "organization": m.organization, "practice_alias": m.practice_alias, "cohort": m.cohort}
    return plain(m.obligation) | names | {"sentence": sentence_of(m, now)}
