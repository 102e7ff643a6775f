"""What the readers of the SQL view have in common: opening it, whose clock it is, and how its rows are shown."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from infra.database.engine import open_engine, require_tables, unreachable
from infra.database.instants import instant_of, session_of
from infra.database.questions import participants
from infra.database.sentences import told_of
from infra.database.tables import Finding, Obligation, Score
from infra.settings import Settings
from processors.sentences import to_do_of
from streams.commands.terminal import REFUSED, cells, complain, parse_instant, table
from streams.wording import points, stake

Who = Annotated[str, typer.Argument(help="NPI, practice alias, or - for a TIN on standard input.")]
Year = Annotated[int | None, typer.Option(help="Performance year; none: the latest.")]
AsOf = Annotated[
    str | None, typer.Option(help="What was said by this instant, such as 2028-03-24T20:00:00-04:00; none: the latest.")
]
_LAW = 12
_ALERT_STYLES = {"FIRING": "bold red", "RESOLVED": "green"}


@contextmanager
def projection(settings: Settings, as_of: str | None = None) -> Iterator[Session]:
    """Yield a session on the SQL view, or on what it said at an instant.

    :raises typer.BadParameter: that is no instant, or has no offset from UTC.
    :raises Unavailable: there is none, or it does not answer.
    """
    instant = None if as_of is None else parse_instant(as_of)
    engine = open_engine(settings.database_url.get_secret_value())
    require_tables(engine)
    try:
        with session_of(engine, instant) as session:
            yield session
    except DatabaseError as error:
        raise unreachable(engine, error) from error
    finally:
        engine.dispose()


def who_is(session: Session, who: str, year: int | None) -> list[Score]:
    """Return the scores of whom a person names, of one performance year, or end the command where there is nobody."""
    found = participants(session, sys.stdin.readline().strip() if who == "-" else who, year)
    if not found:
        named, of_year = "that TIN" if who == "-" else who, f" in {year}" if year else ""
        refuse_unsaid(session, f"of {named}{of_year}")
        complain(f"Nobody on the roster is {named}{of_year}.")
        raise typer.Exit(REFUSED)
    return [score for score in found if score.performance_year == found[-1].performance_year]


def refuse_unsaid(session: Session, of_whom: str) -> None:
    """End the command where an instant is asked for by which nothing was said of somebody."""
    instant = instant_of(session)
    if instant is not None:
        complain(f"Nothing was said {of_whom} by {instant.isoformat()}.")
        raise typer.Exit(REFUSED)


def law_of(row: Score | Obligation | Finding) -> str:
    """Show the rulebook under which something was said: its vintage, and how its digest begins."""
    return f"{row.vintage} {row.rulebook[:_LAW]}"


def obligations_table(found: Sequence[Obligation], *, with_law: bool = False) -> Table:
    """Show what must be submitted: who must, how it stands, what it costs, what is missing, what to do."""
    columns = ("who", "item", "status", "alert", "at stake", "what is missing, and the next step")
    drawn = table("What must be submitted", (*columns, "rulebook") if with_law else columns, ())
    for o in found:
        style = _ALERT_STYLES.get(o.alert, "") if o.alert == "FIRING" else ""
        drawn.add_row(
            *cells(
                o.npi or "practice",
                f"{o.item} {o.title}" if o.title != o.item else o.item,
                o.status,
                o.alert,
                stake(o.points_at_stake, o.cliff),
                to_do_of(told_of(o)),
                *([law_of(o)] if with_law else []),
            ),
            style=style,
        )
    return drawn


def findings_table(findings: Sequence[Finding], *, with_law: bool = False) -> Table:
    """Show what is wrong or doubtful in what was received."""
    rows = [(f.npi or "practice", f.code, f.field, f"{f.event_source} {f.event_id}", f.message) for f in findings]
    title, columns = "Wrong or doubtful in what was received", ("who", "code", "where", "event", "what")
    if not with_law:
        return table(title, columns, rows)
    return table(title, (*columns, "rulebook"), ((*r, law_of(f)) for r, f in zip(rows, findings, strict=True)))


def score_tree(tree: dict[str, Any], *, with_inputs: bool = False) -> RenderableType:
    """Show the parts of a score, each with its reasons and where they stand, and if asked its numbers and events."""
    drawn = Tree(_part(tree), guide_style="dim")
    _grow(drawn, tree, with_inputs)
    return drawn


def _grow(drawn: Tree, part: dict[str, Any], with_inputs: bool) -> None:
    inputs = part.get("inputs")
    if with_inputs and inputs:
        drawn.add("[dim]" + ", ".join(f"{name} {_number(value)}" for name, value in sorted(inputs.items())) + "[/]")
    if with_inputs and part["told_by"]:
        drawn.add(Text("told by " + ", ".join(f"{e['source']} {e['event_id']}" for e in part["told_by"]), style="dim"))
    for below in part["parts"]:
        _grow(drawn.add(_part(below)), below, with_inputs)


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, Decimal) else str(value)


def _part(part: dict[str, Any]) -> str:
    value = "–" if part.get("value") is None else points(part["value"])
    most = "" if part.get("max") in {None, 0} else f" of {Decimal(part['max']).normalize():f}"
    weight = "" if part.get("weight") is None else f", weight {part['weight']:.2f}"
    reasons = "".join(
        f" · {escape(r['message'])} [dim]{', '.join(r['cites'])} ({r['standing']})[/]" for r in part["reasons"]
    )
    return f"[bold]{escape(part['title'])}[/] {value}{most}{weight}{reasons}"
