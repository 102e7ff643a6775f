"""Reachable scores and points at stake: the reduction equals plain enumeration, and the definitions hold."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.assessment import Assessment, assess
from processors.events import YearEvent
from processors.final_score import Combination, raw_score
from processors.reachable import MeasureOutcome, Outlook, Stake, highest_reachable, lowest_reachable, stakes_of
from processors.vocabulary import Stage
from tests.making import (
    AFTER,
    IN_WINDOW,
    NPI,
    admissions,
    assessed,
    attested,
    cost,
    facts,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    result,
    row,
    rulebook,
    score_of,
)

RULES = rulebook()
POINTS = st.one_of(st.none(), st.integers(0, 100).map(lambda n: Decimal(n) / 10))
OUTCOMES = st.lists(st.builds(MeasureOutcome, POINTS, st.booleans()), min_size=1, max_size=4).map(tuple)
SHARES = st.lists(st.one_of(st.none(), st.integers(1, 10).map(lambda n: Decimal(n) / 10)), min_size=1, max_size=3)
ADDED = st.lists(st.integers(-10, 10).map(Decimal), min_size=1, max_size=3).map(tuple)
OUTLOOKS = st.builds(
    Outlook,
    measures=st.dictionaries(st.sampled_from(["005", "008", "236", "377", "492"]), OUTCOMES, max_size=5),
    cost=SHARES.map(lambda shares: {"COST_HF_1": tuple(shares)}),
    activities=st.fixed_dictionaries(
        {name: st.sampled_from([(True,), (False,), (False, True)]) for name in ("ASM_IA_1", "ASM_IA_2")}
    ),
    added=st.fixed_dictionaries({"PROMOTING_INTEROPERABILITY": ADDED, "COMPLEX_PATIENTS": ADDED}),
    certain=st.sampled_from([Decimal(0), Decimal(10), Decimal(15)]),
)


def enumerated(outlook: Outlook) -> Iterator[Decimal]:
    """Every final score before the upper clamp, one combination of outcomes after the other."""
    effects = RULES.activities.effects
    axes: list[Iterable[Any]] = [
        product(*outlook.measures.values()),
        *outlook.cost.values(),
        product(*outlook.activities.values()),
        product(*outlook.added.values()),
    ]
    for measures, cost_value, activities, added in product(*axes):
        scored = [m.points for m in measures if m.points is not None]
        combination = Combination(
            quality=sum(scored) / (10 * len(scored)) if scored else None,
            cost=cost_value,
            added=outlook.certain + effects[activities.count(False)] + sum(added),
            submitted=sum(m.submitted for m in measures),
        )
        score = raw_score(combination, RULES.final_score)
        if score is not None:
            yield score


def every_outcome(outlook: Outlook, item: str) -> Iterator[Outlook]:
    """The outlook with an item settled at each of its outcomes."""
    for name in ("measures", "cost", "activities", "added"):
        for outcome in getattr(outlook, name).get(item, ()):
            settled: dict[str, Any] = {name: {**getattr(outlook, name), item: (outcome,)}}
            yield replace(outlook, **settled)


@settings(deadline=None, max_examples=100)
@given(OUTLOOKS)
def test_the_reduction_gives_what_plain_enumeration_gives(outlook: Outlook) -> None:
    scores = list(enumerated(outlook))
    assert highest_reachable(outlook, RULES) == max(scores, default=None)
    assert lowest_reachable(outlook, RULES) == min(scores, default=None)


@settings(deadline=None, max_examples=100)
@given(OUTLOOKS, st.sampled_from(["005", "236", "COST_HF_1", "ASM_IA_1", "PROMOTING_INTEROPERABILITY"]))
def test_points_at_stake_are_the_highest_less_the_same_with_the_item_at_its_worst(outlook: Outlook, item: str) -> None:
    highest = max(enumerated(outlook), default=None)
    worsts = [max(scores) for scores in (list(enumerated(o)) for o in every_outcome(outlook, item)) if scores]
    expected = highest - min(worsts) if highest is not None and worsts else Decimal(0)
    stake = stakes_of(outlook, RULES).get(item, Stake(points=Decimal(0)))
    assert stake.points == expected


def test_the_only_measure_that_can_be_submitted_is_a_cliff() -> None:
    outlook = Outlook(
        measures={"236": (MeasureOutcome(Decimal(0), submitted=False), MeasureOutcome(Decimal(10), submitted=True))},
        cost={"COST_HF_1": (Decimal(1),)},
        activities={"ASM_IA_1": (True,)},
        added={},
        certain=Decimal(15),
    )
    assert stakes_of(outlook, RULES)["236"] == Stake(points=Decimal(115), cliff="MINIMUM_SUBMISSION")


FIRST_FACTS: list[YearEvent] = [
    quality(row("005", 80, 20), submission_id="s1"),
    quality(row("008", 5, 0), submission_id="s2"),
    quality(row("236", 70, 30), submission_id="s3"),
    quality(row("377", 1, 99), submission_id="s4"),
    pi_set({"PI_EP_1": (3, 10)}),
    attested("ASM_IA_1"),
    attested("ASM_IA_2"),
    result(cost_measure=cost()),
    result(claims_measure=admissions("70", 30)),
]


def interval(assessment: Assessment) -> tuple[Decimal, Decimal, Decimal | None]:
    score = score_of(assessment)
    assert score.lowest_reachable is not None
    assert score.highest_reachable is not None
    return score.lowest_reachable, score.highest_reachable, score.final_score


@settings(deadline=None, max_examples=100)
@given(st.permutations(FIRST_FACTS), st.booleans())
def test_a_first_fact_about_an_open_item_never_widens_the_interval_and_the_score_lies_in_it(
    order: list[YearEvent], small: bool
) -> None:
    told: list[YearEvent] = [listed(small_practice=small, solo=False)]
    low, high, _ = interval(assessed(*told))
    for event in order:
        told.append(event)
        lower, higher, final = interval(assessed(*told))
        assert low <= lower <= higher <= high
        assert final is not None
        assert lower <= final <= higher
        low, high = lower, higher


def test_before_anything_is_known_everything_can_still_be_reached() -> None:
    assert interval(assessed(listed())) == (Decimal(0), Decimal(100), Decimal(0))


def test_a_measure_that_is_scored_is_not_open() -> None:
    told = assessed(listed(), quality(row("236", 70, 30)))
    assert obligation_of(told, "236").points_at_stake == Decimal(0)


def test_after_the_deadline_only_what_cms_owes_is_open() -> None:
    told = assessed(listed(), quality(row("236", 90, 10)), as_of=AFTER)
    stakes = {o.item.item: o.points_at_stake for o in told.obligations if o.points_at_stake}
    low, high, final = interval(told)
    assert set(stakes) == {"492", "COST_HF_1"}
    assert (low, high, final) == (Decimal(0), Decimal(50) * Decimal("0.4") + 50 - 30 + 10, Decimal(0))


def test_after_the_deadline_what_is_not_proven_is_open_with_its_own_outcome_and_without_it() -> None:
    sent = observed(quality(row("005", 100, 0), stage=Stage.SENT), IN_WINDOW)
    told = assessed(listed(), quality(row("236", 90, 10), submission_id="other"), sent, as_of=AFTER)
    without = assessed(listed(), quality(row("236", 90, 10), submission_id="other"), as_of=AFTER)
    assert obligation_of(told, "005").status == "UNPROVEN"
    assert interval(told)[1] > interval(without)[1]
    assert obligation_of(told, "005").points_at_stake == interval(told)[1] - interval(without)[1]


def test_an_activity_of_the_tin_shows_what_it_costs_each_clinician() -> None:
    told = assess(facts(listed()), RULES, IN_WINDOW)
    activity = obligation_of(told, "ASM_IA_1")
    assert [(a.npi, a.points.quantize(Decimal(1))) for a in activity.affected] == [(NPI, Decimal(10))]
    assert activity.points_at_stake == activity.affected[0].points
