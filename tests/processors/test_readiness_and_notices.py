"""The readiness checklist, the notice of an error, and what is shown of receipts, relief, channels and exceptions."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from processors.announced import Owners
from processors.announcements import announce
from processors.assessment import Assessment, assess
from processors.events import Complexity, Event, FinalResult, ReceiptError
from processors.obligations import Obligation, Status
from processors.outputs import Alert, ObligationChanged, Output, ScoreChanged
from processors.vocabulary import ReadinessState, ReceiptOutcome, ResultStatus, Stage
from schemas.codec import content_digest
from tests.making import (
    AFTER,
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    admissions,
    assessed,
    at,
    attested,
    channel,
    cost,
    facts,
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
    score_of,
)
from tests.processors.test_announcements import ENVELOPE

LISTED = listed(event_id="l1")
SENT_AT = at("2028-01-10")


def checklist(assessment: Assessment) -> dict[str, Status]:
    return {o.item.item: o.status for o in assessment.obligations if o.item.category == "READINESS"}


def of(assessment: Assessment, item: str) -> Obligation:
    return obligation_of(assessment, item, None)


def codes(assessment: Assessment) -> list[tuple[str, str]]:
    return sorted((f.event.event_id, f.code) for f in assessment.findings)


def test_the_checklist_of_a_practice_is_open_without_points_due_date_or_alert() -> None:
    told = assessed(LISTED, as_of=at("2026-11-01"))
    assert checklist(told) == {row.item_id: Status.OPEN for row in rulebook().compliance.readiness}
    item = of(told, "CEHRT")
    assert (item.points_at_stake, item.due_at, item.milestones, item.stage, item.alerting) == (
        Decimal(0),
        None,
        (),
        "EARLY",
        False,
    )
    assert item.next_step == "Do it, and report it as done."


def test_the_latest_word_of_an_item_stands_whatever_the_order() -> None:
    done = observed(readiness(event_id="d", item_id="CEHRT"), IN_WINDOW)
    again = observed(readiness(event_id="o", item_id="CEHRT", state=ReadinessState.OPEN), IN_WINDOW + timedelta(days=1))
    for told in ([done, again], [again, done]):
        assert checklist(assessed(LISTED, *told))["CEHRT"] == Status.OPEN
    assert checklist(assessed(LISTED, done))["CEHRT"] == Status.MET


def test_of_two_words_of_one_instant_the_larger_event_id_stands() -> None:
    told = [
        readiness(event_id="a", item_id="CEHRT"),
        readiness(event_id="b", item_id="CEHRT", state=ReadinessState.OPEN),
    ]
    assert checklist(assessed(LISTED, *told))["CEHRT"] == Status.OPEN


def test_an_item_that_does_not_apply_is_not_required() -> None:
    told = readiness(item_id="DATA_REQUEST", state=ReadinessState.NOT_APPLICABLE)
    assert checklist(assessed(LISTED, told))["DATA_REQUEST"] == Status.NOT_REQUIRED


def test_once_the_window_has_closed_nothing_of_the_checklist_is_left_to_do() -> None:
    told = checklist(assessed(LISTED, readiness(item_id="CEHRT"), as_of=AFTER))
    assert (told.pop("CEHRT"), set(told.values())) == (Status.MET, {Status.NOT_REQUIRED})


def test_a_practice_of_which_nobody_participates_has_nothing_on_its_checklist_to_do() -> None:
    assert set(checklist(assessed(listed(eligible=False))).values()) == {Status.NOT_REQUIRED}
    assert checklist(assessed(readiness(item_id="CEHRT"))) == {}


def test_words_that_tick_nothing_are_found() -> None:
    told = assessed(
        LISTED,
        readiness(event_id="r1", item_id="COFFEE"),
        readiness(event_id="r2", item_id="CEHRT", npi=NPI),
        readiness(event_id="r3", item_id="CEHRT", state=ReadinessState.UNKNOWN),
    )
    assert codes(told) == [("r1", "UNKNOWN_READINESS_ITEM"), ("r2", "SCOPE_TOO_NARROW"), ("r3", "UNKNOWN_SYMBOL")]
    assert checklist(told)["CEHRT"] == Status.OPEN


PRELIMINARY = result(event_id="p1", final=FinalResult(final_score=40), status=ResultStatus.PRELIMINARY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part",
    [
        {"final": PRELIMINARY.final},
        {"cost_measure": cost()},
        {"claims_measure": admissions()},
        {"complexity": Complexity(average_hcc=1, dual_share=0)},  # type: ignore[arg-type]
    ],
    ids=lambda part: next(iter(part)),
)
def test_a_preliminary_result_opens_the_notice_of_an_error_without_a_due_date(part: dict[str, object]) -> None:
    told = obligation_of(assessed(LISTED, result(status=ResultStatus.PRELIMINARY, **part), as_of=AFTER), "ERROR_NOTICE")
    assert (told.item.category, told.status, told.due_at, told.alerting) == ("NOTICE", Status.OPEN, None, False)
    assert told.next_step == "Compare CMS's preliminary result with this score, and tell CMS in time where it is wrong."


@pytest.mark.parametrize("status", [ResultStatus.FINAL, ResultStatus.RECONSIDERED])
def test_a_settled_result_closes_the_notice(status: ResultStatus) -> None:
    settled = result(event_id="p2", final=FinalResult(final_score=41), status=status)  # type: ignore[arg-type]
    told = obligation_of(assessed(LISTED, PRELIMINARY, settled, as_of=AFTER), "ERROR_NOTICE")
    assert (told.status, told.due_at) == (Status.NOT_REQUIRED, None)


def test_without_a_preliminary_result_there_is_no_notice() -> None:
    told = assessed(LISTED, result(cost_measure=cost()), as_of=AFTER)
    assert [o for o in told.obligations if o.item.item == "ERROR_NOTICE"] == []


@pytest.mark.parametrize(
    ("hours", "status"),
    [(-1, Status.OPEN), (0, Status.MISSED), (1, Status.MISSED)],
    ids=["an hour before", "at it", "an hour after"],
)
def test_a_window_that_a_later_vintage_names_is_a_due_date_and_alerts(hours: int, status: Status) -> None:
    known = replace(rulebook(), compliance=replace(rulebook().compliance, error_notice_days=(30,)))
    received = at("2028-07-01")
    due = at("2028-07-31")
    told = assess(facts(LISTED, observed(PRELIMINARY, received)), known, due + timedelta(hours=hours))
    notice = obligation_of(told, "ERROR_NOTICE")
    assert (notice.status, notice.due_at, notice.alerting) == (status, due, True)
    assert (told.next_change_at == due) == (hours < 0)


@pytest.mark.parametrize(
    ("days", "alerting"), [(2.99, False), (3, True), (4, True)], ids=["before three days", "three days", "four days"]
)
@pytest.mark.parametrize("item", ["236", "ASM_IA_1", "PROMOTING_INTEROPERABILITY"])
def test_what_was_sent_and_is_not_receipted_after_three_days_alerts_before_its_stage_does(
    item: str, days: float, alerting: bool
) -> None:
    reported: dict[str, Event] = {
        "236": quality(row("236"), stage=Stage.SENT, event_id="s"),
        "ASM_IA_1": attested("ASM_IA_1", stage=Stage.SENT, event_id="s"),
        "PROMOTING_INTEROPERABILITY": pi_set(stage=Stage.SENT, event_id="s"),
    }
    npi = NPI if item == "236" else None
    overdue_at = SENT_AT + timedelta(days=3)
    told = assessed(LISTED, observed(reported[item], SENT_AT), as_of=SENT_AT + timedelta(days=days))
    sent = obligation_of(told, item, npi)
    assert (sent.status, sent.stage, sent.alerting) == (Status.SENT, "T_90", alerting)
    assert ("RECEIPT_OVERDUE" in {gap.code for gap in sent.missing}) == alerting
    assert (told.next_change_at == overdue_at) == (days < 3)


def test_what_is_only_prepared_or_is_receipted_is_not_overdue() -> None:
    later = SENT_AT + timedelta(days=9)
    prepared = assessed(LISTED, observed(quality(row("236"), stage=Stage.PREPARED), SENT_AT), as_of=later)
    receipted = assessed(LISTED, observed(quality(row("236")), SENT_AT), as_of=later)
    told = [obligation_of(each, "236") for each in (prepared, receipted)]
    assert [(o.status, o.alerting, o.missing == () or o.status == "PREPARED") for o in told] == [
        (Status.PREPARED, False, True),
        (Status.MET, False, True),
    ]


def test_an_earlier_assessment_does_not_hide_that_a_receipt_is_overdue_now() -> None:
    known = facts(LISTED, observed(quality(row("236"), stage=Stage.SENT), SENT_AT))
    before = assess(known, rulebook(), SENT_AT + timedelta(days=1))
    now = SENT_AT + timedelta(days=5)
    assert assess(known, rulebook(), now, before).obligations == assess(known, rulebook(), now).obligations
    assert obligation_of(assess(known, rulebook(), now, before), "236").alerting


def test_the_alert_of_an_overdue_receipt_stays_the_same_and_grows_louder_with_the_stage() -> None:
    known = facts(LISTED, observed(quality(row("236"), stage=Stage.SENT), SENT_AT))
    owners: Owners = {}
    alerts = []
    for day in ("2028-01-14", "2028-03-03", "2028-03-29"):
        outputs, owners = announce(owners, assess(known, rulebook(), at(day)), ENVELOPE, content_digest)
        alerts += [o for o in outputs if isinstance(o, ObligationChanged) and o.item == "236"]
    assert [(o.alert, o.stage) for o in alerts] == [
        (Alert.FIRING, "T_90"),
        (Alert.FIRING, "T_30"),
        (Alert.FIRING, "T_3"),
    ]
    assert len({o.alert_id for o in alerts}) == 1


def test_a_rejected_receipt_shows_its_errors() -> None:
    errors = (ReceiptError(path="measurements[0]", code="E42"), ReceiptError(path="cehrtId", code="E43"))
    sent = observed(quality(row("236"), stage=Stage.SENT), SENT_AT)
    no = observed(
        receipt(event_id="no", outcome=ReceiptOutcome.REJECTED, receipted_at=IN_WINDOW, errors=errors), IN_WINDOW
    )
    told = assessed(LISTED, sent, no, as_of=IN_WINDOW + timedelta(days=1))
    item = obligation_of(told, "236")
    assert (item.status, [gap.message for gap in item.missing if gap.code == "RECEIPT_REJECTED"]) == (
        Status.OPEN,
        ["The receiver rejected it: E42 at measurements[0].", "The receiver rejected it: E43 at cehrtId."],
    )
    assert item.next_step == "Correct what the receiver rejected, and send it again before the deadline."
    (finding,) = [f for f in told.findings if f.code == "RECEIPT_REJECTED"]
    assert finding.message == "The receiver rejected the document. E42 at measurements[0]; E43 at cehrtId."


def test_a_higher_revision_ends_what_was_wrong_with_the_rejected_one() -> None:
    errors = (ReceiptError(path="measurements[0]", code="E42"),)
    sent = observed(quality(row("236"), stage=Stage.SENT), SENT_AT)
    no = receipt(outcome=ReceiptOutcome.REJECTED, receipted_at=IN_WINDOW, revision=1, errors=errors)
    again = quality(row("236"), revision=2, stage=Stage.PREPARED)
    told = obligation_of(assessed(LISTED, sent, no, again), "236")
    assert (told.status, [gap.code for gap in told.missing if gap.code == "RECEIPT_REJECTED"]) == (Status.PREPARED, [])


@pytest.mark.parametrize("as_of", [IN_WINDOW, AFTER], ids=["before the deadline", "after it"])
def test_relief_excuses_visibly_before_and_after_the_deadline(as_of: object) -> None:
    granted = relief("QUALITY", "IMPROVEMENT_ACTIVITIES", "COST", reason="FLOOD")
    told = assessed(LISTED, granted, as_of=as_of)  # type: ignore[arg-type]
    words = f"Nothing to do: excused (FLOOD, granted {granted.granted_on})."
    for item, npi in (("236", NPI), ("COST_HF_1", NPI), ("ASM_IA_1", None)):
        excused = obligation_of(told, item, npi)
        assert (excused.status, excused.next_step, excused.alerting) == (Status.EXCUSED, words, False)
    assert score_of(told).final_score == 0


def test_relief_of_every_clinician_is_named_on_what_the_tin_reports_for_all() -> None:
    granted = [relief("PROMOTING_INTEROPERABILITY", npi=npi, reason="FIRE") for npi in (NPI, OTHER_NPI)]
    told = of(assessed(LISTED, listed(event_id="l2", npi=OTHER_NPI), *granted), "PROMOTING_INTEROPERABILITY")
    assert (told.status, "FIRE" in told.next_step) == (Status.EXCUSED, True)


def test_a_declared_channel_silences_visibly() -> None:
    told = obligation_of(assessed(LISTED, channel("QUALITY", channel="REGISTRY"), as_of=AFTER), "236")
    assert (told.status, told.alerting, told.next_step) == (
        Status.NOT_MONITORED,
        False,
        "Nothing to do: somebody else reports it, as declared (REGISTRY).",
    )


def test_an_exception_of_the_roster_is_shown_with_the_score() -> None:
    scored, unscored = (
        score_of(assessed(listed(exception="HARDSHIP", eligible=eligible))).tree.reasons for eligible in (True, False)
    )
    assert [reason.message for reason in (*scored, *unscored) if reason.code == "EXCEPTION"] == [
        "CMS's roster names an exception: HARDSHIP."
    ] * 2


def test_cms_own_final_score_and_factor_are_shown_beside_ours() -> None:
    final = FinalResult(final_score=62, adjustment_factor=-0.0123)  # type: ignore[arg-type]
    (reason,) = [
        r
        for r in score_of(assessed(LISTED, result(final=final), as_of=AFTER)).tree.reasons
        if r.code == "CMS_FINAL_SCORE"
    ]
    assert reason.message.endswith("against ours, its adjustment factor -1.23 %.")


def test_the_score_of_whom_no_word_of_cms_counts_any_more_is_withdrawn_once() -> None:
    outputs, owners = announce({}, assessed(LISTED), ENVELOPE, content_digest)
    reused = observed(attested("ASM_IA_1", event_id="l1", source="cms"), IN_WINDOW - timedelta(days=900))
    gone = assessed(LISTED, reused)
    outputs, owners = announce(owners, gone, ENVELOPE, content_digest)
    (score,) = scores(outputs)
    assert (score.npi, score.cohort, score.final_score, score.highest_reachable, score.revision) == (
        NPI,
        "HEART_FAILURE",
        None,
        None,
        2,
    )
    assert [reason.code for reason in score.tree.reasons] == ["WITHDRAWN"]
    assert scores(announce(owners, gone, ENVELOPE, content_digest)[0]) == []


def scores(outputs: list[Output]) -> list[ScoreChanged]:
    return [output for output in outputs if isinstance(output, ScoreChanged)]
