"""The simulated world is decided by its seed, and has in it what practices and feeds do."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from processors.assessment import assess
from processors.events import AttestationReceived, ClaimReceived, Event, ReceiptReceived, SubmissionReceived
from processors.facts import PracticeYear, empty_year, fold
from processors.simulated_faults import faults_among
from processors.simulated_reports import Desk, reports_of
from processors.simulated_world import SimulatedPractice, Timed, practices
from processors.simulation import simulate
from processors.vocabulary import Stage
from tests.making import AFTER, IN_WINDOW, claim, observed, quality, receipt, rulebook

RULES = rulebook()
DUE = RULES.submission.due_instant


def practice(manner: str, cohort: str = "HEART_FAILURE", size: int = 20) -> SimulatedPractice:
    """One practice that goes about reporting in a manner."""
    (made,) = list(practices(Random(1), 1, (cohort,)))  # noqa: S311 - a world, not a secret
    return replace(made, manner=manner, clinicians=made.clinicians * size)


def reports(manner: str, cohort: str = "HEART_FAILURE") -> list[Timed[Event]]:
    """What practices of a manner report."""
    return [
        told
        for seed in range(40)
        for told in reports_of(Desk(practice=practice(manner, cohort, 1), chance=Random(seed), rulebook=RULES))  # noqa: S311
    ]


def test_the_seed_decides_everything() -> None:
    assert simulate(5, 6, RULES) == simulate(5, 6, RULES)
    assert simulate(5, 6, RULES) != simulate(6, 6, RULES)


def test_the_diligent_are_receipted_before_the_deadline() -> None:
    receipts = [t.event for t in reports("diligent") if isinstance(t.event, ReceiptReceived)]
    assert receipts
    assert {receipt.receipted_at < DUE for receipt in receipts} == {True}


def test_the_late_are_receipted_on_either_side_of_it() -> None:
    receipts = [t.event for t in reports("late") if isinstance(t.event, ReceiptReceived)]
    assert {receipt.receipted_at < DUE for receipt in receipts} == {True, False}


def test_the_unproven_send_in_time_and_some_proofs_turn_up_after_the_deadline() -> None:
    told = reports("unproven")
    sent = [t for t in told if not isinstance(t.event, ReceiptReceived)]
    proofs = [t for t in told if isinstance(t.event, ReceiptReceived)]
    assert 0 < len(proofs) < len([t for t in sent if getattr(t.event, "stage", None) is Stage.SENT])
    assert {t.received_at < DUE for t in sent} == {True}
    assert {
        (t.received_at > DUE, t.event.receipted_at < DUE) for t in proofs if isinstance(t.event, ReceiptReceived)
    } == {(True, True)}


@pytest.mark.parametrize("cohort", ["HEART_FAILURE", "LOW_BACK_PAIN"])
def test_the_sloppy_make_each_mistake_and_correct_most(cohort: str) -> None:
    told = [t.event for t in reports("sloppy", cohort)]
    first = [e for e in told if isinstance(e, SubmissionReceived) and e.revision == 4]
    assert {m.measure_id for e in first for m in e.measurements} >= {"999", "134"}
    assert any(
        m.eligible_population == 2 * ((m.performance_met or 0) + (m.performance_not_met or 0))
        for e in first
        for m in e.measurements
        if m.eligible_population
    )
    assert {e.cehrt_id is None for e in first if e.category == "PROMOTING_INTEROPERABILITY"} == {True}
    assert {e.answer for e in told if isinstance(e, AttestationReceived)} == {True, False}
    corrected = [e for e in told if isinstance(e, SubmissionReceived) and e.revision == 5]
    assert 0 < len(corrected) < len(first)


def test_the_forgetful_leave_much_out() -> None:
    assert 0 < len(reports("forgetful")) < len(reports("diligent"))


def test_faults_are_of_every_kind_and_under_ids_of_their_own() -> None:
    told: list[Timed[Event]] = [Timed(IN_WINDOW, quality(event_id=f"q{n}")) for n in range(300)]
    told += [Timed(IN_WINDOW, claim(event_id=f"c{n}")) for n in range(300)]
    wrong = [t.event for t in faults_among(told, Random(1))]  # noqa: S311
    assert Counter(type(event) for event in wrong) == {SubmissionReceived: 5, ClaimReceived: 2}
    assert {event.event_id[:6] for event in wrong} == {"wrong-"}
    claims = [e for e in wrong if isinstance(e, ClaimReceived)]
    assert [(c.beneficiary == claim().beneficiary, c.diagnoses) for c in claims] == [
        (True, ("Z999",)),
        (False, ("I5020",)),
    ]
    with_receipt = list(faults_among([*told, Timed(IN_WINDOW, receipt())], Random(1)))[-1]  # noqa: S311
    assert isinstance(with_receipt.event, ReceiptReceived)
    assert (with_receipt.event.submission_id, with_receipt.event.attestation_id) == (None, None)


def test_a_world_after_its_deadline_has_what_is_met_missed_late_and_unproven() -> None:
    years: dict[object, PracticeYear] = {}
    for timed in simulate(7, 120, RULES):
        if getattr(timed.event, "performance_year", None) == RULES.performance_year:
            year = years.get(timed.event.tin) or empty_year(timed.event.tin, RULES.performance_year)
            years[timed.event.tin] = fold(year, observed(timed.event, timed.received_at))
    told = [assess(year, RULES, AFTER - timedelta(hours=12)) for year in years.values()]
    statuses = {o.status for assessment in told for o in assessment.obligations}
    assert statuses >= {"MET", "MISSED", "LATE", "UNPROVEN", "AT_RISK", "NOT_REQUIRED"}
