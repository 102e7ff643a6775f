"""``asm what-if``: the difference that events would make."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.kafka.connection import connect
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from processors.assessment import Assessment
from processors.events import Event
from processors.identity import Tin
from processors.obligations import Obligation
from processors.scoring import Score
from schemas.codec import InvalidRecord
from schemas.intake.reading import Noted, Read, Refused
from streams.admission import Rules
from streams.assessment import Law
from streams.commands.files import read_events
from streams.commands.terminal import OUT, REFUSED, Json, complain, print_json, table
from streams.commands.view import Who, projection, who_is
from streams.feeding import check
from streams.what_if import Supposition, present_state, suppose
from streams.wording import ESTIMATE, points

HELP = """What would be if these events were received now: the present facts of a practice (from the state on Kafka),
with the events of a file on top. Nothing is sent and nothing is stored.

WHO is found in the SQL view. An event of another TIN is refused."""
_FIGURES = ("final_score", "prepared_score", "lowest_reachable", "highest_reachable")


def what_if(
    who: Who,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Hypothetical events.")],
    json: Json = False,
) -> None:
    """Show the difference that events would make."""
    settings = Settings()
    with projection(settings) as session:
        tins = {score.tin for score in who_is(session, who, None)}
    if len(tins) != 1:
        raise typer.BadParameter("several practices: name one by its alias, or - and its TIN")
    tin = Tin(tins.pop())
    events, refused = _events(file, tin, settings)
    law = Law(rulebooks=load_rulebooks(settings.vintage, settings.areas_file), generation=settings.generation)
    connection = connect(settings)
    state, law = present_state(connection, law, tin)
    found = suppose(state, law, tin, events)
    if json:
        print_json([_document(s) for s in found])
    else:
        for supposition in found:
            _show(supposition)
        OUT.print(ESTIMATE, style="dim")
    raise typer.Exit(REFUSED if refused else 0)


def _events(path: Path, tin: Tin, settings: Settings) -> tuple[list[Event], int]:
    """Read the events of a TIN; the rest is refused, as admission would."""
    rules = Rules(partitions=1, accept_test_identifiers=settings.test_identifiers == "accept")
    events: list[Event] = []
    refused = 0
    for reading in read_events(path):
        if isinstance(reading, Noted):
            complain(f"{reading.where}: {reading.detail}")
            continue
        problem = _problem(reading, tin, rules)
        if problem is None and isinstance(reading, Read):
            events.append(reading.event)
        else:
            refused += 1
            complain(f"refused {problem} ({reading.where})")
    return events, refused


def _problem(reading: Read | Refused, tin: Tin, rules: Rules) -> str | None:
    if isinstance(reading, Refused):
        return f"{reading.reason}: {reading.detail}"
    if reading.event.tin != tin:
        return "another TIN than WHO's"
    try:
        check(reading.event, rules)
    except InvalidRecord as error:
        return f"{error.reason}: {error.detail}"
    return None


def _document(supposition: Supposition) -> dict[str, Any]:
    return {
        "performance_year": supposition.performance_year,
        "scores": [
            {"npi": npi} | {f: {"now": getattr(now, f, None), "then": getattr(then, f, None)} for f in _FIGURES}
            for npi, now, then in _scores(supposition)
        ],
        "obligations": [
            {"npi": o.item.npi, "item": o.item.item, "now": now and now.status, "then": o.status}
            for now, o in _changed(supposition)
        ],
        "findings": [
            {"code": f.code, "event_id": f.event.event_id, "field": f.field} for f in _new_findings(supposition)
        ],
    }


def _show(supposition: Supposition) -> None:
    rows = [
        (npi, *(f"{points(getattr(now, f, None))} → {points(getattr(then, f, None))}" for f in _FIGURES))
        for npi, now, then in _scores(supposition)
    ]
    OUT.print(
        table(
            f"Performance year {supposition.performance_year}", ("NPI", "final", "prepared", "lowest", "highest"), rows
        )
    )
    changed = [
        (o.item.npi or "practice", o.item.item, "–" if now is None else now.status, o.status, points(o.points_at_stake))
        for now, o in _changed(supposition)
    ]
    if changed:
        OUT.print(table("What would stand otherwise", ("who", "item", "now", "then", "at stake then"), changed))
    for finding in _new_findings(supposition):
        complain(f"finding {finding.code} {finding.event.event_id}: {finding.message}")


def _scores(supposition: Supposition) -> list[tuple[str, Score | None, Score | None]]:
    now, then = (_by_npi(assessment) for assessment in (supposition.now, supposition.then))
    return [(npi, now.get(npi), then.get(npi)) for npi in sorted(now.keys() | then.keys())]


def _by_npi(assessment: Assessment) -> dict[str, Score]:
    return {score.npi: score for score in assessment.scores}


def _changed(supposition: Supposition) -> list[tuple[Obligation | None, Obligation]]:
    now = {o.key: o for o in supposition.now.obligations}
    return [(now.get(o.key), o) for o in supposition.then.obligations if now.get(o.key) != o]


def _new_findings(supposition: Supposition) -> Sequence[Any]:
    known = {f.key for f in supposition.now.findings}
    return [f for f in supposition.then.findings if f.key not in known]
