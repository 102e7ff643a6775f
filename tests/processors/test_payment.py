"""The payment adjustment keeps its invariants, whatever the cohort."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.payment import Member, adjustment_factor, median, scenarios_of, standings_of, transformed
from processors.rulebook.sections import Midpoint
from processors.score_tree import ARITHMETIC
from tests.making import assessed, listed, quality, rulebook, score_of

RULES = rulebook().payment
RISK = RULES.risk_level
TINY = Decimal("1e-18")
SCORES = st.integers(0, 10000).map(lambda hundredths: Decimal(hundredths) / 100)
MEMBERS = st.lists(
    st.builds(Member, final_score=st.one_of(st.just(Decimal(0)), SCORES), part_b_paid_cents=st.integers(1, 10**9)),
    min_size=1,
    max_size=60,
)


def factors(members: list[Member]) -> list[Decimal | None]:
    standings = standings_of(members, RULES)
    return [adjustment_factor(m.final_score, standings, RULES) for m in members]


def weighted_mean(members: list[Member]) -> Decimal:
    paid = sum(m.part_b_paid_cents for m in members)
    told = zip(members, factors(members), strict=True)
    return sum((m.part_b_paid_cents * f for m, f in told if f is not None), Decimal(0)) / paid


@settings(deadline=None, max_examples=200)
@given(MEMBERS)
def test_the_cohort_loses_what_cms_keeps_and_no_more(members: list[Member]) -> None:
    if any(m.final_score > 0 for m in members):
        assert abs(weighted_mean(members) + (1 - RULES.redistributed_share) * RISK) < TINY
    else:
        assert set(factors(members)) == {-RISK}


@settings(deadline=None, max_examples=200)
@given(MEMBERS)
def test_a_higher_score_earns_more_and_a_score_of_zero_loses_the_whole_risk(members: list[Member]) -> None:
    ordered = sorted({m.final_score for m in members})
    standings = standings_of(members, RULES)
    earned = [adjustment_factor(score, standings, RULES) for score in ordered]
    told = [f for f in earned if f is not None]
    assert told == sorted(set(told))
    assert ordered[0] > 0 or earned[0] == -RISK
    assert min(told, default=-RISK) >= -RISK


@settings(deadline=None, max_examples=100)
@given(MEMBERS, st.integers(2, 1000))
def test_paying_everybody_more_by_the_same_share_changes_nothing(members: list[Member], times: int) -> None:
    richer = [replace(m, part_b_paid_cents=m.part_b_paid_cents * times) for m in members]
    for before, after in zip(factors(members), factors(richer), strict=True):
        assert (before is None) == (after is None)
        assert before is None or after is None or abs(before - after) < TINY


def test_a_large_cohort_with_many_zeros_keeps_the_balance() -> None:
    for zeros in range(0, 61, 20):
        members = [
            Member(final_score=Decimal(0 if n % 100 < zeros else n % 101), part_b_paid_cents=1000 + n * 37 % 5000)
            for n in range(2600)
        ]
        assert abs(weighted_mean(members) + (1 - RULES.redistributed_share) * RISK) < TINY


@pytest.mark.parametrize("score", [1, 40, 100])
def test_a_cohort_of_one_gets_the_mean(score: int) -> None:
    assert abs(weighted_mean([Member(final_score=Decimal(score), part_b_paid_cents=7)]) + Decimal("0.15") * RISK) < TINY


def test_a_cohort_of_zeros_loses_all_and_says_nothing_of_others() -> None:
    standings = standings_of([Member(final_score=Decimal(0), part_b_paid_cents=5)], RULES)
    assert standings.scaling_factor is None
    assert adjustment_factor(Decimal(0), standings, RULES) == -RISK
    assert adjustment_factor(Decimal(50), standings, RULES) is None


def test_without_a_final_score_nothing_is_adjusted() -> None:
    standings = standings_of([Member(final_score=Decimal(60), part_b_paid_cents=5)], RULES)
    assert adjustment_factor(None, standings, RULES) == 0
    with pytest.raises(ValueError, match="no standings"):
        standings_of([], RULES)


def test_a_cap_lowers_the_mean_and_nobody_passes_it() -> None:
    capped = replace(RULES, capped=True)
    members = [Member(final_score=Decimal(s), part_b_paid_cents=100) for s in (0, 0, 0, 0, 5, 100)]
    standings = standings_of(members, capped)
    told = [adjustment_factor(m.final_score, standings, capped) or Decimal(0) for m in members]
    uncapped = adjustment_factor(Decimal(100), standings, RULES)
    assert uncapped is not None
    assert uncapped > RISK
    assert max(told) == RISK
    assert sum(told) / len(told) <= Decimal("-0.15") * RISK


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    assert median([Decimal(n) for n in (9, 1, 4, 2)]) == 3
    assert median([Decimal(n) for n in (9, 1, 4)]) == 4


def test_the_midpoint_is_transformed_to_one_half_whether_median_or_fixed() -> None:
    fixed = replace(RULES, midpoint=Midpoint(kind="FIXED", fixed=Decimal(50)))
    members = [Member(final_score=Decimal(s), part_b_paid_cents=1) for s in (70, 80, 90)]
    assert [standings_of(members, rules).midpoint for rules in (RULES, fixed)] == [80, 50]
    assert transformed(Decimal(80), Decimal(80), RULES) == Decimal("0.5")


def test_a_score_carries_the_range_of_its_factor_under_each_named_assumption() -> None:
    score = score_of(assessed(listed(), quality()))
    told = scenarios_of(score.lowest_reachable, score.highest_reachable, RULES)
    assert score.payment == told
    assert told is not None
    assert [s.name for s in told] == ["PEERS_LOW", "PEERS_MIDDLE", "PEERS_HIGH"]
    assert all(-RISK <= s.low_factor < s.high_factor for s in told)
    assert [s.high_factor for s in told] == sorted((s.high_factor for s in told), reverse=True)
    assert score_of(assessed(listed(eligible=False))).payment is None


def test_arithmetic_is_that_of_the_core_whoever_calls() -> None:
    assert transformed(Decimal(60), Decimal(50), RULES) == ARITHMETIC.divide(
        Decimal(1), ARITHMETIC.add(Decimal(1), ARITHMETIC.exp(Decimal(-1)))
    )
