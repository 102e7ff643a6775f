"""What is late, what is only prepared, what cannot count: situations around the deadline that once went wrong."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from processors.assessment import Assessment
from processors.events import YearEvent
from processors.vocabulary import AttestationAction, ParticipantList, ResultStatus, Stage, SubmissionAction
from tests.making import (
    AFTER,
    NPI,
    OTHER_NPI,
    admissions,
    assessed,
    at,
    attested,
    channel,
    codes,
    cost,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    receipt,
    relief,
    removed,
    result,
    row,
    score_of,
)

EARLY, LATER = at("2028-01-10"), at("2028-03-10")


def base(**given: Any) -> list[YearEvent]:
    """A clinician who has everything but quality."""
    return [
        listed(**given),
        attested("ASM_IA_1"),
        attested("ASM_IA_2"),
        pi_set(),
        result(cost_measure=cost(score=Decimal(10))),
    ]


def sent(*rows: Any, at_: Any = EARLY, **given: Any) -> Any:
    return observed(quality(*rows, **({"stage": Stage.SENT} | given)), at_)


def final(assessment: Assessment) -> Decimal | None:
    return score_of(assessment).final_score


def bounds(assessment: Assessment) -> tuple[Decimal | None, Decimal | None]:
    return score_of(assessment).lowest_reachable, score_of(assessment).highest_reachable


def test_a_late_receipt_does_not_take_back_what_was_accepted_in_time() -> None:
    accepted = observed(quality(row("236", 90, 10), revision=1), EARLY)
    late = observed(receipt(submission_id="q", revision=1, receipted_at=AFTER, event_id="late"), AFTER)
    without, with_it = (assessed(*base(), accepted, *more, as_of=AFTER) for more in ((), (late,)))
    assert obligation_of(with_it, "236").status == "MET"
    assert final(with_it) == final(without) == Decimal("62.5")
    assert ("late", "LATE") in codes(with_it)


def test_what_was_prepared_in_time_and_sent_after_the_deadline_is_late() -> None:
    prepared = observed(quality(stage=Stage.PREPARED, event_id="p"), EARLY)
    too_late = observed(quality(stage=Stage.SENT, event_id="s"), AFTER)
    assert obligation_of(assessed(*base(), prepared, as_of=AFTER), "236").status == "MISSED"
    after = assessed(*base(), prepared, too_late, as_of=AFTER)
    assert (obligation_of(after, "236").status, final(after)) == ("LATE", Decimal(0))
    assert codes(after) == [("s", "LATE")]
    assert bounds(after)[1] == 0


def test_a_cost_result_of_another_cohort_is_a_finding_and_scores_nothing() -> None:
    preliminary = listed(cohort="LOW_BACK_PAIN", list=ParticipantList.PRELIMINARY)
    foreign = result(cost_measure=cost(measure_id="COST_LBP_1", score=Decimal(10)), event_id="c")
    assessment = assessed(preliminary, foreign, listed(), quality())
    tree = score_of(assessment).tree
    assert [(p.code, p.value) for part in tree.parts if part.code == "cost" for p in part.parts] == [
        ("COST_HF_1", None)
    ]
    assert ("c", "MEASURE_OF_OTHER_COHORT") in codes(assessment)


def test_a_result_of_an_unknown_measure_hides_no_other() -> None:
    known = result(claims_measure=admissions(), status=ResultStatus.PRELIMINARY)
    unknown = result(claims_measure=replace(admissions(), measure_id="500"), event_id="u", status=ResultStatus.FINAL)
    others = (listed(), quality(), known)
    assessment = assessed(*others, unknown)
    assert ("u", "UNKNOWN_MEASURE") in codes(assessment)
    assert score_of(assessment).tree == score_of(assessed(*others)).tree


def test_a_cost_score_off_the_scale_is_left_out_with_a_finding() -> None:
    for score in ("0.99", "10.01"):
        wrong = result(cost_measure=cost(score=Decimal(score)), event_id="w")
        told = assessed(listed(), quality(), wrong)
        assert ("w", "RESULT_OUT_OF_RANGE") in codes(told)
        assert final(told) == final(assessed(listed(), quality(), result(cost_measure=cost(score=None))))
    right = result(cost_measure=cost(score=Decimal(1)), event_id="r")
    assert "RESULT_OUT_OF_RANGE" not in {code for _, code in codes(assessed(listed(), right))}


def test_group_data_that_cannot_count_silence_nobody() -> None:
    small = listed(small_practice=True, solo=False)
    group = sent(row("005"), npi=None, submission_id="g")
    near = at("2028-03-03")
    with_group = assessed(small, quality(), group, as_of=near)
    without = assessed(small, quality(), as_of=near)
    told = obligation_of(with_group, "005")
    assert (told.status, told.alerting) == ("OPEN", True)
    assert told == obligation_of(without, "005")
    assert obligation_of(assessed(small, quality(), group, as_of=AFTER), "005").status == "MISSED"


def test_a_set_of_another_category_reports_no_measure() -> None:
    assessment = assessed(listed(), sent(row("236"), category="COST"), as_of=at("2028-03-20"))
    assert obligation_of(assessment, "236").status == "OPEN"


def test_after_the_deadline_any_of_several_sent_reports_may_be_the_one_that_is_proven() -> None:
    high = sent(row("236", 90, 10), submission_id="high", event_id="h")
    low = sent(row("236", 10, 90), submission_id="low", event_id="l", at_=LATER)
    proof = observed(receipt(submission_id="high", receipted_at=at("2028-01-11"), event_id="r"), AFTER)
    before, after = assessed(*base(), high, low, as_of=AFTER), assessed(*base(), high, low, proof, as_of=AFTER)
    lowest, highest = bounds(before)
    assert lowest is not None
    assert highest is not None
    assert lowest <= bounds(after)[0] <= bounds(after)[1] <= highest  # type: ignore[operator]


def test_a_yes_that_was_sent_may_be_proven_beside_a_later_no() -> None:
    yes = observed(attested("ASM_IA_1", stage=Stage.SENT, attestation_id="y", event_id="y"), EARLY)
    no = observed(attested("ASM_IA_1", stage=Stage.SENT, answer=False, attestation_id="n", event_id="n"), LATER)
    rest: list[YearEvent] = [
        listed(),
        attested("ASM_IA_2"),
        pi_set(),
        quality(row("236", 90, 10)),
        result(cost_measure=cost(score=Decimal(5))),
    ]
    proof = observed(
        receipt(attestation_id="y", submission_id=None, receipted_at=at("2028-01-11"), event_id="r"), AFTER
    )
    before = assessed(*rest, yes, no, as_of=AFTER)
    assert obligation_of(before, "ASM_IA_1", None).status == "UNPROVEN"
    assert obligation_of(before, "ASM_IA_1", None).points_at_stake == 10
    assert (
        score_of(assessed(*rest, yes, no, proof, as_of=AFTER)).highest_reachable == score_of(before).highest_reachable
    )


def test_an_incomplete_second_report_does_not_undo_minimum_submission() -> None:
    complete = quality(row("236", 5, 0), submission_id="e", collection_type="ECQM")
    incomplete = quality(row("236", 1, 0, eligible_population=100), submission_id="c", collection_type="CQM")
    alone, both = assessed(*base(), complete), assessed(*base(), complete, incomplete)
    assert final(alone) not in {None, 0}
    assert final(both) not in {None, 0}
    assert score_of(both).tree.reasons[0].code != "MINIMUM_SUBMISSION"


def test_a_withdrawal_that_was_sent_lowers_the_prepared_score() -> None:
    accepted = observed(quality(row("236", 90, 10)), EARLY)
    withdrawal = sent(revision=2, action=SubmissionAction.WITHDRAW, event_id="w", at_=LATER)
    told = score_of(assessed(*base(), accepted, withdrawal))
    assert (told.final_score, told.prepared_score) == (Decimal("62.5"), Decimal(0))


def test_a_receipt_that_comes_again_with_another_instant_is_a_reused_id() -> None:
    first = observed(receipt(receipted_at=AFTER, event_id="r"), AFTER)
    again = observed(receipt(receipted_at=at("2028-02-01"), event_id="r"), at("2028-04-20"))
    assessment = assessed(*base(), sent(), first, again, as_of=at("2028-04-21"))
    assert obligation_of(assessment, "236").status == "LATE"
    assert ("r", "EVENT_ID_REUSED") in codes(assessment)


def test_relief_and_channels_of_every_clinician_cover_what_the_tin_reports() -> None:
    categories = ("QUALITY", "IMPROVEMENT_ACTIVITIES", "PROMOTING_INTEROPERABILITY")
    excused = assessed(listed(), relief(*categories, npi=NPI), as_of=AFTER)
    assert {o.status for o in excused.obligations} == {"EXCUSED", "NOT_REQUIRED"}
    elsewhere = assessed(listed(), channel("PROMOTING_INTEROPERABILITY", npi=NPI), as_of=AFTER)
    assert obligation_of(elsewhere, "PROMOTING_INTEROPERABILITY", None).status == "NOT_MONITORED"


def test_relief_of_one_of_two_clinicians_is_too_narrow_for_the_tin() -> None:
    narrow = relief("PROMOTING_INTEROPERABILITY", npi=NPI, event_id="n")
    declared = channel("IMPROVEMENT_ACTIVITIES", npi=NPI, event_id="d")
    assessment = assessed(listed(), listed(npi=OTHER_NPI), narrow, declared, as_of=AFTER)
    assert obligation_of(assessment, "PROMOTING_INTEROPERABILITY", None).status == "MISSED"
    assert sorted(c for c in codes(assessment) if c[1] == "SCOPE_TOO_NARROW") == [
        ("d", "SCOPE_TOO_NARROW"),
        ("n", "SCOPE_TOO_NARROW"),
    ]


def test_categories_that_nobody_knows_are_a_finding() -> None:
    wrong: list[YearEvent] = [
        relief("PI", event_id="a"),
        relief("QUALITYY", npi=NPI, event_id="b"),
        channel("PI", event_id="c"),
    ]
    assert sorted(codes(assessed(listed(), *wrong, relief("COST", event_id="d")))) == [
        ("a", "UNKNOWN_CATEGORY"),
        ("b", "UNKNOWN_CATEGORY"),
        ("c", "UNKNOWN_CATEGORY"),
    ]


def test_words_of_cms_with_unknown_symbols_are_findings() -> None:
    told = assessed(
        listed(list=ParticipantList.UNKNOWN, event_id="l"), result(status=ResultStatus.UNKNOWN, event_id="r")
    )
    assert sorted(codes(told)) == [("l", "UNKNOWN_SYMBOL"), ("r", "UNKNOWN_SYMBOL")]


def test_of_two_words_received_at_one_instant_the_larger_event_id_stands() -> None:
    instant = at("2027-01-05")
    heart = observed(listed(event_id="a"), instant)
    back = observed(listed(cohort="LOW_BACK_PAIN", event_id="b"), instant)
    assert score_of(assessed(heart, back)).cohort == "LOW_BACK_PAIN"
    assert score_of(assessed(heart, observed(removed(event_id="0"), instant))).tree.reasons[0].code != "NOT_ELIGIBLE"
    assert score_of(assessed(heart, observed(removed(event_id="z"), instant))).tree.reasons[0].code == "NOT_ELIGIBLE"


def test_an_accepted_yes_with_too_short_a_period_stays_at_risk_after_the_deadline() -> None:
    short = attested("ASM_IA_1", period_start=at("2027-12-01").date(), period_end=at("2027-12-31").date())
    assert obligation_of(assessed(listed(), short, as_of=AFTER), "ASM_IA_1", None).status == "AT_RISK"
    withdrawn = attested("ASM_IA_1", answer=False, action=AttestationAction.ATTEST)
    assert obligation_of(assessed(listed(), withdrawn, as_of=AFTER), "ASM_IA_1", None).status == "MISSED"


def test_a_cohort_that_the_law_does_not_know_is_told_as_what_it_is() -> None:
    told = score_of(assessed(listed(cohort="KNEES")))
    assert [(r.code, r.message) for r in told.tree.reasons] == [
        ("UNKNOWN_COHORT", "The roster's cohort KNEES is none that the law knows.")
    ]
    assert score_of(assessed(listed(cohort="KNEES", eligible=False))).tree.reasons[0].code == "NOT_ELIGIBLE"
