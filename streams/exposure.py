"""What a clinician's scores may earn or cost in money: the two years that are open together, side by side.

Where enough of the cohort is seen the factor is reckoned here from its newest standing (basis COHORT), which is never
written into a score; else it is the range under the named assumptions that stand in the score (SCENARIO).
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sqlmodel import Session

from infra.database.questions import participants, standing_of
from infra.database.tables import Score, Standing
from processors.outputs import PaymentScenario
from processors.payment import Standings, range_of
from processors.rulebook import Rulebook
from processors.standings import is_covered

COHORT, SCENARIO = "COHORT", "SCENARIO"
DEPENDS = "It depends on everybody else in the cohort."


def exposures(session: Session, scores: Sequence[Score], rulebooks: Mapping[int, Rulebook]) -> list[dict[str, Any]]:
    """Return what the year of some scores and the one after may earn or cost each clinician."""
    return [
        _exposure(score, _score_of(session, score, year), session, rulebooks[year])
        for score in scores
        for year in (score.performance_year, score.performance_year + 1)
        if year in rulebooks
    ]


def _score_of(session: Session, score: Score, year: int) -> Score | None:
    if year == score.performance_year:
        return score
    later = [s for s in participants(session, score.npi, year) if s.tin == score.tin]
    return later[0] if later else None


def _exposure(known: Score, score: Score | None, session: Session, rulebook: Rulebook) -> dict[str, Any]:
    year = rulebook.performance_year
    paid = known.part_b_paid_cents if score is None or score.part_b_paid_cents is None else score.part_b_paid_cents
    standing = None if score is None else standing_of(session, score.cohort, year)
    basis, ranges = _ranges(score, standing, rulebook)
    return {
        "npi": known.npi,
        "performance_year": year,
        "payment_year": rulebook.terms.payment_year,
        "risk_level": rulebook.payment.risk_level,
        "basis": basis,
        "depends_on": DEPENDS,
        "size_seen": None if standing is None else standing.size_seen,
        "size_listed": None if standing is None else standing.size_listed,
        "part_b_paid_cents": paid,
        "ranges": [_range(r, paid, rulebook.payment.risk_level) for r in ranges],
    }


def _ranges(
    score: Score | None, standing: Standing | None, rulebook: Rulebook
) -> tuple[str, Sequence[PaymentScenario]]:
    if score is None or score.lowest_reachable is None or score.highest_reachable is None:
        return SCENARIO, ()
    seen = standing is not None and is_covered(standing.size_seen, standing.size_listed, rulebook)
    if seen and standing is not None and standing.midpoint is not None:
        figures = Standings(midpoint=standing.midpoint, scaling_factor=standing.scaling_factor)
        told = range_of((score.lowest_reachable, score.highest_reachable), COHORT, figures, rulebook.payment)
        if told is not None:
            return COHORT, (told,)
    return SCENARIO, [PaymentScenario(**scenario) for scenario in score.payment or ()]


def _range(told: PaymentScenario, paid_cents: int | None, risk_level: Decimal) -> dict[str, Any]:
    cents = [_cents(factor, paid_cents) for factor in (told.low_factor, told.high_factor)]
    return {
        "name": told.name,
        "low_factor": told.low_factor,
        "high_factor": told.high_factor,
        "low_cents": cents[0],
        "high_cents": cents[1],
        "above_risk_level": told.high_factor > risk_level,
    }


def _cents(factor: Decimal, paid_cents: int | None) -> int | None:
    return None if paid_cents is None else int((factor * paid_cents).to_integral_value(ROUND_HALF_EVEN))
