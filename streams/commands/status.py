"""``asm status``: where a clinician or a practice stands."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from rich.table import Table

from infra.database.instants import instant_of
from infra.database.questions import open_findings
from infra.database.tables import Finding, Obligation, Score
from infra.settings import Settings
from streams.answers import owed, plain, present, tins_of
from streams.commands.exposure import exposure_table
from streams.commands.past_exposure import exposures_then
from streams.commands.terminal import OUT, Json, print_json, table
from streams.commands.view import (
    AsOf,
    Who,
    Year,
    findings_table,
    law_of,
    obligations_table,
    projection,
    score_tree,
    who_is,
)
from streams.wording import ESTIMATE, points, show_instant

T = TypeVar("T", Score, Obligation, Finding)

HELP = """Where somebody stands: score, what must be submitted, what is wrong.

WHO is an NPI, or a practice by its alias on the roster; with - a TIN is read from standard input (never from the
command line, which others can see). One clinician is shown with the whole score, each point with its reason. With
--as-of it is what the system said by that instant, as it was announced, with the rulebook of each row: `asm rules show
--digest` prints its text."""


def status(
    who: Who,
    year: Year = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show where somebody stands."""
    settings = Settings()
    with projection(settings, as_of) as session:
        scores = who_is(session, who, year)
        latest, npis = scores[0].performance_year, [score.npi for score in scores]
        obligations = owed(session, scores)
        findings = [f for tin in tins_of(scores) for f in open_findings(session, tin, npis, latest)]
        money = exposures_then(session, scores, settings)
        if json:
            print_json({**_document(scores, obligations, findings), "exposure": money})
        else:
            now, then = present(session, settings), instant_of(session)
            if then is not None:
                OUT.print(f"What was said by {show_instant(then)}")
            for tin in tins_of(scores):  # a clinician under several is shown under each
                rows = _of_tin(tin, scores), _of_tin(tin, obligations), _of_tin(tin, findings)
                _show(*rows, now, with_law=then is not None)
            OUT.print(exposure_table(money))
            OUT.print(ESTIMATE, style="dim")


def _of_tin(tin: str, rows: Sequence[T]) -> list[T]:
    return [row for row in rows if row.tin == tin]


def _document(
    scores: Sequence[Score], obligations: Sequence[Obligation], findings: Sequence[Finding]
) -> dict[str, object]:
    return {
        "performance_year": scores[0].performance_year,
        "scores": [plain(s) for s in scores],
        "obligations": [plain(o) for o in obligations],
        "findings": [plain(f) for f in findings],
    }


def _show(
    scores: Sequence[Score],
    obligations: Sequence[Obligation],
    findings: Sequence[Finding],
    now: datetime,
    *,
    with_law: bool,
) -> None:
    first = scores[0]
    due = min((o.due_at for o in obligations if o.due_at is not None), default=None)
    name = f"{first.organization or 'Practice'} ({first.practice_alias or 'no alias'})"
    OUT.print(f"{name} · performance year {first.performance_year}", style="bold", markup=False)
    if due is not None:
        OUT.print(f"Due {show_instant(due)}: {_distance(due, now)}")
    OUT.print(_scores_table(scores, with_law=with_law))
    if len(scores) == 1:
        OUT.print(score_tree(first.tree))
    OUT.print(obligations_table(obligations, with_law=with_law))
    if findings:
        OUT.print(findings_table(findings, with_law=with_law))


def _scores_table(scores: Sequence[Score], *, with_law: bool) -> Table:
    columns = ("NPI", "name", "cohort", "final", "prepared", "lowest", "highest", "said as of", "standing")
    rows = (
        (
            s.npi,
            s.name,
            s.cohort,
            points(s.final_score),
            points(s.prepared_score),
            points(s.lowest_reachable),
            points(s.highest_reachable),
            show_instant(s.as_of),
            s.standing,
            *([law_of(s)] if with_law else []),
        )
        for s in scores
    )
    return table("Scores", (*columns, "rulebook") if with_law else columns, rows)


def _distance(due: datetime, now: datetime) -> str:
    days = (due - now).total_seconds() / 86400
    return f"in {days:.1f} days" if days > 0 else f"{abs(days):.1f} days ago; what is missing now stays missing"
