"""Each finding has a test: what it is about, and that it costs nobody else anything."""

from datetime import date
from decimal import Decimal

import pytest

from processors.assessment import assess_without_rulebook
from processors.claims import ledger_findings
from processors.events import YearEvent
from processors.ledger import Ledger, fold_claim
from processors.vocabulary import AttestationAction, ClaimAction, ReceiptOutcome, Stage, SubmissionAction
from tests.making import (
    DUE,
    IN_WINDOW,
    OTHER_NPI,
    TIN,
    TOKEN,
    assessed,
    attested,
    claim,
    codes,
    facts,
    keep,
    listed,
    observed,
    pi_set,
    quality,
    receipt,
    row,
    score_of,
)

LISTED = listed(event_id="l1", small_practice=True, solo=False)
WITHOUT_HIE = {"PI_HIE_1": None, "PI_HIE_4": None}
CASES: list[tuple[str, str | None, YearEvent]] = [
    ("UNKNOWN_CATEGORY", "category", quality(category="COST")),
    ("UNKNOWN_MEASURE", "measurements[999]", quality(row("999"))),
    ("UNKNOWN_MEASURE", "measurements[PI_X_1]", pi_set({"PI_X_1": True})),
    ("UNKNOWN_ACTIVITY", "activity_id", attested("IA_EPA_1")),
    ("MEASURE_OF_OTHER_COHORT", "measurements[134]", quality(row("134"))),
    ("COLLECTION_TYPE_NOT_ALLOWED", "measurements[377]", quality(row("377"), collection_type="CQM")),
    ("COLLECTION_TYPE_NOT_ALLOWED", "measurements[492]", quality(row("492"))),
    ("COLLECTION_TYPE_MISSING", "collection_type", quality(collection_type=None)),
    ("DUPLICATE_MEASUREMENT", "measurements[236]", quality(row("236"), row("236", 1, 2))),
    ("WRONG_LEVEL", "npi", pi_set(npi=LISTED.npi)),
    ("PERIOD_OUTSIDE_YEAR", "period_start", pi_set(period_start=date(2026, 12, 31), period_end=date(2027, 12, 31))),
    ("PERIOD_OUTSIDE_YEAR", "period_start", attested(period_end=date(2028, 1, 1))),
    ("PERIOD_NOT_WHOLE_YEAR", "period_start", quality(period_start=date(2027, 2, 1))),
    ("PERIOD_TOO_SHORT", "period_end", attested(period_end=date(2027, 3, 2))),
    ("PERIOD_TOO_SHORT", "period_end", pi_set(period_end=date(2027, 3, 2))),
    ("MEASURE_WITH_EXCLUSION", "measurements[PI_EP_1]", pi_set({"PI_LVPP_1": True})),
    ("SUBSTITUTES_TOGETHER", "measurements[PI_HIE_5]", pi_set({**WITHOUT_HIE, "PI_HIE_5": True, "PI_HIE_6": True})),
    ("ENGAGEMENT_LEVELS_TOGETHER", "measurements[PI_PHCDRR_1_PRE]", pi_set({"PI_PHCDRR_1_PRE": True})),
    ("CEHRT_ID_MISSING", "cehrt_id", pi_set(cehrt_id=None)),
    ("CEHRT_ID_INVALID", "cehrt_id", pi_set(cehrt_id="0015EABCDEFGH12")),
    ("ELEMENTS_MISSING", "elements", attested("ASM_IA_1", elements=())),
    ("ARRANGEMENT_MISSING", "arrangement", attested("ASM_IA_2", arrangement=None)),
    ("NOT_ALL_PARTICIPANTS", "covers_all_participants", attested(covers_all_participants=False)),
    ("RECEIPT_UNMATCHED", None, receipt(submission_id="unknown")),
    ("RECEIPT_UNMATCHED", None, receipt(attestation_id="unknown")),
    ("UNKNOWN_SYMBOL", "action", quality(action=SubmissionAction.UNKNOWN)),
    ("UNKNOWN_SYMBOL", "stage", quality(stage=Stage.UNKNOWN)),
    ("UNKNOWN_SYMBOL", "action", attested(action=AttestationAction.UNKNOWN)),
    ("NOT_ON_ROSTER", None, quality(npi=OTHER_NPI)),
]


@pytest.mark.parametrize(("code", "where", "event"), CASES, ids=[f"{code} {where}" for code, where, _ in CASES])
def test_what_is_wrong_is_found_once_where_it_is(code: str, where: str | None, event: YearEvent) -> None:
    findings = assessed(LISTED, event).findings
    assert [(f.code, f.field, f.event.event_id) for f in findings] == [(code, where, event.event_id)]


def test_two_faults_of_one_kind_in_one_set_are_two_findings() -> None:
    told = assessed(LISTED, pi_set({"PI_PHCDRR_1_PRE": True, "PI_PHCDRR_3_PROD": True}))
    assert [f.field for f in told.findings] == ["measurements[PI_PHCDRR_1_PRE]", "measurements[PI_PHCDRR_3_PRE]"]


def test_an_unreadable_stratum_is_found_and_the_measure_does_not_count() -> None:
    backs = listed(cohort="LOW_BACK_PAIN", small_practice=True, solo=False)
    told = assessed(backs, quality(row("238", stratum="appropriateDiagnosis"), event_id="q1"))
    assert codes(told) == [("q1", "STRATUM_MISSING")]


def test_a_receipt_with_an_unknown_outcome_is_found_and_proves_nothing() -> None:
    unknown = receipt(event_id="r1", outcome=ReceiptOutcome.UNKNOWN, revision=1)
    told = assessed(LISTED, quality(stage=Stage.SENT), unknown)
    assert (codes(told), {o.status for o in told.obligations if o.item.item == "236"}) == (
        [("r1", "UNKNOWN_SYMBOL")],
        {"SENT"},
    )


def test_a_receipt_without_a_confirmation_is_found() -> None:
    told = assessed(LISTED, quality(stage=Stage.SENT), receipt(event_id="r1", confirmation=None, revision=1))
    assert codes(told) == [("r1", "RECEIPT_WITHOUT_CONFIRMATION")]


def test_a_roster_that_does_not_say_whether_a_small_practice_is_solo_is_found() -> None:
    told = assessed(listed(event_id="l1", small_practice=True))
    assert (codes(told), score_of(told).tree.parts[5].value) == ([("l1", "SOLO_UNKNOWN")], Decimal(0))


def test_a_roster_whose_flags_disagree_is_found() -> None:
    assert codes(assessed(listed(event_id="l1", solo=True))) == [("l1", "SOLO_DISAGREES")]


def test_a_cohort_that_the_rulebook_does_not_know_is_found_and_gives_no_score() -> None:
    told = assessed(listed(event_id="l1", cohort="KIDNEY"))
    assert (codes(told), score_of(told).final_score, told.obligations[0].status) == (
        [("l1", "UNKNOWN_COHORT")],
        None,
        "NOT_REQUIRED",
    )


def test_an_identifier_of_a_test_file_is_found_once_a_record() -> None:
    told = assessed(listed(event_id="l1", npi="9876543210"), quality(event_id="q1", npi="9876543210"))
    assert codes(told) == [("l1", "TEST_IDENTIFIER")]


def test_an_event_of_a_year_without_a_rulebook_is_found() -> None:
    told = assess_without_rulebook(facts(quality(event_id="q1")))
    assert (codes(told), told.scores, told.obligations) == ([("q1", "WRONG_YEAR")], (), ())


def test_a_finding_about_a_revision_ends_when_a_higher_one_is_receipted() -> None:
    wrong, right = quality(row("999"), event_id="q1"), quality(row("236"), event_id="q2", revision=2)
    assert codes(assessed(LISTED, wrong)) == [("q1", "UNKNOWN_MEASURE")]
    assert codes(assessed(LISTED, wrong, right)) == []


def test_what_arrives_exactly_at_the_due_instant_is_late() -> None:
    told = assessed(LISTED, observed(quality(event_id="q1"), DUE), as_of=DUE)
    assert codes(told) == [("q1", "LATE")]


def test_a_set_of_another_cohorts_measures_from_a_mixed_practice_is_no_finding() -> None:
    backs = listed(event_id="l2", npi=OTHER_NPI, cohort="LOW_BACK_PAIN", small_practice=True, solo=False)
    group = quality(row("236"), row("134"), npi=None)
    assert codes(assessed(LISTED, backs, group)) == []


def test_a_conflict_between_claims_and_a_reused_event_id_are_told_apart() -> None:
    ledger = Ledger(tin=TIN, beneficiary=TOKEN)
    for event_id, claim_id, diagnosis in (("a", "C1", "I5020"), ("b", "C1", "I110"), ("c", "C2", "M545")):
        ledger = fold_claim(ledger, observed(claim(event_id=event_id, claim_id=claim_id, diagnoses=(diagnosis,))), keep)
    again = observed(claim(event_id="c", claim_id="C2", diagnoses=("M518",)), IN_WINDOW.replace(year=2029))
    found = {(f.event.event_id, f.code, f.field) for f in ledger_findings(fold_claim(ledger, again, keep))}
    losers = {"a", "b"} & {event_id for event_id, code, _ in found if code == "CONFLICT"}
    assert (len(losers), found - {(loser, "CONFLICT", "version") for loser in losers}) == (
        1,
        {("c", "EVENT_ID_REUSED", "event_id")},
    )


def test_a_claim_whose_action_is_not_known_is_found() -> None:
    unknown = observed(claim(event_id="a", action=ClaimAction.UNKNOWN, lines=()))
    ledger = fold_claim(Ledger(tin=TIN, beneficiary=TOKEN), unknown, keep)
    assert [(f.event.event_id, f.code) for f in ledger_findings(ledger)] == [("a", "UNKNOWN_SYMBOL")]
