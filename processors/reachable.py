"""What can still become of a score: lowest and highest reachable, and the points at stake of each open item.

An item that is open has several possible outcomes; the reachable scores are the least and greatest final score over
all combinations of outcomes that have one. Plain enumeration would visit tens of thousands of combinations; here the
measures are reduced to the least or greatest sum of points for each (number scored, number submitted), which loses
nothing because the score only rises with points (a property test holds it equal to enumeration).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from processors.final_score import Combination, raw_score
from processors.rulebook import Rulebook
from processors.score_tree import ARITHMETIC, ZERO

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

    def settled(self, item: str) -> Iterator["Outlook"]:
        """Yield this outlook once for each outcome of an item, with the item settled at it."""
        for name in ("measures", "cost", "activities", "added"):
            outcomes = getattr(self, name)
            for outcome in outcomes.get(item, ()):
                settled: dict[str, Any] = {name: {**outcomes, item: (outcome,)}}
                yield replace(self, **settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """Points at stake of an item, and the cliff beyond it, if any."""

    points: Decimal
    cliff: str | None = None


def highest_reachable(outlook: Outlook, rulebook: Rulebook) -> Decimal | None:
    """Return the greatest final score over all combinations, before the upper clamp; None where none has one."""
    return max(_scores(outlook, max, rulebook), default=None)


def lowest_reachable(outlook: Outlook, rulebook: Rulebook) -> Decimal | None:
    """Return the least final score over all combinations, before the upper clamp; None where none has one."""
    return min(_scores(outlook, min, rulebook), default=None)


def stake_of(item: str, outlook: Outlook, rulebook: Rulebook) -> Stake:
    """Return the highest reachable score less the same with this item at its worst, both before the upper clamp.

    Where the worst breaks minimum submission it is the whole of the highest: a cliff.
    """
    highest = highest_reachable(outlook, rulebook)
    settled = [(highest_reachable(o, rulebook), _can_submit_enough(o, rulebook)) for o in outlook.settled(item)]
    worst = min(((score, enough) for score, enough in settled if score is not None), default=None)
    if highest is None or worst is None:
        return Stake(points=ZERO)
    cliff = MINIMUM_SUBMISSION if not worst[1] and _can_submit_enough(outlook, rulebook) else None
    return Stake(points=highest - worst[0], cliff=cliff)


def _can_submit_enough(outlook: Outlook, rulebook: Rulebook) -> bool:
    possible = sum(any(o.submitted for o in outcomes) for outcomes in outlook.measures.values())
    return possible >= rulebook.final_score.minimum_measures


def _scores(outlook: Outlook, choose: Choose, rulebook: Rulebook) -> Iterator[Decimal]:
    """Yield the final scores of the combinations that can be extreme."""
    added = _added(outlook, choose, rulebook)
    costs = [cost for outcomes in outlook.cost.values() for cost in outcomes] or [None]
    for (scored, submitted), points in _sums(outlook, choose, rulebook).items():
        most = scored * rulebook.quality.points_max
        quality = ARITHMETIC.divide(points, most) if scored else None
        for cost in costs:
            combination = Combination(quality=quality, cost=cost, added=added, submitted=submitted)
            score = raw_score(combination, rulebook.final_score)
            if score is not None:
                yield score


def _sums(outlook: Outlook, choose: Choose, rulebook: Rulebook) -> Mapping[tuple[int, int], Decimal]:
    """Return the extreme sum of points for each (number scored, number submitted), the latter no finer than needed."""
    enough = rulebook.final_score.minimum_measures
    sums: dict[tuple[int, int], Decimal] = {(0, 0): ZERO}
    for outcomes in outlook.measures.values():
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
    total = outlook.certain + choose(effects[fewest], effects[most])
    for outcomes in outlook.added.values():
        extreme = outcomes[0]
        for outcome in outcomes[1:]:
            extreme = choose(extreme, outcome)
        total += extreme
    return total
