"""Where the rule is not known: what was decided for the extreme cases (docs/decisions/0011), each with a test."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from processors.assessment import Assessment, assess
from processors.episodes import ClaimYear
from processors.events import YearEvent
from processors.facts import empty_year, fold
from processors.identity import Tin
from processors.vocabulary import ParticipantList, ResultStatus
from tests.making import (
    AFTER,
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    YEAR,
    admissions,
    assessed,
    at,
    attested,
    codes,
    cost,
    facts,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    relief,
    removed,
    result,
    row,
    rulebook,
    score_of,
)

EARLIER, LATER = at("2028-01-10"), at("2028-03-10")
MEASURES = ("005", "008", "236", "377")
OWED_BEFORE = (*MEASURES, "492", "COST_HF_1")
PRACTICE: tuple[YearEvent, ...] = (attested("ASM_IA_1"), attested("ASM_IA_2"), pi_set())
FEW = quality(*(row(measure_id, 19, 0) for measure_id in MEASURES))
FULL = quality(*(row(measure_id, 100, 0) for measure_id in MEASURES))


def final(assessment: Assessment) -> Decimal | None:
    return score_of(assessment).final_score


def weights(assessment: Assessment) -> list[Decimal | None]:
    return [part.weight for part in score_of(assessment).tree.parts[:2]]


def reasons(assessment: Assessment) -> list[str]:
    return [reason.code for reason in score_of(assessment).tree.reasons]


def statuses(assessment: Assessment, *categories: str) -> set[str]:
    return {o.status for o in assessment.obligations if not categories or o.item.category in categories}


def test_with_nothing_to_score_in_quality_cost_takes_the_whole_weight() -> None:
    told = assessed(listed(), *PRACTICE, FEW, result(cost_measure=cost(score=Decimal(8))))
    assert (final(told), weights(told), reasons(told)) == (Decimal(80), [None, Decimal(1)], ["SUM", "WEIGHT_MOVED"])


@pytest.mark.parametrize(
    "measure", [cost(episodes=19), cost(standard_deviation_cents=None)], ids=["too few episodes", "CMS owes it"]
)
def test_with_nothing_to_score_in_cost_quality_takes_the_whole_weight(measure: object) -> None:
    told = assessed(listed(), *PRACTICE, FULL, result(cost_measure=measure))
    assert (final(told), weights(told), reasons(told)) == (Decimal(100), [Decimal(1), None], ["SUM", "WEIGHT_MOVED"])


def test_with_nothing_to_score_in_either_there_is_no_final_score_and_no_adjustment() -> None:
    settled = result(cost_measure=cost(episodes=19), claims_measure=admissions(cases=19))
    score = score_of(told := assessed(listed(), *PRACTICE, FEW, settled, as_of=AFTER))
    assert (score.final_score, score.lowest_reachable, score.highest_reachable, score.payment) == (None,) * 4
    assert (weights(told), reasons(told)) == ([None, None], ["NO_SCORE"])
    assert {o.points_at_stake for o in told.obligations} == {Decimal(0)}
    assert statuses(told, "QUALITY", "IMPROVEMENT_ACTIVITIES") == {"MET", "NOT_REQUIRED"}


def test_minimum_submission_goes_before_a_category_that_cannot_be_scored() -> None:
    told = assessed(listed(), *PRACTICE, result(cost_measure=cost(episodes=19)), as_of=AFTER)
    assert (final(told), reasons(told)) == (Decimal(0), ["MINIMUM_SUBMISSION", "WEIGHT_MOVED"])


def test_a_clinician_under_two_tins_has_two_scores_and_neither_knows_of_the_other() -> None:
    other = Tin("987654321")
    here = assessed(listed(), *PRACTICE, FULL)
    year = empty_year(other, YEAR)
    for event in (listed(tin=other), quality(tin=other, submission_id="there")):
        year = fold(year, observed(event))
    there = assess(year, rulebook(), IN_WINDOW)
    assert [(s.tin, s.npi) for t in (here, there) for s in t.scores] == [(listed().tin, NPI), (other, NPI)]
    assert (final(here), final(there)) == (Decimal(100), Decimal(0))
    assert {o.item.tin for o in there.obligations} == {other}


def test_a_roster_that_arrives_after_the_submissions_finds_them_all_there() -> None:
    reported = [*PRACTICE, FULL]
    waiting = assessed(*reported)
    assert (waiting.scores, waiting.obligations) == ((), ())
    assert {code for _, code in codes(waiting)} == {"NOT_ON_ROSTER"}
    late = assessed(*reported, observed(listed(event_id="l"), LATER))
    early = assessed(*reported, observed(listed(event_id="l"), at("2027-01-05")))
    assert (final(late), codes(late)) == (Decimal(100), [])
    assert (late.scores, late.obligations) == (early.scores, early.obligations)


def test_a_changed_cohort_is_scored_on_its_own_measures_and_the_old_ones_are_owed_no_more() -> None:
    told = [observed(listed(), EARLIER), *PRACTICE, FULL, result(cost_measure=cost(score=Decimal(8)))]
    before = assessed(*told)
    after = assessed(*told, observed(listed(cohort="LOW_BACK_PAIN"), LATER))
    assert (final(before), final(after), score_of(after).cohort) == (Decimal(90), Decimal(0), "LOW_BACK_PAIN")
    assert [p.code for p in score_of(after).tree.parts[0].parts] == ["238", "134", "128", "220"]
    assert {(obligation_of(after, m).status, obligation_of(after, m).points_at_stake) for m in OWED_BEFORE} == {
        ("NOT_REQUIRED", Decimal(0))
    }
    assert [code for _, code in codes(after)] == ["MEASURE_OF_OTHER_COHORT"] * 5
    back = assessed(*told, observed(listed(cohort="LOW_BACK_PAIN"), LATER), observed(listed(), AFTER), as_of=AFTER)
    assert final(back) == Decimal(90)


def test_whom_the_roster_drops_has_no_score_and_owes_nothing_and_comes_back_with_all_that_was_reported() -> None:
    told = [observed(listed(), EARLIER), *PRACTICE, FULL]
    dropped = assessed(*told, observed(removed(), LATER))
    assert (final(dropped), reasons(dropped), statuses(dropped)) == (None, ["NOT_ELIGIBLE"], {"NOT_REQUIRED"})
    again = assessed(*told, observed(removed(), LATER), observed(listed(), AFTER), as_of=AFTER)
    assert (final(again), statuses(again, "QUALITY")) == (Decimal(100), {"MET", "NOT_REQUIRED"})


def test_relief_for_cost_excuses_the_cohort_that_counts_and_nobody_who_is_not_scored() -> None:
    told: tuple[Any, ...] = (
        observed(listed(), EARLIER),
        relief("COST"),
        observed(listed(cohort="LOW_BACK_PAIN"), LATER),
    )
    changed = assessed(*told)
    assert [obligation_of(changed, item).status for item in ("COST_HF_1", "COST_LBP_1")] == ["NOT_REQUIRED", "EXCUSED"]
    assert statuses(assessed(*told, observed(removed(), AFTER), as_of=AFTER)) == {"NOT_REQUIRED"}


def test_who_is_not_scored_owes_no_notice_of_an_error_either() -> None:
    preliminary = result(status=ResultStatus.PRELIMINARY, cost_measure=cost())
    told = [assessed(listed(eligible=eligible), preliminary, as_of=AFTER) for eligible in (True, False)]
    assert [obligation_of(each, "ERROR_NOTICE").status for each in told] == ["OPEN", "NOT_REQUIRED"]
    assert statuses(told[1]) == {"NOT_REQUIRED"}


def test_of_two_clinicians_the_one_who_stays_owes_what_the_tin_reports() -> None:
    told = assessed(listed(), listed(npi=OTHER_NPI), observed(removed(npi=OTHER_NPI), LATER))
    activity = obligation_of(told, "ASM_IA_1")
    assert (activity.status, [a.npi for a in activity.affected]) == ("AT_RISK", [NPI])
    assert [(s.npi, s.final_score) for s in told.scores] == [(NPI, Decimal(0)), (OTHER_NPI, None)]


def test_a_preliminary_list_that_comes_after_the_final_one_changes_nothing() -> None:
    told = [observed(listed(), EARLIER), *PRACTICE, FULL]
    later = listed(list=ParticipantList.PRELIMINARY, cohort="LOW_BACK_PAIN", eligible=False)
    assert final(assessed(*told, observed(later, LATER))) == final(assessed(*told)) == Decimal(100)


def test_a_claim_that_is_cancelled_after_cms_result_changes_the_estimate_and_not_the_score() -> None:
    given = result(cost_measure=cost(episodes=20, score=Decimal(8)))
    told = facts(listed(), *PRACTICE, FULL, given)
    counted = {n: ClaimYear(lines=2 * n, specialties=(), episodes={"HEART_FAILURE": n}, areas={}) for n in (20, 19)}
    before, after = (assess(replace(told, claims={NPI: {YEAR: counted[n]}}), rulebook(), AFTER) for n in counted)
    assert (final(before), final(after)) == (Decimal(90), Decimal(90))
    estimates = [p.inputs["episodes"] for a in (before, after) for p in score_of(a).tree.parts[1].parts[1:]]
    assert estimates == [20, 19]
    assert before.obligations == after.obligations


@pytest.mark.parametrize("received_at", [EARLIER, AFTER], ids=["before the deadline", "after it"])
def test_relief_excuses_what_is_missing_whenever_it_comes_and_adds_no_point(received_at: datetime) -> None:
    reported: list[YearEvent] = [listed(), quality(row("236", 100, 0))]
    granted = observed(relief("QUALITY", "IMPROVEMENT_ACTIVITIES"), received_at)
    without, with_it = assessed(*reported, as_of=AFTER), assessed(*reported, granted, as_of=AFTER)
    assert [obligation_of(without, m).status for m in ("005", "236", "ASM_IA_1")] == ["MISSED", "MET", "MISSED"]
    assert [obligation_of(with_it, m).status for m in ("005", "236", "ASM_IA_1")] == ["EXCUSED", "MET", "EXCUSED"]
    assert obligation_of(with_it, "PROMOTING_INTEROPERABILITY").status == "MISSED"
    assert with_it.scores == without.scores


def test_relief_before_the_deadline_excuses_while_it_is_open_and_what_is_reported_all_the_same_counts() -> None:
    granted = relief("QUALITY")
    silent = assessed(listed(), granted, as_of=LATER)
    assert (statuses(silent, "QUALITY"), final(silent)) == ({"EXCUSED"}, Decimal(0))
    reported = assessed(listed(), *PRACTICE, granted, FULL, as_of=LATER)
    assert (statuses(reported, "QUALITY"), final(reported)) == ({"MET", "EXCUSED"}, Decimal(100))
