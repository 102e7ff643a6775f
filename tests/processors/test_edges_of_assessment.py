"""What an assessment says of the practice itself, and that it depends on nothing around it."""

from datetime import date, timedelta
from decimal import Decimal, localcontext

import pytest

from processors.assessment import assess
from processors.clinician import rests_on_estimates
from processors.events import Complexity
from processors.facts import fold
from processors.vocabulary import ResultStatus, Stage
from tests.making import (
    IN_WINDOW,
    NPI,
    admissions,
    assessed,
    at,
    attested,
    cost,
    facts,
    listed,
    observed,
    pi_set,
    quality,
    receipt,
    result,
    row,
    rulebook,
    score_of,
)

RULES = rulebook()
LISTED = listed(event_id="l1", small_practice=True, solo=False)


def test_an_assessment_is_the_same_in_whatever_decimal_context_its_caller_is() -> None:
    year = facts(LISTED, quality(row("236", 71, 29), row("005", 83, 17)), pi_set({"PI_EP_1": (7, 9)}))
    with localcontext(prec=4):
        told = assess(year, RULES, IN_WINDOW)
    assert told == assess(year, RULES, IN_WINDOW)


def test_a_new_finding_about_the_practice_is_news_of_the_practice_alone() -> None:
    before = facts(LISTED)
    after = fold(before, observed(receipt(event_id="r1", submission_id="unknown")))
    told = assess(after, RULES, IN_WINDOW, assess(before, RULES, IN_WINDOW))
    assert [f.npi for f in told.findings] == [None]
    assert sorted(told.unchanged) == [NPI]


def test_a_new_finding_about_a_clinician_is_no_news_of_the_practice() -> None:
    before = facts(LISTED)
    after = fold(before, observed(quality(row("999"), event_id="q1")))
    told = assess(after, RULES, IN_WINDOW, assess(before, RULES, IN_WINDOW))
    assert [f.npi for f in told.findings] == [NPI]
    assert sorted(told.unchanged) == [""]


def test_at_each_instant_at_which_time_changes_something_an_earlier_assessment_is_not_taken_over() -> None:
    sent = quality(event_id="q1", stage=Stage.SENT)
    planned = attested(event_id="a1", stage=Stage.PREPARED, period_start=date(2027, 5, 5))
    year, as_of = facts(LISTED, observed(sent, at("2027-03-01")), observed(planned, at("2027-03-01"))), at("2027-01-01")
    seen = 0
    while (change := assess(year, RULES, as_of).next_change_at) is not None:
        before = assess(year, RULES, change - timedelta(seconds=1))
        assert assess(year, RULES, change, before) == assess(year, RULES, change)
        as_of, seen = change, seen + 1
    assert seen > len(RULES.submission.stages)


ESTIMATED, FINAL = ResultStatus.ESTIMATE, ResultStatus.FINAL
OPEN = (Decimal("0.1"), Decimal(1), None)


@pytest.mark.parametrize(
    ("status", "measure_id", "estimate", "outcomes"),
    [
        (ESTIMATED, "COST_HF_1", True, OPEN),
        (FINAL, "COST_HF_1", False, (Decimal("0.75"),)),
        (ESTIMATED, "COST_LBP_1", False, OPEN),
    ],
)
def test_an_estimated_cost_of_the_cohorts_own_measure_is_still_owed_and_the_score_rests_on_it(
    status: ResultStatus, measure_id: str, estimate: bool, outcomes: tuple[Decimal | None, ...]
) -> None:
    told = assessed(LISTED, result(status=status, cost_measure=cost(measure_id=measure_id)))
    scored = told.sections[NPI].scored
    assert scored is not None
    assert scored.outlook is not None
    assert (rests_on_estimates(scored.clinician, RULES), scored.outlook.cost) == (estimate, {"COST_HF_1": outcomes})


@pytest.mark.parametrize(("status", "estimate"), [(ESTIMATED, True), (ResultStatus.PRELIMINARY, False)])
def test_a_score_rests_on_an_estimated_measure_and_on_estimated_complexity(
    status: ResultStatus, estimate: bool
) -> None:
    complexity = Complexity(average_hcc=Decimal(1), dual_share=Decimal(0))
    for told in ({"claims_measure": admissions()}, {"complexity": complexity}):
        clinician = assessed(LISTED, result(status=status, **told)).sections[NPI].read.clinician
        assert rests_on_estimates(clinician, RULES) == estimate


@pytest.mark.parametrize("missing", ["cost_per_episode_cents", "national_median_cents", "standard_deviation_cents"])
def test_a_cost_without_one_of_its_three_figures_is_awaited(missing: str) -> None:
    told = score_of(assessed(LISTED, result(cost_measure=cost(**{missing: None})))).tree.parts[1]
    assert (told.value, [r.code for r in told.parts[0].reasons]) == (None, ["AWAITING_CMS"])
