"""What the readers of the SQL view have in common: opening it, whose clock it is, and how its rows are shown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.tree import Tree
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlmodel import Session

from infra.database.engine import open_engine, require_tables, unreachable
from infra.database.questions import latest_as_of
from infra.database.tables import Finding, Obligation, Score
from infra.settings import Settings
from streams.commands.terminal import masked, points, table

ESTIMATE = "An estimate by asm-streams, not a determination by CMS."
_ALERT_STYLES = {"FIRING": "bold red", "RESOLVED": "green"}
_KEPT_BACK = frozenset({"emitted_id", "tin"})


@contextmanager
def projection(settings: Settings) -> Iterator[Session]:
    """Yield a session on the SQL view.

    :raises Unavailable: there is none, or it does not answer.
    """
    engine = open_engine(settings.database_url.get_secret_value())
    require_tables(engine)
    try:
        with Session(engine) as session:
            yield session
    except (OperationalError, ProgrammingError) as error:
        raise unreachable(engine, error) from error
    finally:
        engine.dispose()


def present(session: Session, settings: Settings) -> datetime:
    """Return what time it is: the wall's, or on a simulated clock the latest instant that anything was said as of."""
    told = latest_as_of(session) if settings.clock == "events" else None
    return told or datetime.now(UTC)


def plain(row: Score | Obligation | Finding) -> dict[str, Any]:
    """Return a row as JSON shows it: the TIN masked."""
    values = {name: value for name, value in row.model_dump().items() if name not in _KEPT_BACK}
    return {"tin": masked(row.tin), **values}


def obligations_table(obligations: Sequence[Obligation]) -> Table:
    """Show what must be submitted: who must, how it stands, what it costs, what is missing, what to do."""
    drawn = table(
        "What must be submitted",
        ("who", "item", "status", "alert", "at stake", "what is missing, and the next step"),
        (),
    )
    for o in obligations:
        style = _ALERT_STYLES.get(o.alert, "") if o.alert == "FIRING" else ""
        drawn.add_row(
            o.npi or "practice",
            f"{o.item} {o.title}" if o.title != o.item else o.item,
            o.status,
            o.alert,
            points(o.points_at_stake) + (" + cliff" if o.cliff else ""),
            what_to_do(o),
            style=style,
        )
    return drawn


def what_to_do(obligation: Obligation) -> str:
    """Say in words what is missing and what to do next."""
    return in_words(obligation.missing, obligation.next_step)


def in_words(missing: Iterable[Mapping[str, Any]], next_step: str) -> str:
    """Say what is missing, and what to do next; that nothing was submitted is said by the status."""
    gaps = [gap_text(gap) for gap in missing if gap["code"] != "NOT_SUBMITTED"]
    return " ".join([*gaps, next_step])


def gap_text(gap: Mapping[str, Any]) -> str:
    """Say what is missing, with its counts."""
    counts = f" ({gap['have']} of {gap['need']})" if gap.get("need") is not None and gap.get("have") is not None else ""
    return f"{gap['message']}{counts}"


def findings_table(findings: Sequence[Finding]) -> Table:
    """Show what is wrong or doubtful in what was received."""
    rows = ((f.npi or "practice", f.code, f.field, f"{f.event_source} {f.event_id}", f.message) for f in findings)
    return table("Wrong or doubtful in what was received", ("who", "code", "where", "event", "what"), rows)


def payment_table(scenarios: Sequence[Mapping[str, Any]]) -> Table:
    """Show the range of the payment factor under each named assumption about the cohort."""
    rows = ((s["name"], _percent(s["low_factor"]), _percent(s["high_factor"])) for s in scenarios)
    title = "Payment, from the lowest to the highest reachable score: it depends on everybody else in the cohort"
    return table(title, ("if the peers are", "at least", "at most"), rows)


def _percent(factor: Decimal) -> str:
    return f"{100 * factor:+.2f} %"


def score_tree(tree: dict[str, Any]) -> RenderableType:
    """Show the parts of a score, each with its reasons and where they stand."""
    drawn = Tree(_part(tree), guide_style="dim")
    _grow(drawn, tree)
    return drawn


def _grow(drawn: Tree, part: dict[str, Any]) -> None:
    for below in part["parts"]:
        _grow(drawn.add(_part(below)), below)


def _part(part: dict[str, Any]) -> str:
    value = "–" if part.get("value") is None else points(part["value"])
    most = "" if part.get("max") in {None, 0} else f" of {part['max']:.4g}"
    weight = "" if part.get("weight") is None else f", weight {part['weight']:.2f}"
    reasons = "".join(f" · {r['message']} [dim]{', '.join(r['cites'])} ({r['standing']})[/]" for r in part["reasons"])
    return f"[bold]{part['title']}[/] {value}{most}{weight}{reasons}"
