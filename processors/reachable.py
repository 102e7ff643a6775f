"""What can still become of a score: lowest and highest reachable, and the points at stake of each open item.

An item that is open has several possible outcomes; the reachable scores are the least and greatest final score over all
combinations of outcomes that have one. Plain enumeration would visit tens of thousands of combinations. Here outcomes
that another of the same item always beats are left out first, and the measures are reduced to the extreme sum of points
for each (number scored, number submitted): nothing is lost, because the score only rises with points (a property test
holds it equal to enumeration).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from processors.final_score import Combination, raw_score
from processors.rulebook import Rulebook
from processors.score_tree import ARITHMETIC, ZERO, sum_of

MINIMUM_SUBMISSION = "MINIMUM_SUBMISSION"
Choose = Callable[[Decimal, Decimal], Decimal]


@dataclass(frozen=True, slots=True)
class MeasureOutcome:
    """What may become of a measure: its points (None: not scored), and whether it serves the minimum submission."""

    points: Decimal | None
    submitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The possible outcomes of every item, a single one where it is settled.

    ``measures`` by measure id; ``cost`` by measure id as category values in 0…1 (None: not scored); ``activities`` by
    activity id, whether done; ``added`` by item as points on the final score; ``certain`` the points that are certain.
    """

    measures: Mapping[str, tuple[MeasureOutcome, ...]]
    cost: Mapping[str, tuple[Decimal | None, ...]]
    activities: Mapping[str, tuple[bool, ...]]
    added: Mapping[str, tuple[Decimal, ...]]
    certain: Decimal

    def open_items(self) -> list[str]:
        """Return the items that have more than one possible outcome."""
        groups: Iterable[Mapping[str, Sequence[object]]] = (self.measures, self.cost, self.activities, self.added)
        return [item for group in groups for item, outcomes in group.items() if len(outcomes) > 1]

    def settled(self, item: str) -> Iterator["Outlook"]:
        """Yield this outlook with an item settled at each outcome that can be its worst."""
        worst: dict[str, Sequence[object]] = {
            "measures": _worst_outcomes_alike(self.measures.get(item, ())),
            "cost": _extreme_costs(self.cost.get(item, ()), min),
            "activities": self.activities.get(item, ()),
            "added": self.added.get(item, ()),
        }
        for name, outcomes in worst.items():
            for outcome in outcomes:
                settled: dict[str, Any] = {name: {**getattr(self, name), item: (outcome,)}}
                yield replace(self, **settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """Points at stake of an item, and the cliff beyond it, if any."""

    points: Decimal
    cliff: str | None = None


def highest_reachable(outlook: Outlook, rulebook: Rulebook) -> Decimal | None:
    """Return the greatest final score over all combinations, before the upper clamp; None where none has one."""
    most = rulebook.quality.points_max
    measures = [_best_outcomes(outcomes, most) for outcomes in outlook.measures.values()]
    costs = [c for outcomes in outlook.cost.values() for c in _extreme_costs(outcomes, max)]
    return max(_scores(_sums(measures, max, rulebook), costs, _added(outlook, max, rulebook), rulebook), default=None)


def lowest_reachable(outlook: Outlook, rulebook: Rulebook) -> Decimal | None:
    """Return the least final score over all combinations, before the upper clamp; None where none has one."""
    measures = [_worst_outcomes(outcomes) for outcomes in outlook.measures.values()]
    costs = [c for outcomes in outlook.cost.values() for c in _extreme_costs(outcomes, min)]
    return min(_scores(_sums(measures, min, rulebook), costs, _added(outlook, min, rulebook), rulebook), default=None)


def stakes_of(outlook: Outlook, rulebook: Rulebook) -> dict[str, Stake]:
    """Return what each open item has at stake.

    That is the highest reachable score less the same with this item at its worst, both before the upper clamp. Where
    the worst breaks minimum submission it is the whole of the highest: a cliff.
    """
    highest = highest_reachable(outlook, rulebook)
    if highest is None:
        return {}
    worst = {item: _worst(item, outlook, rulebook) for item in outlook.open_items()}
    cliff = MINIMUM_SUBMISSION if _can_submit_enough(outlook, rulebook) else None
    return {
        item: Stake(points=highest - score, cliff=None if enough else cliff) for item, (score, enough) in worst.items()
    }


def _worst(item: str, outlook: Outlook, rulebook: Rulebook) -> tuple[Decimal, bool]:
    """Return the highest score with an item at its worst, and whether enough can be submitted then."""
    settled = [(highest_reachable(o, rulebook), _can_submit_enough(o, rulebook)) for o in outlook.settled(item)]
    return min((score, enough) for score, enough in settled if score is not None)


def _can_submit_enough(outlook: Outlook, rulebook: Rulebook) -> bool:
    possible = sum(any(o.submitted for o in outcomes) for outcomes in outlook.measures.values())
    return possible >= rulebook.final_score.minimum_measures


@lru_cache(maxsize=4096)
def _best_outcomes(outcomes: tuple[MeasureOutcome, ...], most: Decimal) -> list[MeasureOutcome]:
    """Leave out the outcomes that another beats, whatever becomes of the other items.

    More points beat fewer, and the most points there are also beat being left out. Being left out beats nothing, since
    a combination in which nothing is scored may have no score at all.
    """

    def beats(one: MeasureOutcome, other: MeasureOutcome) -> bool:
        if one.points is None:
            return one == other
        if other.points is None:
            return one.submitted >= other.submitted and one.points == most
        return one.submitted >= other.submitted and one.points >= other.points

    return _undominated(outcomes, beats)


@lru_cache(maxsize=4096)
def _worst_outcomes(outcomes: tuple[MeasureOutcome, ...]) -> list[MeasureOutcome]:
    """Leave out the outcomes that another is worse than; no points are also worse than being left out."""

    def is_worse(one: MeasureOutcome, other: MeasureOutcome) -> bool:
        if one.points is not None and other.points is None:
            return one.submitted <= other.submitted and one.points == ZERO
        return _is_worse_alike(one, other)

    return _undominated(outcomes, is_worse)


@lru_cache(maxsize=4096)
def _worst_outcomes_alike(outcomes: tuple[MeasureOutcome, ...]) -> list[MeasureOutcome]:
    """Leave out the same, comparing scored with scored and left out with left out only."""
    return _undominated(outcomes, _is_worse_alike)


def _is_worse_alike(one: MeasureOutcome, other: MeasureOutcome) -> bool:
    if one.submitted > other.submitted or (one.points is None) != (other.points is None):
        return False
    return one.points is None or other.points is None or one.points <= other.points


def _undominated(
    outcomes: tuple[MeasureOutcome, ...], dominates: Callable[[MeasureOutcome, MeasureOutcome], bool]
) -> list[MeasureOutcome]:
    """Leave out the outcomes that another one makes irrelevant; of equals the first stays."""
    kept: list[MeasureOutcome] = []
    for outcome in outcomes:
        if not any(dominates(k, outcome) for k in kept):
            kept = [k for k in kept if not dominates(outcome, k)]
            kept.append(outcome)
    return kept


def _extreme_costs(outcomes: tuple[Decimal | None, ...], choose: Choose) -> list[Decimal | None]:
    """Leave out all but the extreme value, and not being scored where that is possible."""
    scored = [cost for cost in outcomes if cost is not None]
    extreme: list[Decimal | None] = [_choose_from(scored, choose)] if scored else []
    return [*extreme, None] if None in outcomes else extreme


def _choose_from(values: Sequence[Decimal], choose: Choose) -> Decimal:
    """Return the extreme of some values."""
    extreme = values[0]
    for value in values[1:]:
        extreme = choose(extreme, value)
    return extreme


def _scores(
    sums: Mapping[tuple[int, int], Decimal], costs: Sequence[Decimal | None], added: Decimal, rulebook: Rulebook
) -> Iterator[Decimal]:
    """Yield the final scores of the combinations that can be extreme."""
    for (scored, submitted), points in sums.items():
        quality = ARITHMETIC.divide(points, scored * rulebook.quality.points_max) if scored else None
        for cost in costs or (None,):
            combination = Combination(quality=quality, cost=cost, added=added, submitted=submitted)
            score = raw_score(combination, rulebook.final_score)
            if score is not None:
                yield score


def _sums(
    measures: Iterable[Sequence[MeasureOutcome]], choose: Choose, rulebook: Rulebook
) -> Mapping[tuple[int, int], Decimal]:
    """Return the extreme sum of points for each (number scored, number submitted), the latter no finer than needed."""
    enough = rulebook.final_score.minimum_measures
    sums: dict[tuple[int, int], Decimal] = {(0, 0): ZERO}
    for outcomes in measures:
        longer: dict[tuple[int, int], Decimal] = {}
        for (scored, submitted), points in sums.items():
            for outcome in outcomes:
                key = (scored + (outcome.points is not None), min(enough, submitted + outcome.submitted))
                total = points + (outcome.points or ZERO)
                longer[key] = choose(longer[key], total) if key in longer else total
        sums = longer
    return sums


def _added(outlook: Outlook, choose: Choose, rulebook: Rulebook) -> Decimal:
    effects = rulebook.activities.effects
    fewest = sum(not any(outcomes) for outcomes in outlook.activities.values())
    most = sum(not all(outcomes) for outcomes in outlook.activities.values())
    extremes = (_choose_from(outcomes, choose) for outcomes in outlook.added.values())
    return sum_of((outlook.certain, choose(effects[fewest], effects[most]), *extremes))
