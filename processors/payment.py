"""The payment adjustment: what a final score earns among the scores of its cohort (42 CFR 512.750).

factor = R · TFS · SF − R, with R the risk level, TFS the final score transformed by a logistic curve around the
cohort's median, and SF the scaling factor that pays the redistributed share out again. A score of 0 loses R whole. The
factor depends on everybody else in the cohort.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache

from processors.outputs import PaymentScenario
from processors.rulebook.sections import Payment
from processors.score_tree import ARITHMETIC, ZERO

_HALF, _ONE = Decimal("0.5"), Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A participant of a cohort: the final score, and the Part B payments of the year in cents."""

    final_score: Decimal
    part_b_paid_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """What a cohort's scores come to: the score transformed to one half, and the scaling factor (None: undefined)."""

    midpoint: Decimal
    scaling_factor: Decimal | None


def standings_of(members: Sequence[Member], rules: Payment) -> Standings:
    """Return the standings of a cohort; participants without a final score are outside it.

    :raises ValueError: the cohort is empty.
    """
    if not members:
        raise ValueError("a cohort without a final score has no standings")
    with localcontext(ARITHMETIC):
        midpoint = median([m.final_score for m in members]) if rules.midpoint.kind == "MEDIAN" else rules.midpoint.fixed
        paid = sum(m.part_b_paid_cents for m in members)
        weighted = sum((m.part_b_paid_cents * transformed(m.final_score, midpoint, rules) for m in members), ZERO)
        scaling = None if weighted == 0 else ARITHMETIC.divide(rules.redistributed_share * paid, weighted)
        return Standings(midpoint=midpoint, scaling_factor=scaling)


def adjustment_factor(final_score: Decimal | None, standings: Standings, rules: Payment) -> Decimal | None:
    """Return the factor by which payments change, −R or more; None where it cannot be told.

    A participant without a final score is not adjusted: the factor is 0.
    """
    with localcontext(ARITHMETIC):
        if final_score is None:
            return ZERO
        if final_score == 0:
            return -rules.risk_level
        if standings.scaling_factor is None:
            return None
        share = transformed(final_score, standings.midpoint, rules) * standings.scaling_factor
        factor = rules.risk_level * share - rules.risk_level
        return min(factor, rules.risk_level) if rules.capped else factor


def transformed(final_score: Decimal, midpoint: Decimal, rules: Payment) -> Decimal:
    """Return the transformed final score in 0…1; a score of 0 is transformed to 0."""
    if final_score == 0:
        return ZERO
    return _logistic(ARITHMETIC.multiply(rules.slope, ARITHMETIC.subtract(final_score, midpoint)))


@lru_cache(maxsize=4096)  # the scores of the scenarios come again for every participant
def _logistic(distance: Decimal) -> Decimal:
    return ARITHMETIC.divide(_ONE, ARITHMETIC.add(_ONE, ARITHMETIC.exp(-distance)))


def median(scores: Sequence[Decimal]) -> Decimal:
    """Return the middle score; of an even number the mean of the middle two."""
    ordered, half = sorted(scores), len(scores) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) * _HALF


def scenarios_of(lowest: Decimal | None, highest: Decimal | None, rules: Payment) -> tuple[PaymentScenario, ...] | None:
    """Return the range of the factor under each named assumption about the peers; None without a reachable score."""
    if lowest is None or highest is None:
        return None
    told = []
    for scenario in rules.scenarios:
        standings = standings_of([Member(final_score=s, part_b_paid_cents=1) for s in scenario.scores], rules)
        told.append(range_of((lowest, highest), scenario.name, standings, rules))
    return tuple(scenario for scenario in told if scenario is not None)


def range_of(ends: tuple[Decimal, Decimal], name: str, standings: Standings, rules: Payment) -> PaymentScenario | None:
    """Return the range of the factor between two scores at given standings; None where they tell no factor."""
    low, high = (adjustment_factor(score, standings, rules) for score in ends)
    return None if low is None or high is None else PaymentScenario(name=name, low_factor=low, high_factor=high)
