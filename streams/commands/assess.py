"""``asm assess``: files of events -> scores, obligations and findings, in one process without a broker."""

import gc
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.settings import Settings
from processors.assessment import Assessment
from processors.findings import Finding
from processors.identity import Tin
from processors.outputs import Envelope, ObligationChanged, ScoreChanged
from processors.sentences import Told, to_do_of
from schemas.intake.reading import Noted, Read, Refused
from schemas.plain import to_avro, to_json
from streams.admission import Rules
from streams.assessment import Law
from streams.commands.chosen_law import chosen_rulebooks
from streams.commands.files import as_refused, read_events
from streams.commands.terminal import ERR, OUT, REFUSED, complain, parse_instant, print_json, table
from streams.following import FollowingAssessor
from streams.in_process import InProcess, views
from streams.state import YearState
from streams.wording import ESTIMATE, already_json, points

HELP = """Score files of events without any server: the same way as the running system, in one process.

With --rulebook the years of a vintage, of a folder with one, or of a digest are judged under that; other years, under
ASM_VINTAGE. A digest is looked up among the rulebooks that ship, then on the cluster: with --as-of and the digests that
`asm status --as-of` names it is what the system said then."""
_ENVELOPE = frozenset({"emitted_id", "revision", *Envelope.__slots__})
Rulebooks = Annotated[
    list[str] | None,
    typer.Option(help="Vintage, folder with one, or digest (at least 8 digits of it) of a rulebook; may be repeated."),
]
Years = Sequence[tuple[YearState, Assessment]]


def assess_files(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="JSON Lines of CloudEvents, or Avro containers."),
    ],
    as_of: Annotated[
        str | None, typer.Option(help="Judge as of this instant; events at or after it are left out.")
    ] = None,
    rulebook: Rulebooks = None,
    json: Annotated[bool, typer.Option("--json", help="JSON Lines, one object a participant and year.")] = False,
) -> None:
    """Assess files of events and print what they come to."""
    settings = Settings()
    gc.disable()  # one run that ends, over values without cycles: collecting them took a third of the time
    readings = [reading for path in files for reading in read_events(path)]
    read = sorted((r for r in readings if isinstance(r, Read)), key=_order)
    refused = [r for r in readings if isinstance(r, Refused)]
    until = parse_instant(as_of) if as_of is not None else _just_after(read)
    counted = [r for r in read if _time(r) < until]
    rules = Rules(partitions=1, accept_test_identifiers=settings.test_identifiers == "accept")
    law = Law(rulebooks=chosen_rulebooks(settings, rulebook or ()))
    for note in (r for r in readings if isinstance(r, Noted)):
        complain(f"{note.where}: {note.detail}")
    for practice in _by_practice(counted):
        system = InProcess(law, rules, FollowingAssessor)
        refused += _play(system, practice, until)
        years = list(system.years())
        _tell_findings(years)
        _print_json(years, until) if json else _print_tables(years, until)
    if not json:
        OUT.print(ESTIMATE, style="dim")
    for refusal in refused:
        complain(f"refused {refusal.reason} {refusal.event_id or ''} ({refusal.where}): {refusal.detail}")
    total, late = len(read) + len([r for r in readings if isinstance(r, Refused)]), len(read) - len(counted)
    ERR.print(f"{total} events read, {len(refused)} refused, {late} left out at or after {until.isoformat()}.")
    raise typer.Exit(REFUSED if refused else 0)


def _by_practice(read: Iterable[Read]) -> Iterable[list[Read]]:
    """Return the events of one TIN after the other: practices share nothing, and a small memory is a quick one."""
    practices: defaultdict[Tin, list[Read]] = defaultdict(list)
    for item in read:
        practices[item.event.tin].append(item)
    return (practices[tin] for tin in sorted(practices))


def _play(system: InProcess, read: Iterable[Read], until: datetime) -> list[Refused]:
    """Send the events in the order of their receipt, with the ticks between them, and a last tick."""
    told = [(item, system.send(item.event, _time(item))) for item in read]
    system.play_ticks(until)
    system.tick(until)
    return [as_refused(item, error) for item, error in told if error is not None]


def _order(read: Read) -> tuple[datetime, str, str, str]:
    """Any order of files and lines gives the same: by receipt, then source and event id, then content."""
    return _time(read), read.event.source, read.event.event_id, repr(to_json(read.event))


def _time(read: Read) -> datetime:
    return read.time if read.time is not None else _NOW


#: Events of a file that does not say when they were received are taken as received when the command starts.
_NOW = datetime.now(tz=UTC).replace(microsecond=0)


_LAST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


def _just_after(read: Sequence[Read]) -> datetime:
    last = _time(read[-1]) if read else _NOW
    return min(last, _LAST) + timedelta(milliseconds=1)


def _tell_findings(years: Years) -> None:
    for _, assessment in years:
        for finding in assessment.findings:
            event, where = finding.event, f" {finding.field}" if finding.field else ""
            complain(f"finding {finding.code} {event.event_id} ({event.source}{where}): {finding.message}")


def _print_json(years: Years, until: datetime) -> None:
    for year, assessment in years:
        scores, obligations = views(year, assessment)
        written = [(o.npi, already_json(_without_envelope(o))) for o in obligations]
        for score in scores:
            print_json(
                {
                    "tin": score.tin.digits,
                    "npi": score.npi,
                    "performance_year": score.performance_year,
                    "cohort": score.cohort,
                    "as_of": until,
                    "rulebook": assessment.rulebook,
                    "score": _without_envelope(score),
                    "obligations": [text for npi, text in written if npi in {None, score.npi}],
                    "findings": [_without_origin(f) for f in assessment.findings if f.npi in {None, score.npi}],
                }
            )


def _without_envelope(view: ScoreChanged | ObligationChanged) -> dict[str, Any]:
    return {name: value for name, value in to_avro(view).items() if name not in _ENVELOPE}


def _without_origin(finding: Finding) -> dict[str, Any]:
    """Return a finding without where its event lay: there is no log here, and repeats would change the place."""
    plain = to_avro(finding)
    return plain | {"event": {name: value for name, value in plain["event"].items() if name != "origin"}}


def _print_tables(years: Years, until: datetime) -> None:
    for year, assessment in years:
        scores, obligations = views(year, assessment)
        if not scores:
            continue
        title = f"TIN {assessment.tin} · performance year {assessment.performance_year} · as of {until.isoformat()}"
        OUT.print(
            table(
                title,
                ("NPI", "cohort", "final", "prepared", "lowest", "highest", "standing"),
                (
                    (
                        s.npi,
                        s.cohort,
                        points(s.final_score),
                        points(s.prepared_score),
                        points(s.lowest_reachable),
                        points(s.highest_reachable),
                        s.standing,
                    )
                    for s in scores
                ),
            )
        )
        OUT.print(
            table(
                "What must be submitted",
                ("who", "item", "status", "stage", "alert", "at stake", "what is missing, and the next step"),
                (
                    (o.npi or "practice", o.item, o.status, o.stage, o.alert, points(o.points_at_stake), _words(o))
                    for o in obligations
                ),
            )
        )


def _words(obligation: ObligationChanged) -> str:
    return to_do_of(Told.of(obligation))
