"""What a practice's own claims say, labelled as the estimates they are: findings, and the parts of a score's tree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from processors.episodes import ClaimYear
from processors.findings import EventRef, Finding
from processors.ledger import KeptClaim, Ledger, conflicting_claims, unknown_actions
from processors.progress import Moment
from processors.reasons import REASONS
from processors.rulebook import Reason, Rulebook
from processors.score_tree import Part

_DAY = timedelta(days=1)


def ledger_findings(ledger: Ledger) -> Iterator[Finding]:
    """Find conflicting contents of one claim version, and actions that this version does not know."""
    if not ledger.claims and not ledger.disputed:
        return
    for claim, stands in conflicting_claims(ledger):
        if stands is not None and stands.event_id == claim.event_id:
            yield _finding(ledger, claim, "EVENT_ID_REUSED", "event_id")
        else:
            yield _finding(ledger, claim, "CONFLICT", "version")
    for claim in unknown_actions(ledger):
        yield _finding(ledger, claim, "UNKNOWN_SYMBOL", "action")


def claims_parts(claims: Mapping[int, ClaimYear], cohort: str, moment: Moment) -> tuple[Part, ...]:
    """Return what a clinician's own claims tell of cost and of eligibility: counted, never scored.

    ``claims`` are by calendar year. Without claims of a year nothing is said of it.
    """
    rulebook = moment.rulebook
    years = {
        "claims_estimate": (rulebook.terms.year_end, rulebook.cost.episode_minimum),
        "eligibility_estimate": (data_year_end(rulebook), rulebook.eligibility.episodes_min),
    }
    return tuple(
        _part(code, claims[year_end.year], _Asked(cohort, year_end, least), moment)
        for code, (year_end, least) in years.items()
        if year_end.year in claims
    )


def data_year_end(rulebook: Rulebook) -> date:
    """Return the last day of the year whose claims decide eligibility (42 CFR 512.710)."""
    last = rulebook.terms.year_end
    return last.replace(year=last.year - rulebook.eligibility.data_year_lag)


def lag_steps(rulebook: Rulebook, year_end: date) -> list[tuple[datetime, int]]:
    """Return the instants at which more of the expected claims lag after a year has passed, with the days by then."""
    rules = rulebook.episodes
    days = [rules.claims_lag_days * step // rules.claims_lag_steps for step in range(1, rules.claims_lag_steps + 1)]
    after = datetime.combine(year_end + _DAY, time(), tzinfo=UTC)
    return [(after + timedelta(days=passed), passed) for passed in days]


def lag_days_passed(rulebook: Rulebook, year_end: date, as_of: datetime) -> int:
    """Return how many days of the expected claims lag after a year have passed, in the rulebook's steps."""
    return max((passed for at, passed in lag_steps(rulebook, year_end) if at <= as_of), default=0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of a year's claims: the episodes of a cohort, and how many there should be."""

    cohort: str
    year_end: date
    least: int


def _part(code: str, told: ClaimYear, asked: _Asked, moment: Moment) -> Part:
    episodes = told.episodes.get(asked.cohort, 0)
    passed = lag_days_passed(moment.rulebook, asked.year_end, moment.as_of)
    return Part(
        code=code,
        title=f"Episodes of {asked.year_end.year} in own claims",
        reasons=(_estimate(told, asked, moment.rulebook), run_out_reason(passed, moment.rulebook)),
        inputs={
            "episodes": episodes,
            "episodes_to_minimum": max(0, asked.least - episodes),
            "claim_lines": told.lines,
            "claims_lag_days_passed": passed,
            "claims_lag_days": moment.rulebook.episodes.claims_lag_days,
        },
    )


def _estimate(told: ClaimYear, asked: _Asked, rulebook: Rulebook) -> Reason:
    episodes = told.episodes.get(asked.cohort, 0)
    message = (
        f"{episodes} of at least {asked.least} episodes counted in the practice's own claims; "
        f"specialty {most_common(told.specialties)}, area {most_common(told.areas.get(asked.cohort, ()))}. "
        "An estimate: CMS counts from its own claims, and nothing here enters the score."
    )
    return rulebook.episodes.reason("diagnoses", "ESTIMATED_FROM_CLAIMS", message)


def most_common(ranked: Sequence[tuple[str, int]]) -> str:
    """Return the most common code with its number among all, in words."""
    if not ranked:
        return "unknown"
    return f"{ranked[0][0]} ({ranked[0][1]} of {sum(times for _, times in ranked)})"


def run_out_reason(passed: int, rulebook: Rulebook) -> Reason:
    """Say how much of the time within which claims are expected has passed."""
    days = rulebook.episodes.claims_lag_days
    if passed < days:
        message = f"{passed} of {days} days of the expected claims lag have passed: claims are still to come."
        return rulebook.episodes.reason("claims_lag_days", "CLAIMS_INCOMPLETE", message)
    message = f"The {days} days within which claims are expected have passed."
    return rulebook.episodes.reason("claims_lag_days", "CLAIMS_RUN_OUT", message)


def _finding(ledger: Ledger, claim: KeptClaim, code: str, where: str) -> Finding:
    return Finding(
        tin=ledger.tin,
        npi=None,
        performance_year=None,
        event=EventRef(source=claim.source, event_id=claim.event_id, origin=claim.origin),
        code=code,
        field=where,
        message=REASONS[code].meaning,
        cites=REASONS[code].cites,
    )
