"""``asm explain eligibility``: what was counted, from which claims, and what would change the answer."""

from rich.table import Table

from infra.kafka.connection import connect
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from processors.eligibility_report import Criterion, EligibilityReport
from processors.identity import Npi, Tin
from streams.assessment import Law
from streams.commands.terminal import OUT, print_json, table
from streams.commands.view import projection, who_is
from streams.eligibility import eligibility_of
from streams.what_if import present_state
from streams.wording import masked

_VERDICTS = {True: "yes", False: "no", None: "cannot be told"}
_COUNTED = """Counted in the practice's own claims by rules of which some are assumed; CMS counts in all of Medicare's.
Nothing here enters a score."""


def explain_eligibility(who: str, year: int | None, json: bool) -> None:
    """Explain for each clinician whom a person names whether the practice's claims agree with CMS's roster."""
    settings = Settings()
    with projection(settings) as session:
        scores = who_is(session, who, year)
    law = Law(rulebooks=load_rulebooks(settings.vintage, settings.areas_file), generation=settings.generation)
    connection = connect(settings)
    reports = []
    for tin in sorted({Tin(score.tin) for score in scores}):
        state, law = present_state(connection, law, tin)
        for score in scores:
            if score.tin == tin.digits:
                report = eligibility_of(state, law, (tin, Npi(score.npi)), score.performance_year)
                reports.append((score.name or score.npi, tin, report))
    if json:
        print_json([{"tin": masked(tin.digits), **_plain(report)} for _, tin, report in reports])
        return
    for name, _, report in reports:
        _show(name, report)
    OUT.print(_COUNTED, style="dim")


def _plain(report: EligibilityReport) -> dict[str, object]:
    return {name: getattr(report, name) for name in type(report).__slots__} | {"disagrees": report.disagrees}


def _show(name: str, report: EligibilityReport) -> None:
    title = f"{name} (NPI {report.npi}) · {report.cohort or 'no cohort'} · {report.performance_year}"
    OUT.print(title, style="bold", markup=False)
    for sentence in _sentences(report):
        OUT.print(sentence, markup=False)
    OUT.print(_criteria_table(report))
    if report.episodes:
        OUT.print(_episodes_table(report))


def _sentences(report: EligibilityReport) -> list[str]:
    listed = "never named there" if report.roster_list is None else f"{report.roster_list.lower()} list"
    since = "" if report.participant_since is None else f", participant since {report.participant_since}"
    mips = "exempt from MIPS reporting" if report.exempt_from_mips else "not exempt from MIPS reporting"
    told = [
        f"Eligible by CMS's roster: {_VERDICTS[report.by_roster]} ({listed}{since}); {mips} for the year.",
        f"Eligible by own claims of {report.data_year}: {_VERDICTS[report.by_claims]}. {report.claims_lag.message}",
    ]
    if report.exception is not None:
        told.append(f"Exception on the roster: {report.exception}.")
    if report.participant_since is not None:
        told.append("Once a participant, a participant for the model's duration, whatever later years count.")
    if report.disagrees:
        told.append("CMS's roster and these claims disagree: see below, and dispute it with what was counted.")
    return told


def _criteria_table(report: EligibilityReport) -> Table:
    headings = ("criterion", "counted", "needed", "met", "CMS's roster", "what would change it", "cites")
    return table(f"Counted in the claims of {report.data_year}", headings, [_row(c) for c in report.criteria])


def _row(criterion: Criterion) -> tuple[str, ...]:
    roster = criterion.roster or "–"
    return (
        criterion.name,
        criterion.counted,
        criterion.needed,
        _VERDICTS[criterion.met],
        f"{roster} (disagrees)" if criterion.disagrees else roster,
        criterion.would_change,
        f"{', '.join(criterion.reason.cites)} ({criterion.reason.standing})",
    )


def _episodes_table(report: EligibilityReport) -> Table:
    rows = [
        (
            str(e.opened_on),
            e.opened_by,
            str(e.confirmed_on),
            e.confirmed_by,
            f"{e.services} of {e.services_of_all}",
            e.area or "–",
        )
        for e in report.episodes
    ]
    return table("Episodes", ("opened", "by claim event", "confirmed", "by claim event", "services", "area"), rows)
