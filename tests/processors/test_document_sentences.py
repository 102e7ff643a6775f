"""Sentences of the law about documents: what stands, what a receipt proves, when a period has begun."""

from dataclasses import replace
from decimal import Decimal

import pytest

from processors.assessment import Assessment
from processors.events import Measurement, YearEvent
from processors.vocabulary import AttestationAction, ReceiptOutcome, ResultStatus, Stage, SubmissionAction
from tests.making import (
    AFTER,
    IN_WINDOW,
    assessed,
    at,
    attested,
    codes,
    cost,
    listed,
    obligation_of,
    observed,
    quality,
    receipt,
    result,
    row,
    score_of,
)

EARLIER, LATER = at("2028-01-10"), at("2028-03-10")


def points(assessment: Assessment, measure_id: str = "236") -> Decimal | None:
    return next(p.value for p in score_of(assessment).tree.parts[0].parts if p.code == measure_id)


def test_each_measure_of_an_entity_stands_or_falls_alone() -> None:
    both = observed(quality(row("236", 90, 10), row("005", 100, 0), submission_id="a"), EARLIER)
    one = observed(quality(row("236", 1, 99), submission_id="b"), LATER)
    told = assessed(listed(), both, one)
    assert (points(told, "236"), points(told, "005")) == (Decimal(1), Decimal(10))


def test_the_submission_receipted_last_stands_whatever_the_order_of_the_ids() -> None:
    later = observed(quality(row("236", 90, 10), submission_id="a"), LATER)
    earlier = observed(quality(row("236", 1, 99), submission_id="b"), EARLIER)
    assert points(assessed(listed(), earlier, later)) == Decimal(10)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (row("236", 90, 10), row("236", 30, 70)),
        (row("236", 1, 99), row("236", 1, 0, eligible_population=100)),
        (row("236", 1, 99), row("236", 5, 0)),
        (row("236", 1, 0, eligible_population=100), row("236", 5, 0)),
    ],
    ids=["more points", "scored beats no points", "scored beats not scored", "no points beat not scored"],
)
@pytest.mark.parametrize("types", [("ECQM", "CQM"), ("CQM", "ECQM")])
def test_under_two_collection_types_the_better_counts(
    better: Measurement, worse: Measurement, types: tuple[str, str]
) -> None:
    good = quality(better, submission_id="g", collection_type=types[0])
    bad = quality(worse, submission_id="b", collection_type=types[1])
    assert points(assessed(listed(), good, bad)) == points(assessed(listed(), good))


def test_what_is_said_of_submissions_holds_for_attestations() -> None:
    yes = observed(attested("ASM_IA_1"), EARLIER)
    no = attested("ASM_IA_1", revision=2, answer=False, stage=Stage.SENT)
    withdrawal = attested("ASM_IA_1", revision=2, action=AttestationAction.WITHDRAW)
    told = [
        assessed(listed(), *events, as_of=AFTER)
        for events in (
            (yes,),
            (yes, observed(no, LATER)),
            (yes, observed(replace(no, stage=Stage.RECEIPTED), LATER)),
            (yes, observed(withdrawal, LATER)),
            (yes, observed(withdrawal, AFTER)),
        )
    ]
    assert [obligation_of(t, "ASM_IA_1").status for t in told] == ["MET", "MET", "MISSED", "MISSED", "MET"]


def test_of_two_contents_received_at_one_instant_the_smaller_hash_stands() -> None:
    told = [observed(quality(row("236", met, 100 - met), event_id=f"q{met}"), EARLIER) for met in (90, 1)]
    first, second = sorted(told, key=lambda each: each.content)
    assessment = assessed(listed(), second, first)
    assert points(assessment) == points(assessed(listed(), first))
    assert codes(assessment) == [(second.event.event_id, "CONFLICT")]


def test_stage_and_confirmation_are_not_content() -> None:
    sent = observed(quality(row("236", 90, 10), stage=Stage.SENT), EARLIER)
    known = observed(quality(row("236", 90, 10), confirmation="C-9", receipted_at=IN_WINDOW), LATER)
    told = assessed(listed(), sent, known)
    assert (points(told), codes(told)) == (Decimal(10), [])


@pytest.mark.parametrize(("minutes", "status"), [(1, "MET"), (0, "SENT"), (-1, "SENT")])
def test_a_receipt_without_revision_proves_only_what_was_sent_before_its_instant(minutes: int, status: str) -> None:
    sent = observed(quality(stage=Stage.SENT), EARLIER.replace(minute=30))
    proof = receipt(receipted_at=EARLIER.replace(minute=30 + minutes))
    assert obligation_of(assessed(listed(), sent, proof), "236").status == status


@pytest.mark.parametrize("better", range(1, 4))
def test_results_rank_reconsidered_final_preliminary_estimate(better: int) -> None:
    ranks = [ResultStatus.ESTIMATE, ResultStatus.PRELIMINARY, ResultStatus.FINAL, ResultStatus.RECONSIDERED]
    stands = observed(result(status=ranks[better], cost_measure=cost(score=Decimal(9))), EARLIER)
    later = observed(result(status=ranks[better - 1], cost_measure=cost(score=Decimal(2))), LATER)
    assert score_of(assessed(listed(), stands, later)).tree.parts[1].value == Decimal(90)


def test_a_preliminary_result_is_owed_no_more_and_an_estimate_still_is() -> None:
    stakes = [
        obligation_of(assessed(listed(), quality(), result(status=status, cost_measure=cost())), "COST_HF_1")
        for status in (ResultStatus.ESTIMATE, ResultStatus.PRELIMINARY)
    ]
    assert [stake.points_at_stake > 0 for stake in stakes] == [True, False]


def test_an_attestation_without_dates_announces_no_beginning_of_a_period() -> None:
    without = attested(period_start=None, period_end=None, stage=Stage.PREPARED)
    told = assessed(listed(), without, as_of=at("2027-05-01"))
    assert told.next_change_at == assessed(listed(), as_of=at("2027-05-01")).next_change_at


def test_an_acceptance_and_a_rejection_of_one_instant_leave_it_accepted() -> None:
    words = [
        receipt(event_id=str(o), outcome=o, revision=1) for o in (ReceiptOutcome.ACCEPTED, ReceiptOutcome.REJECTED)
    ]
    for order in (words, words[::-1]):
        assert obligation_of(assessed(listed(), quality(stage=Stage.SENT), *order), "236").status == "MET"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ((), "MET"),
        ((quality(revision=2, action=SubmissionAction.WITHDRAW, measurements=()),), "MISSED"),
        ((receipt(outcome=ReceiptOutcome.REJECTED, revision=1),), "MISSED"),
        ((quality(row("236", 1, 0, eligible_population=100), revision=2),), "AT_RISK"),
        ((quality(row("236", 5, 0), revision=2),), "MET"),
    ],
    ids=["accepted", "withdrawn", "rejected", "incomplete", "complete and not scored"],
)
def test_after_the_deadline_what_is_withdrawn_or_rejected_is_missed_and_incomplete_data_stay_at_risk(
    more: tuple[YearEvent, ...], status: str
) -> None:
    told = assessed(listed(), observed(quality(), EARLIER), *more, as_of=AFTER)
    assert obligation_of(told, "236").status == status


@pytest.mark.parametrize(
    ("start", "status"), [("2027-07-04", "OPEN"), ("2027-07-05", "OPEN"), ("2027-07-06", "AT_RISK")]
)
def test_a_period_has_begun_by_a_statement_of_any_stage_too(start: str, status: str) -> None:
    statement = attested("PI_PPHI_1", period_start=at(start).date(), period_end=None, stage=Stage.PREPARED)
    told = assessed(listed(), statement, as_of=at("2027-07-10"))
    assert obligation_of(told, "PROMOTING_INTEROPERABILITY").status == status


@pytest.mark.parametrize(("as_of", "status"), [("2027-10-04", "OPEN"), ("2027-10-05", "AT_RISK")])
def test_an_activity_whose_period_is_still_to_come_has_not_begun(as_of: str, status: str) -> None:
    no = attested("ASM_IA_1", answer=False, stage=Stage.PREPARED, period_start=at("2027-11-01").date())
    assert obligation_of(assessed(listed(), no, as_of=at(as_of)), "ASM_IA_1").status == status
