"""The final score: categories averaged, adjustments added, clamped once (42 CFR 512.745)."""

from dataclasses import dataclass
from decimal import Decimal

from processors.events import Complexity, FinalResult, ParticipantListed
from processors.rulebook import Reason, Rulebook
from processors.rulebook.sections import FinalScore
from processors.score_tree import ARITHMETIC, ZERO, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """What a final score is made of.

    The two categories in 0…1 (None: not scored), the points that are added, and how many measures were submitted.
    """

    quality: Decimal | None
    cost: Decimal | None
    added: Decimal
    submitted: int


def raw_score(combination: Combination, rules: FinalScore) -> Decimal | None:
    """Return the final score before the upper clamp; None where no category has a score.

    Minimum submission is tested before anything else (42 CFR 512.745(a)(2)(ii)).
    """
    if combination.submitted < rules.minimum_measures:
        return rules.range.lowest
    quality, cost = weights_in_use(combination.quality, combination.cost, rules)
    if quality is None and cost is None:
        return None
    averaged = 100 * ((quality or ZERO) * (combination.quality or ZERO) + (cost or ZERO) * (combination.cost or ZERO))
    return max(rules.range.lowest, averaged + combination.added)


def final_score(combination: Combination, rules: FinalScore) -> Decimal | None:
    """Return the final score, summed first and clamped once."""
    raw = raw_score(combination, rules)
    return None if raw is None else min(raw, rules.range.highest)


def weights_in_use(
    quality: Decimal | None, cost: Decimal | None, rules: FinalScore
) -> tuple[Decimal | None, Decimal | None]:
    """Return the weights: one that has no score leaves, and the other takes all of it."""
    weights = (None if quality is None else rules.weights.quality, None if cost is None else rules.weights.cost)
    if rules.weight_moves and (quality is None) != (cost is None):
        whole = rules.weights.quality + rules.weights.cost
        weights = (None if quality is None else whole, None if cost is None else whole)
    return weights


def small_practice_part(listing: ParticipantListed, rulebook: Rulebook) -> Part:
    """Return the points added for a small practice, or for a solo one instead (42 CFR 512.745)."""
    rules = rulebook.final_score
    if listing.solo:
        points, reason = (
            rules.solo_practice_points,
            rules.reason("solo_practice_points", "SOLO", "Solo practitioner."),
        )
    elif listing.small_practice:
        points = rules.small_practice_points
        reason = rules.reason("small_practice_points", "SMALL", "Small practice, as CMS's roster says.")
    else:
        points, reason = ZERO, rules.reason("small_practice_points", "NOT_SMALL", "Not a small practice.")
    return Part(
        code="small_practice",
        title="Small practice",
        value=points,
        max=rules.solo_practice_points,
        reasons=(reason,),
    )


def complex_patients_part(complexity: Complexity | None, rulebook: Rulebook) -> Part:
    """Return the points added for complex patients; absent where CMS has not given the indicators or references."""
    rules = rulebook.final_score
    most = 2 * rules.complexity.highest_each
    part = Part(code="complex_patients", title="Complex patients", max=most)
    if complexity is None:
        reason = rules.reason("complexity", "AWAITING_CMS", "CMS computes this and has not given it yet.")
        return _with_reason(part, None, reason)
    if len(rules.complexity_references) < len(_indicators(complexity)):
        message = "CMS has not published the reference distribution: left open."
        return _with_reason(part, None, rules.reason("complexity_references", "NO_REFERENCE", message))
    points = _complexity_points(_indicators(complexity), rules)
    return _with_reason(part, points, rules.reason("complexity", "SCORED", "By distance from the reference."))


def cms_final_reason(final: FinalResult, ours: Decimal | None, rulebook: Rulebook) -> Reason:
    """Show CMS's own final score beside ours; it does not replace it."""
    difference = "" if ours is None else f", {final.final_score - ours:+.2f} against ours"
    factor = (
        "" if final.adjustment_factor is None else f", its adjustment factor {100 * final.adjustment_factor:+.2f} %"
    )
    message = f"CMS's own final score is {final.final_score:.2f}{difference}{factor}."
    return rulebook.final_score.reason("range", "CMS_FINAL_SCORE", message)


def _indicators(complexity: Complexity) -> dict[str, Decimal]:
    return {"AVERAGE_HCC": complexity.average_hcc, "DUAL_SHARE": complexity.dual_share}


def _complexity_points(indicators: dict[str, Decimal], rules: FinalScore) -> Decimal:
    formula, total = rules.complexity, ZERO
    for reference in rules.complexity_references:
        value = indicators[reference.indicator]
        if value >= reference.median:
            z = ARITHMETIC.divide(value - reference.mean, reference.standard_deviation)
            total += min(max(formula.base + formula.slope * z, ZERO), formula.highest_each)
    return total


def _with_reason(part: Part, value: Decimal | None, reason: Reason) -> Part:
    return Part(code=part.code, title=part.title, value=value, max=part.max, reasons=(reason,))
