"""The sentence about each kind of obligation, at each stage, and when it is resolved: whole."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from processors.announced import AnnouncedObligation
from processors.assessment import Assessment
from processors.events import FinalResult, ReceiptError
from processors.gaps import Gap
from processors.obligations import Status
from processors.output_views import obligation_view
from processors.outputs import Alert
from processors.sentences import Names, Told, sentence, to_do_of
from processors.vocabulary import ReadinessState, ReceiptOutcome, ResultStatus, Stage
from tests.making import (
    AFTER,
    DUE,
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    TIN,
    assessed,
    at,
    attested,
    channel,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    readiness,
    receipt,
    relief,
    result,
    row,
    rulebook,
)

NAMES = Names(name="Ilse Ode", organization="Ode PC", practice_alias="north")
PERSON, PRACTICE = f"Ilse Ode, NPI {NPI}, Ode PC (north): ", "Ode PC (north): "
ACE = "Measure 005: ACE inhibitor, ARB or ARNI therapy for LVSD"
IA_1 = "Improvement activity ASM_IA_1: Connecting to primary care and ensuring completion of HRSN screening"
PI = "Promoting Interoperability set"
REPORT = "Report it, and have it receipted before the deadline."
PASSED = "The deadline has passed: nothing that is sent now counts."
SMALL = listed(event_id="l1")


def told(assessment: Assessment, item: str, fired: Alert = Alert.NONE) -> Told:
    last = AnnouncedObligation(digest="", revision=1, alert=fired, troubles=0)
    return Told.of(obligation_view(obligation_of(assessment, item), last))


def line(assessment: Assessment, item: str, as_of: datetime, fired: Alert = Alert.NONE) -> str:
    return sentence(told(assessment, item, fired), NAMES, as_of)


def stages() -> Sequence[tuple[str, datetime]]:
    return [(s.stage, s.at) for s in rulebook().submission.stages]


def test_a_measure_that_is_not_submitted_is_told_with_its_points_and_days_at_each_stage() -> None:
    open_ = f"{PERSON}{ACE} is not submitted. 10 points at stake for 1 clinician; "
    lines = {stage: line(assessed(SMALL, as_of=instant), "005", instant) for stage, instant in stages()}
    assert lines == {
        "T_90": f"{open_}90 days left. {REPORT}",
        "T_60": f"{open_}60 days left. {REPORT}",
        "T_30": f"{open_}30 days left. {REPORT}",
        "T_14": f"{open_}14 days left. {REPORT}",
        "T_7": f"{open_}7 days left. {REPORT}",
        "T_3": f"{open_}3 days left. {REPORT}",
        "T_1": f"{open_}1 day left. {REPORT}",
        "DUE": f"{open_}20 hours left. {REPORT}",
        "PAST": f"{PERSON}{ACE} was not submitted in time. No points can be saved any more. {PASSED}",
    }


def test_what_is_under_way_says_how_far_it_is() -> None:
    sent_at = at("2028-01-30")
    made: dict[str, Any] = {
        "prepared": quality(row("005"), stage=Stage.PREPARED),
        "sent": observed(quality(row("005"), stage=Stage.SENT), sent_at),
        "too few": quality(row("005", 1, 0, eligible_population=100)),
    }
    lines = {name: line(assessed(SMALL, event), "005", IN_WINDOW) for name, event in made.items()}
    stake = "10 points at stake for 1 clinician; 59 days left."
    assert lines == {
        "prepared": f"{PERSON}{ACE} is prepared, and not sent. {stake} Send what is prepared, and keep the receipt.",
        "sent": f"{PERSON}{ACE} is sent, and not receipted. {stake} "
        "Ask the receiver for the receipt; without one it does not count.",
        "too few": f"{PERSON}{ACE} is at risk. 1 of 100 eligible cases reported: below the least completeness. {stake} "
        "Correct what is missing and send it again before the deadline.",
    }


def test_a_missed_receipt_and_a_rejection_are_told_in_the_words_of_the_gap() -> None:
    sent = observed(quality(row("005"), stage=Stage.SENT), at("2028-01-10"))
    no = receipt(outcome=ReceiptOutcome.REJECTED, revision=1, errors=(ReceiptError(path="/measures/0", code="E7"),))
    stake = "10 points at stake for 1 clinician; 59 days left."
    assert line(assessed(SMALL, sent), "005", IN_WINDOW) == (
        f"{PERSON}{ACE} is sent, and not receipted. Sent more than 3 days ago, and not receipted. {stake} "
        "Ask the receiver for the receipt; without one it does not count."
    )
    assert line(assessed(SMALL, sent, no), "005", IN_WINDOW) == (
        f"{PERSON}{ACE} is not submitted. The receiver rejected it: E7 at /measures/0. {stake} "
        "Correct what the receiver rejected, and send it again before the deadline."
    )


def test_after_the_deadline_what_can_still_be_proved_is_told_apart_from_what_is_lost() -> None:
    sent = observed(quality(row("005"), stage=Stage.SENT), at("2028-03-20"))
    late = observed(quality(row("005"), stage=Stage.SENT), AFTER)
    assert line(assessed(SMALL, sent, as_of=AFTER), "005", AFTER).startswith(
        f"{PERSON}{ACE} was sent, and nothing proves that it was received in time. "
    )
    assert line(assessed(SMALL, late, as_of=AFTER + timedelta(days=1)), "005", AFTER) == (
        f"{PERSON}{ACE} came after the deadline. No points can be saved any more; the deadline has passed. "
        "It came after the deadline; only proof of an earlier receipt would count."
    )


def test_what_the_practice_must_attest_is_told_of_the_practice_and_of_all_whom_it_costs() -> None:
    other = listed(event_id="l2", npi=OTHER_NPI)
    both = assessed(SMALL, other, pi_set({"PI_EP_1": None}))
    stake = "Up to 10 points at stake for each of 2 clinicians; 59 days left."
    assert line(both, "ASM_IA_1", IN_WINDOW) == (
        f"{PRACTICE}{IA_1} is at risk. {stake} "
        "Attest a period that has run, or begin one: the last day for a full period has passed."
    )
    assert line(both, "PROMOTING_INTEROPERABILITY", IN_WINDOW) == (
        f"{PRACTICE}{PI} is at risk. PI_EP_1 (e-Prescribing) is missing, or without a case in its numerator. {stake} "
        "Correct what is missing and send it again before the deadline."
    )
    early = at("2027-06-01")
    assert line(assessed(SMALL, as_of=early), "ASM_IA_1", early) == (
        f"{PRACTICE}{IA_1} is not attested. 10 points at stake for 1 clinician; 305 days left. {REPORT}"
    )


def test_an_attested_yes_without_its_evidence_says_what_an_audit_would_miss() -> None:
    told_yes = attested("ASM_IA_1", elements=("PRIMARY_CARE_ACCESS",))
    assert line(assessed(SMALL, told_yes), "ASM_IA_1", IN_WINDOW) == (
        f"{PRACTICE}{IA_1} is at risk. 1 of at least 3 elements attested; not attested: PRIMARY_CARE_FEEDBACK, "
        "HRSN_SCREENING. No points at stake; 59 days left. It counts; complete the evidence, or it does not stand an "
        "audit."
    )


def test_the_checklist_and_the_notice_of_an_error_have_words_of_their_own() -> None:
    done = readiness(item_id="CEHRT", state=ReadinessState.DONE)
    wrong = result(status=ResultStatus.PRELIMINARY, final=FinalResult(final_score=Decimal(40)))
    told_all = assessed(SMALL, done, wrong)
    assert {item: line(told_all, item, IN_WINDOW) for item in ("CEHRT", "DATA_REQUEST", "ERROR_NOTICE")} == {
        "CEHRT": f"{PRACTICE}Readiness item “Certified EHR technology ready for reporting” is done. Nothing to do.",
        "DATA_REQUEST": f"{PRACTICE}Readiness item “Data requested from CMS” is not done. No points at stake; no due "
        "date. Do it, and report it as done.",
        "ERROR_NOTICE": f"{PERSON}Notice of an error in CMS's preliminary result can be given. No points at stake; no "
        "due date. Compare CMS's preliminary result with this score, and tell CMS in time where it is wrong.",
    }


def test_what_is_resolved_says_so_and_why() -> None:
    made: dict[str, Any] = {
        "met": quality(row("005")),
        "relief": relief("QUALITY"),
        "channel": channel("QUALITY"),
    }
    lines = {name: line(assessed(SMALL, event), "005", IN_WINDOW, Alert.FIRING) for name, event in made.items()}
    assert lines == {
        "met": f"Resolved: {PERSON}{ACE} is submitted and receipted. Nothing to do.",
        "relief": f"Resolved: {PERSON}{ACE} is excused. Nothing to do: excused (hurricane, granted 2027-09-01).",
        "channel": f"Resolved: {PERSON}{ACE} is reported by somebody else. "
        "Nothing to do: somebody else reports it, as declared (registry).",
    }
    assert line(assessed(SMALL), "005", IN_WINDOW, Alert.FIRING) == (
        f"Resolved for now: {PERSON}{ACE} is not submitted. 10 points at stake for 1 clinician; 59 days left. {REPORT}"
    )


@pytest.mark.parametrize(
    ("names", "who"),
    [
        (Names(), f"NPI {NPI}"),
        (Names(name="Ilse Ode"), f"Ilse Ode, NPI {NPI}"),
        (Names(practice_alias="north"), f"NPI {NPI}, north"),
        (Names(organization="Ode PC"), f"NPI {NPI}, Ode PC"),
        (Names(name=" Ilse\r\nOde\t"), f"Ilse Ode, NPI {NPI}"),
    ],
)
def test_a_clinician_is_named_by_what_the_roster_says_and_in_one_line(names: Names, who: str) -> None:
    assert sentence(told(assessed(SMALL), "005"), names, IN_WINDOW) == (
        f"{who}: {ACE} is not submitted. 10 points at stake for 1 clinician; 59 days left. {REPORT}"
    )


def test_a_practice_without_a_name_is_named_by_a_clinician_of_it_and_never_by_its_tin() -> None:
    activity = told(assessed(SMALL), "ASM_IA_1")
    unknown = sentence(replace(activity, affected=()), Names(), IN_WINDOW)
    named = sentence(activity, Names(), IN_WINDOW)
    assert named.startswith(f"The practice of NPI {NPI}: {IA_1} is at risk.")
    assert unknown.startswith(f"A practice without a name: {IA_1} is at risk.")
    assert TIN.digits not in named + unknown


def test_a_cliff_says_that_the_whole_score_goes_and_one_point_is_one_point() -> None:
    open_ = replace(told(assessed(SMALL), "005"), points_at_stake=Decimal("16.674"), cliff="MINIMUM_SUBMISSION")
    one = replace(open_, points_at_stake=Decimal(1), cliff=None)
    assert sentence(open_, NAMES, IN_WINDOW) == (
        f"{PERSON}{ACE} is not submitted. 16.67 points at stake for 1 clinician, the whole score: without it too "
        f"little is submitted; 59 days left. {REPORT}"
    )
    assert "is not submitted. 1 point at stake for 1 clinician; " in sentence(one, NAMES, IN_WINDOW)


@pytest.mark.parametrize(
    ("before", "left"),
    [
        (timedelta(days=2), "2 days left"),
        (timedelta(days=2) - timedelta(hours=1), "2 days left"),
        (timedelta(days=2) - timedelta(hours=1, seconds=1), "1 day left"),
        (timedelta(days=1), "1 day left"),
        (timedelta(hours=23, minutes=59), "23 hours left"),
        (timedelta(hours=1), "1 hour left"),
        (timedelta(minutes=59), "less than an hour left"),
        (timedelta(0), "the deadline has passed"),
    ],
)
def test_the_time_left_is_rounded_down_but_for_the_hour_of_march(before: timedelta, left: str) -> None:
    assert f" for 1 clinician; {left}. " in sentence(told(assessed(SMALL), "005"), NAMES, DUE - before)


def test_counts_are_added_where_the_words_do_not_hold_them() -> None:
    gaps = (Gap(code="A", message="Cases are missing.", have=1, need=20), Gap(code="B", message="Two.", have=3))
    open_ = replace(told(assessed(SMALL), "005"), missing=gaps)
    assert to_do_of(open_) == f"Cases are missing (1 of 20). Two. {REPORT}"
    assert to_do_of(replace(open_, missing=())) == REPORT


def test_every_status_has_its_words() -> None:
    open_ = told(assessed(SMALL), "005")
    assert {s for s in Status if f"{ACE} None" in sentence(replace(open_, status=s), NAMES, IN_WINDOW)} == set()
    unknown = sentence(replace(open_, status=Status.UNKNOWN), NAMES, IN_WINDOW)
    assert unknown.startswith(f"{PERSON}{ACE} stands in a way that this version does not know. ")
