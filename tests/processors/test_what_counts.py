"""What counts among what was sent: each sentence of the policy, a test."""

from datetime import date
from decimal import Decimal

from processors.assessment import Assessment
from processors.vocabulary import ParticipantList, ReceiptOutcome, ResultStatus, Stage, SubmissionAction
from tests.making import (
    AFTER,
    DUE,
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    admissions,
    assessed,
    at,
    attested,
    codes,
    cost,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    receipt,
    removed,
    result,
    row,
    score_of,
)

EARLIER, LATER = at("2028-01-10T00:00:00+00:00"), at("2028-03-10T00:00:00+00:00")


def points(assessment: Assessment, measure_id: str = "236") -> Decimal | None:
    category = score_of(assessment).tree.parts[0]
    return next(p.value for p in category.parts if p.code == measure_id)


def test_only_what_is_receipted_counts_as_submitted() -> None:
    told = assessed(listed(), quality(stage=Stage.SENT))
    assert (points(told), obligation_of(told, "236").status) == (Decimal(0), "SENT")


def test_the_highest_receipted_revision_replaces_the_lower_one_whole() -> None:
    first = quality(row("236", 90, 10), row("005", 95, 5))
    second = quality(row("236", 90, 10), revision=2)
    told = assessed(listed(), observed(first, EARLIER), observed(second, LATER))
    assert (points(told, "236"), points(told, "005")) == (Decimal(10), Decimal(0))


def test_a_higher_revision_without_receipt_supersedes_nothing() -> None:
    told = assessed(listed(), quality(row("236", 90, 10)), quality(row("236", 10, 90), revision=2, stage=Stage.SENT))
    assert points(told) == Decimal(10)


def test_between_submission_ids_the_one_receipted_last_before_the_deadline_stands() -> None:
    early = observed(quality(row("236", 90, 10), submission_id="a"), EARLIER)
    late = observed(quality(row("236", 10, 90), submission_id="b"), LATER)
    told = assessed(listed(), late, early)
    assert points(told) == 1 + Decimal("5.24") / Decimal("40.52")


def test_between_submission_ids_of_one_instant_the_larger_event_id_stands() -> None:
    smaller = quality(row("236", 90, 10), submission_id="a", event_id="x1")
    larger = quality(row("236", 10, 90), submission_id="b", event_id="x2")
    told = assessed(listed(), larger, smaller)
    assert points(told) == 1 + Decimal("5.24") / Decimal("40.52")


def test_under_two_collection_types_the_one_with_more_points_counts() -> None:
    told = assessed(
        listed(),
        quality(row("236", 90, 10), submission_id="e", collection_type="ECQM"),
        quality(row("236", 10, 90), submission_id="c", collection_type="CQM"),
    )
    assert points(told) == Decimal(10)


def test_scored_beats_no_points_and_no_points_beat_not_scored() -> None:
    incomplete = quality(row("236", 1, 0, eligible_population=100), submission_id="c", collection_type="CQM")
    few = quality(row("236", 5, 0), submission_id="e", collection_type="ECQM")
    assert points(assessed(listed(), incomplete, few)) == Decimal(0)


def test_a_period_other_than_the_year_counts_with_a_finding() -> None:
    told = assessed(listed(), quality(row("236", 90, 10), event_id="q1", period_end=date(2027, 6, 30)))
    assert (points(told), codes(told)) == (Decimal(10), [("q1", "PERIOD_NOT_WHOLE_YEAR")])


def test_of_two_contents_of_one_revision_the_first_received_stands_and_the_other_is_a_conflict() -> None:
    first = observed(quality(row("236", 90, 10), event_id="q1"), EARLIER)
    second = observed(quality(row("236", 10, 90), event_id="q2"), LATER)
    told = assessed(listed(), second, first)
    assert (points(told), codes(told)) == (Decimal(10), [("q2", "CONFLICT")])


def test_of_two_contents_of_one_event_id_the_first_received_stands_and_the_other_is_a_reuse() -> None:
    first = observed(quality(row("236", 90, 10), event_id="q1"), EARLIER)
    second = observed(quality(row("236", 10, 90), event_id="q1", revision=2), LATER)
    told = assessed(listed(), second, first)
    assert (points(told), codes(told)) == (Decimal(10), [("q1", "EVENT_ID_REUSED")])


def test_an_event_id_that_is_reused_for_another_clinician_is_found_too() -> None:
    first = observed(quality(event_id="q1"), EARLIER)
    second = observed(quality(event_id="q1", npi=OTHER_NPI), LATER)
    told = assessed(listed(), listed(npi=OTHER_NPI), second, first)
    assert codes(told) == [("q1", "EVENT_ID_REUSED")]


def test_the_stage_of_a_revision_only_rises() -> None:
    receipted = observed(quality(row("236", 90, 10), event_id="q1", stage=Stage.RECEIPTED), EARLIER)
    prepared = observed(quality(row("236", 90, 10), event_id="q1", stage=Stage.PREPARED), LATER)
    told = assessed(listed(), receipted, prepared)
    assert (points(told), codes(told)) == (Decimal(10), [])


def test_a_withdrawal_counts_when_it_is_receipted() -> None:
    withdrawal = quality(revision=2, action=SubmissionAction.WITHDRAW, measurements=())
    told = assessed(listed(), observed(quality(), EARLIER), observed(withdrawal, LATER))
    assert obligation_of(told, "236").status == "OPEN"


def test_a_withdrawal_that_is_only_sent_changes_nothing() -> None:
    withdrawal = quality(revision=2, action=SubmissionAction.WITHDRAW, measurements=(), stage=Stage.SENT)
    told = assessed(listed(), observed(quality(), EARLIER), observed(withdrawal, LATER))
    assert obligation_of(told, "236").status == "MET"


def test_a_withdrawal_after_the_deadline_changes_nothing_and_is_late() -> None:
    withdrawal = quality(revision=2, action=SubmissionAction.WITHDRAW, measurements=(), event_id="w")
    told = assessed(listed(), observed(quality(), EARLIER), observed(withdrawal, AFTER), as_of=AFTER)
    assert (obligation_of(told, "236").status, codes(told)) == ("MET", [("w", "LATE")])


def test_without_the_receivers_instant_the_append_time_of_the_first_word_of_a_receipt_counts() -> None:
    told = assessed(listed(), observed(quality(), DUE), observed(quality(event_id="again"), IN_WINDOW), as_of=AFTER)
    assert obligation_of(told, "236").status == "MET"


def test_the_receivers_instant_without_a_confirmation_is_ignored_with_a_finding() -> None:
    claimed = quality(event_id="q1", receipted_at=IN_WINDOW)
    told = assessed(listed(), observed(claimed, AFTER), as_of=AFTER)
    assert obligation_of(told, "236").status == "LATE"
    assert codes(told) == [("q1", "LATE"), ("q1", "RECEIPT_WITHOUT_CONFIRMATION")]


def test_proof_that_arrives_late_of_something_receipted_in_time_counts() -> None:
    proven = quality(receipted_at=IN_WINDOW, confirmation="C-1")
    told = assessed(listed(), observed(proven, AFTER), as_of=AFTER)
    assert (obligation_of(told, "236").status, codes(told)) == ("MET", [])


def test_what_arrives_late_is_found_and_never_changes_what_was_accepted() -> None:
    accepted = observed(quality(row("236", 90, 10)), EARLIER)
    late = observed(quality(row("236", 10, 90), revision=2, event_id="late"), AFTER)
    told = assessed(listed(), accepted, late, as_of=AFTER)
    assert (points(told), codes(told)) == (Decimal(10), [("late", "LATE")])


def test_a_receipt_without_revision_proves_the_highest_revision_sent_before_its_instant() -> None:
    first = observed(quality(row("236", 90, 10), stage=Stage.SENT), EARLIER)
    second = observed(quality(row("236", 10, 90), revision=2, stage=Stage.SENT), LATER)
    told = assessed(listed(), first, second, observed(receipt(receipted_at=IN_WINDOW), LATER))
    assert points(told) == Decimal(10)


def test_a_receipt_without_revision_does_not_prove_what_was_only_prepared() -> None:
    prepared = observed(quality(row("236", 90, 10), stage=Stage.PREPARED), EARLIER)
    told = assessed(listed(), prepared, observed(receipt(event_id="r1"), LATER))
    assert (obligation_of(told, "236").status, codes(told)) == ("PREPARED", [("r1", "RECEIPT_UNMATCHED")])


def test_a_receipt_with_a_revision_proves_that_revision() -> None:
    first = quality(row("236", 90, 10), stage=Stage.PREPARED)
    told = assessed(listed(), first, receipt(revision=1))
    assert points(told) == Decimal(10)


def test_a_rejected_revision_is_nothing() -> None:
    told = assessed(
        listed(), quality(stage=Stage.SENT), receipt(event_id="r1", outcome=ReceiptOutcome.REJECTED, revision=1)
    )
    assert (obligation_of(told, "236").status, codes(told)) == ("OPEN", [("r1", "RECEIPT_REJECTED")])


def test_an_acceptance_after_a_rejection_counts_again() -> None:
    rejected = receipt(outcome=ReceiptOutcome.REJECTED, revision=1, receipted_at=EARLIER)
    told = assessed(listed(), quality(stage=Stage.SENT), rejected, receipt(revision=1, receipted_at=LATER))
    assert obligation_of(told, "236").status == "MET"


def test_a_rejection_after_the_deadline_changes_nothing() -> None:
    rejected = receipt(outcome=ReceiptOutcome.REJECTED, revision=1, receipted_at=AFTER, event_id="r1")
    told = assessed(listed(), observed(quality(), EARLIER), observed(rejected, AFTER), as_of=AFTER)
    assert obligation_of(told, "236").status == "MET"
    assert codes(told) == [("r1", "LATE"), ("r1", "RECEIPT_REJECTED")]


def test_a_receipt_for_nothing_known_is_a_finding() -> None:
    told = assessed(listed(), receipt(submission_id="unknown", event_id="r1"))
    assert codes(told) == [("r1", "RECEIPT_UNMATCHED")]


def test_any_accepted_individual_measure_takes_the_whole_category_to_the_individual_level() -> None:
    own = quality(row("005", 1, 0, eligible_population=100))
    group = quality(row("236", 90, 10), npi=None, submission_id="g")
    told = assessed(listed(small_practice=True, solo=False), own, group)
    assert (points(told, "236"), points(told, "005")) == (Decimal(0), Decimal(0))
    assert [r.code for r in score_of(told).tree.parts[0].reasons] == ["GROUP_SHADOWED"]


def test_group_quality_counts_for_a_small_practice() -> None:
    group = quality(row("236", 90, 10), npi=None)
    told = assessed(listed(small_practice=True, solo=False), group)
    assert (points(told), codes(told)) == (Decimal(10), [])
    assert [r.code for r in score_of(told).tree.parts[0].reasons] == ["GROUP_DATA"]


def test_group_quality_of_a_practice_that_is_not_small_is_kept_and_does_not_count() -> None:
    group = quality(row("236", 90, 10), npi=None, event_id="g1")
    told = assessed(listed(), group)
    assert (points(told), codes(told)) == (Decimal(0), [("g1", "GROUP_NOT_ALLOWED")])


def test_group_quality_is_judged_again_when_the_roster_changes() -> None:
    before = observed(listed(), EARLIER)
    after = observed(listed(small_practice=True, solo=False), LATER)
    told = assessed(before, after, quality(row("236", 90, 10), npi=None))
    assert (points(told), codes(told)) == (Decimal(10), [])


def test_the_final_list_beats_the_preliminary_one_whenever_it_came() -> None:
    final = observed(listed(cohort="LOW_BACK_PAIN"), EARLIER)
    preliminary = observed(listed(list=ParticipantList.PRELIMINARY), LATER)
    assert score_of(assessed(preliminary, final)).cohort == "LOW_BACK_PAIN"


def test_of_two_listings_on_one_list_the_later_received_stands() -> None:
    first, second = observed(listed(), EARLIER), observed(listed(cohort="LOW_BACK_PAIN"), LATER)
    assert score_of(assessed(second, first)).cohort == "LOW_BACK_PAIN"


def test_who_is_not_eligible_has_no_score_and_owes_nothing() -> None:
    told = assessed(listed(eligible=False), quality(row("236", 90, 10)))
    score = score_of(told)
    assert (score.final_score, [r.code for r in score.tree.reasons]) == (None, ["NOT_ELIGIBLE"])
    assert {o.status for o in told.obligations} == {"NOT_REQUIRED"}


def test_a_removal_holds_until_a_later_listing() -> None:
    told = assessed(observed(listed(), EARLIER), observed(removed(), LATER))
    assert score_of(told).final_score is None
    again = assessed(observed(listed(), EARLIER), observed(removed(), IN_WINDOW), observed(listed(), LATER))
    assert score_of(again).final_score == Decimal(0)


def test_a_cohort_that_the_roster_has_left_is_not_required_any_more() -> None:
    told = assessed(observed(listed(), EARLIER), observed(listed(cohort="LOW_BACK_PAIN"), LATER))
    assert (obligation_of(told, "236").status, obligation_of(told, "134").status) == ("NOT_REQUIRED", "OPEN")


def test_results_are_merged_part_by_part_and_the_more_settled_stands() -> None:
    told = assessed(
        listed(),
        observed(result(status=ResultStatus.FINAL, cost_measure=cost(score=Decimal(8))), EARLIER),
        observed(result(status=ResultStatus.PRELIMINARY, cost_measure=cost(score=Decimal(2))), LATER),
        observed(result(status=ResultStatus.PRELIMINARY, claims_measure=admissions()), EARLIER),
    )
    tree = score_of(told).tree
    assert (tree.parts[1].value, points(told, "492")) == (Decimal(80), Decimal(10))


def test_a_reconsidered_result_supersedes_a_final_one() -> None:
    told = assessed(
        listed(),
        observed(result(status=ResultStatus.RECONSIDERED, cost_measure=cost(score=Decimal(9))), EARLIER),
        observed(result(status=ResultStatus.FINAL, cost_measure=cost(score=Decimal(2))), LATER),
    )
    assert score_of(told).tree.parts[1].value == Decimal(90)


def test_a_measure_of_another_cohort_never_counts_also_not_for_minimum_submission() -> None:
    told = assessed(listed(), quality(row("134", 90, 10), event_id="q1"), result(cost_measure=cost()))
    assert (score_of(told).final_score, codes(told)) == (Decimal(0), [("q1", "MEASURE_OF_OTHER_COHORT")])


def test_377_as_a_cqm_never_counts() -> None:
    told = assessed(listed(), quality(row("377", 90, 10), event_id="q1", collection_type="CQM"))
    assert (obligation_of(told, "377").status, codes(told)) == ("OPEN", [("q1", "COLLECTION_TYPE_NOT_ALLOWED")])


def test_the_latest_receipted_set_of_the_tin_stands() -> None:
    worse = observed(pi_set({"PI_EP_1": (1, 10)}, submission_id="b"), LATER)
    told = assessed(listed(), observed(pi_set(submission_id="a"), EARLIER), worse)
    assert score_of(told).tree.parts[3].value == Decimal("-0.9")


def test_a_later_no_for_an_activity_stands_over_an_earlier_yes() -> None:
    yes = observed(attested("ASM_IA_1"), EARLIER)
    no = observed(attested("ASM_IA_1", attestation_id="other", answer=False), LATER)
    told = assessed(listed(), yes, no, attested("ASM_IA_2"))
    assert (score_of(told).tree.parts[2].value, obligation_of(told, "ASM_IA_1").status) == (Decimal(-10), "AT_RISK")


def test_of_a_statement_told_twice_differently_the_later_received_stands_with_a_finding() -> None:
    inside = observed(pi_set(event_id="p1"), EARLIER)
    separate = observed(attested("PI_PPHI_1", answer=False), LATER)
    told = assessed(listed(), inside, separate)
    assert (score_of(told).tree.parts[3].value, codes(told)) == (Decimal(-10), [("p1", "STATEMENT_DISAGREES")])


def test_a_separate_statement_completes_a_set_that_lacks_it() -> None:
    told = assessed(listed(), pi_set({"PI_PPHI_1": None}), attested("PI_PPHI_1"))
    assert (score_of(told).tree.parts[3].value, codes(told)) == (Decimal(0), [])


def test_a_clinician_under_the_tin_of_whom_the_roster_knows_nothing_waits_for_it() -> None:
    waiting = quality(event_id="q9", npi=OTHER_NPI)
    told = assessed(listed(), waiting)
    assert ([s.npi for s in told.scores], codes(told)) == ([NPI], [("q9", "NOT_ON_ROSTER")])
    arrived = assessed(listed(), waiting, listed(npi=OTHER_NPI))
    assert ([s.npi for s in arrived.scores], codes(arrived)) == ([NPI, OTHER_NPI], [])


def test_what_a_tin_reports_before_anybody_is_listed_is_found_and_applied_later() -> None:
    told = assessed(attested("ASM_IA_1", event_id="a1"))
    assert (told.scores, told.obligations, codes(told)) == ((), (), [("a1", "NOT_ON_ROSTER")])
    assert obligation_of(assessed(attested("ASM_IA_1"), listed()), "ASM_IA_1").status == "MET"
