"""Cost performance category: from CMS's own results alone (42 CFR 512.730). Own dollars never become the score."""

from decimal import Decimal

from processors.deciles import points_of_less
from processors.events import CostMeasure, Inputs
from processors.quality import CategoryScore
from processors.rulebook import Reason, Rulebook
from processors.rulebook.sections import CostMeasureRule
from processors.score_tree import ARITHMETIC, Part

COST = "COST"


def cost_measure_of(cohort: str, rulebook: Rulebook) -> CostMeasureRule | None:
    """Return the cost measure of a cohort, or None where the rulebook has none."""
    return next((m for m in rulebook.cost.cost_measures if m.cohort == cohort), None)


def score_cost(cohort: str, result: CostMeasure | None, rulebook: Rulebook) -> CategoryScore:
    """Score the cost category from what CMS determined; ``value`` is points / most points, or None if not scored."""
    measure = cost_measure_of(cohort, rulebook)
    points, reason = _points(result, rulebook)
    most = rulebook.cost.points_max
    value = None if points is None else ARITHMETIC.divide(points, most)
    leaf = Part(
        code=measure.measure_id if measure else "cost_measure",
        title=measure.title if measure else "Episode-based cost",
        value=points,
        max=most,
        reasons=(reason,),
        inputs={} if result is None else _inputs(result),
    )
    percent = None if value is None else value * 100
    return CategoryScore(
        value=value, part=Part(code="cost", title="Cost", value=percent, max=Decimal(100), parts=(leaf,))
    )


def is_on_scale(score: Decimal, rulebook: Rulebook) -> bool:
    """Say whether a score can be one that CMS gives (42 CFR 512.730)."""
    return rulebook.cost.points_min <= score <= rulebook.cost.points_max


def _points(result: CostMeasure | None, rulebook: Rulebook) -> tuple[Decimal | None, Reason]:
    rules = rulebook.cost
    if result is None:
        return None, rules.reason("cost_measures", "AWAITING_CMS", "CMS computes cost and has not given it yet.")
    if result.score is not None and is_on_scale(result.score, rulebook):
        return result.score, rules.reason("points_max", "GIVEN_BY_CMS", "The score that CMS itself gives.")
    if result.episodes < rules.episode_minimum:
        message = f"{result.episodes} episodes, fewer than {rules.episode_minimum}: not scored."
        return None, rules.reason("episode_minimum", "BELOW_EPISODE_MINIMUM", message)
    distance = _distance(result)
    if distance is None:
        message = "CMS gave the cost without the median or the standard deviation it is measured by."
        return None, rules.reason("cut_points", "AWAITING_CMS", message)
    points = points_of_less(distance, rules.cut_points)
    return points, rules.reason("cut_points", "SCORED", "Scored by its distance from the national median.")


def _distance(result: CostMeasure) -> Decimal | None:
    """Return the distance of the mean episode cost from the median in standard deviations; lower is better."""
    cost, median, deviation = (
        result.cost_per_episode_cents,
        result.national_median_cents,
        result.standard_deviation_cents,
    )
    if cost is None or median is None or not deviation:
        return None
    return ARITHMETIC.divide(Decimal(cost - median), Decimal(deviation))


def _inputs(result: CostMeasure) -> Inputs:
    named = {
        "episodes": result.episodes,
        "cost_per_episode_cents": result.cost_per_episode_cents,
        "national_median_cents": result.national_median_cents,
        "standard_deviation_cents": result.standard_deviation_cents,
        "score": result.score,
    }
    return {name: value for name, value in named.items() if value is not None}
