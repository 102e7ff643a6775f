"""Improvement activities and the Promoting Interoperability set whole: what is missing and what it is worth."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from processors.events import Arrangement, ReceiptError, YearEvent
from processors.score_tree import Part
from processors.vocabulary import ReceiptOutcome, Stage
from tests.making import (
    FULL_SET,
    YEAR,
    assessed,
    at,
    attested,
    codes,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    receipt,
    row,
    score_of,
)

SMALL = listed(event_id="l1", small_practice=True, solo=False)
SET = "PROMOTING_INTEROPERABILITY"
TEN = {"numerator": 10, "denominator": 10}
MEASURES = {"PI_EP_1": "10", "PI_EP_2": "10", "PI_HIE_1": "15", "PI_HIE_4": "15", "PI_PEA_1": "25"}
REGISTRIES = {"PI_PHCDRR_1": "12.5", "PI_PHCDRR_3": "12.5"}


def missing(item: str, *events: YearEvent) -> tuple[str, list[tuple[str, str | None, int | None, int | None]]]:
    """The status of an item, and code, subject, have and need of what is missing."""
    told = obligation_of(assessed(SMALL, *events), item)
    return str(told.status), [(gap.code, gap.subject, gap.have, gap.need) for gap in told.missing]


def category(*events: YearEvent, place: int) -> Part:
    return score_of(assessed(SMALL, *events)).tree.parts[place]


def leaves(part: Part) -> dict[str, tuple[Any, ...]]:
    return {p.code: (p.value, p.max, [r.code for r in p.reasons], dict(p.inputs)) for p in part.parts}


def test_of_an_empty_set_everything_is_missing_and_it_is_worth_nothing() -> None:
    empty = pi_set(dict.fromkeys(FULL_SET), cehrt_id=None, period_start=date(YEAR, 1, 1), period_end=date(YEAR, 6, 28))
    assert missing(SET, empty) == (
        "AT_RISK",
        [
            ("PERIOD_TOO_SHORT", None, 179, 180),
            ("CEHRT_ID_MISSING", None, None, None),
            *(("MEASURE_MISSING", code, None, None) for code in (*MEASURES, *REGISTRIES)),
            *(
                ("STATEMENT_MISSING", code, None, None)
                for code in ("PI_PPHI_1", "PI_PPHI_2", "PI_ONCDIR_1", "PI_INFBLO_1")
            ),
        ],
    )
    part = category(empty, place=3)
    assert (part.value, part.max, dict(part.inputs)) == (Decimal(-10), Decimal(0), {"share": Decimal(0)})
    assert leaves(part) == {
        code: (Decimal(0), Decimal(most), ["NOT_SUBMITTED"], {}) for code, most in (MEASURES | REGISTRIES).items()
    }


def test_a_period_of_exactly_the_least_days_is_long_enough() -> None:
    assert missing(SET, pi_set(period_start=date(YEAR, 1, 1), period_end=date(YEAR, 6, 29))) == ("MET", [])


def test_the_points_of_an_excluded_measure_move_on_and_the_whole_is_still_the_whole() -> None:
    part = category(pi_set({"PI_EP_1": None, "PI_LVPP_1": True}), place=3)
    assert (part.value, dict(part.inputs)) == (Decimal(0), {"share": Decimal(1)})
    assert leaves(part) == {
        "PI_EP_1": (None, None, ["EXCLUDED"], {}),
        "PI_EP_2": (Decimal(10), Decimal(10), ["SCORED"], {}),
        "PI_HIE_1": (Decimal(20), Decimal(20), ["SCORED"], TEN),
        "PI_HIE_4": (Decimal(20), Decimal(20), ["SCORED"], TEN),
        "PI_PEA_1": (Decimal(25), Decimal(25), ["SCORED"], TEN),
        **{code: (Decimal(most), Decimal(most), ["SCORED"], {}) for code, most in REGISTRIES.items()},
    }


def test_a_bonus_is_given_once_and_never_lifts_the_category_above_its_whole() -> None:
    part = category(pi_set({"PI_EP_1": (5, 10), "PI_PHCDRR_4": True}), place=3)
    assert leaves(part)["PI_BONUS"] == (Decimal(5), None, ["BONUS"], {})
    assert leaves(part)["PI_EP_1"] == (Decimal(5), Decimal(10), ["SCORED"], {"numerator": 5, "denominator": 10})
    assert dict(part.inputs) == {"share": Decimal(1)}
    assert dict(category(pi_set({"PI_PHCDRR_4": True}), place=3).inputs) == {"share": Decimal(1)}


def test_a_statement_answered_no_and_one_not_answered_are_told_apart() -> None:
    told = pi_set({"PI_ONCDIR_1": False, "PI_PPHI_1": None})
    assert missing(SET, told) == (
        "AT_RISK",
        [("STATEMENT_MISSING", "PI_PPHI_1", None, None), ("ANSWERED_NO", "PI_ONCDIR_1", None, None)],
    )
    assert [r.code for r in category(told, place=3).reasons] == ["EFFECT", "STATEMENT_MISSING", "ANSWERED_NO"]


def test_a_numerator_of_zero_and_a_missing_level_keep_the_set_from_counting() -> None:
    told = pi_set({"PI_PEA_1": (0, 10), "PI_PHCDRR_1_PROD": None})
    assert missing(SET, told)[1] == [
        ("MEASURE_MISSING", "PI_PEA_1", None, None),
        ("ENGAGEMENT_LEVEL_MISSING", "PI_PHCDRR_1", None, None),
    ]
    assert leaves(category(told, place=3))["PI_PEA_1"][3] == {"numerator": 0, "denominator": 10}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_sets_the_one_receipted_last_stands(order: tuple[int, int]) -> None:
    sets = [
        observed(pi_set({"PI_EP_1": (1, 10)}, submission_id="early"), at("2028-01-10")),
        observed(pi_set({"PI_EP_1": (9, 10)}, submission_id="late"), at("2028-02-10")),
    ]
    part = score_of(assessed(SMALL, *(sets[n] for n in order))).tree.parts[3]
    assert dict(part.inputs) == {"share": Decimal("0.99")}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_attestations_of_one_activity_the_one_receipted_last_stands(order: tuple[int, int]) -> None:
    told = [
        observed(attested("ASM_IA_1", attestation_id="early"), at("2028-01-10")),
        observed(attested("ASM_IA_1", attestation_id="late", answer=False), at("2028-02-10")),
    ]
    part = score_of(assessed(SMALL, *(told[n] for n in order))).tree.parts[2]
    assert (part.value, [[r.code for r in p.reasons] for p in part.parts]) == (
        Decimal(-20),
        [["ANSWERED_NO"], ["NOT_ATTESTED"]],
    )


AGREED = Arrangement(
    counterparty_type="PRIMARY_CARE", written=False, signed_by_both=False, effective_date=date(YEAR, 4, 1)
)
INCOMPLETE = ("ARRANGEMENT_INCOMPLETE", None, None, None)


@pytest.mark.parametrize(
    ("event", "gaps", "points"),
    [
        (attested("ASM_IA_1", elements=("PRIMARY_CARE_ACCESS",)), [("ELEMENTS_MISSING", None, 1, 3)], -10),
        (attested("ASM_IA_2", arrangement=AGREED), [INCOMPLETE] * 3, -10),
        (
            attested("ASM_IA_2", arrangement=None, elements=()),
            [("ELEMENTS_MISSING", None, 0, 3), ("ARRANGEMENT_MISSING", None, None, None)],
            -10,
        ),
        (attested("ASM_IA_1", answer=False), [("ANSWERED_NO", None, None, None)], -20),
        (attested("ASM_IA_1", period_end=date(YEAR, 5, 28)), [("PERIOD_TOO_SHORT", None, 89, 90)], -20),
        (attested("ASM_IA_1", period_end=date(YEAR, 5, 29)), [], -10),
    ],
    ids=["elements", "arrangement incomplete", "nothing but yes", "no", "89 days", "90 days"],
)
def test_what_is_doubtful_of_an_activity_is_told_and_what_keeps_it_from_counting_costs(
    event: Any, gaps: list[Any], points: int
) -> None:
    status, told = missing(event.activity_id, event)
    assert (status, told) == ("AT_RISK" if gaps else "MET", gaps)
    assert category(event, place=2).value == points


def test_what_was_only_sent_of_an_activity_is_unproven_after_the_deadline_and_could_still_count() -> None:
    told = assessed(SMALL, attested("ASM_IA_1", stage=Stage.SENT), as_of=at("2028-04-02"))
    score = score_of(told)
    assert obligation_of(told, "ASM_IA_1").status == "UNPROVEN"
    assert (score.final_score, score.tree.parts[2].value) == (Decimal(0), Decimal(-20))
    outlook = next(iter(told.sections.values())).scored
    assert outlook is not None
    assert outlook.outlook is not None
    assert outlook.outlook.activities == {"ASM_IA_1": (False, True), "ASM_IA_2": (False,)}


def test_of_a_set_that_waits_for_its_receipt_what_it_lacks_is_told_and_not_that_there_is_none() -> None:
    told = pi_set({"PI_EP_1": None}, stage=Stage.PREPARED)
    assert missing(SET, told) == ("PREPARED", [("MEASURE_MISSING", "PI_EP_1", None, None)])
    assert missing(SET) == ("AT_RISK", [("NOT_SUBMITTED", None, None, None)])


def test_what_is_wrong_with_a_submission_an_attestation_and_a_receipt_of_the_practice_is_all_found() -> None:
    told = assessed(
        SMALL,
        quality(npi=None, event_id="q", stage=Stage.UNKNOWN),
        attested("ASM_IA_1", event_id="a", stage=Stage.UNKNOWN),
        receipt(event_id="r", attestation_id="nobody's"),
    )
    assert sorted(codes(told)) == [("a", "UNKNOWN_SYMBOL"), ("q", "UNKNOWN_SYMBOL"), ("r", "RECEIPT_UNMATCHED")]


@pytest.mark.parametrize(("start", "status"), [(date(YEAR, 7, 5), "OPEN"), (date(YEAR, 7, 6), "AT_RISK")])
def test_the_period_of_a_set_has_begun_where_a_statement_of_it_says_so_in_time(start: date, status: str) -> None:
    assert missing(SET, attested("PI_PPHI_1", period_start=start))[0] == status


def test_what_a_receiver_found_wrong_in_an_attestation_is_told() -> None:
    errors = (ReceiptError(path="answer", code="E7"),)
    rejected = receipt(
        attestation_id="a-ASM_IA_1", revision=1, outcome=ReceiptOutcome.REJECTED, errors=errors, event_id="r"
    )
    told = obligation_of(assessed(SMALL, attested("ASM_IA_1", stage=Stage.SENT), rejected), "ASM_IA_1")
    assert [gap.message for gap in told.missing if gap.code == "RECEIPT_REJECTED"] == [
        "The receiver rejected it: E7 at answer."
    ]


def test_behind_an_excluded_measure_what_is_missing_is_still_missing() -> None:
    told = pi_set({"PI_EP_1": None, "PI_LVPP_1": True, "PI_PEA_1": None})
    assert missing(SET, told) == ("AT_RISK", [("MEASURE_MISSING", "PI_PEA_1", None, None)])


def test_a_document_that_does_not_count_hides_none_behind_it() -> None:
    sent = quality(row("236", 10, 90), submission_id="a", stage=Stage.SENT)
    other = quality(row("236", 10, 90), submission_id="b", category="COST")
    part = category(sent, other, quality(row("236", 90, 10), submission_id="c"), place=0)
    assert {p.code: p.value for p in part.parts}["236"] == Decimal(10)


def test_a_measure_without_an_eligible_case_is_complete_and_below_the_least_cases() -> None:
    part = category(quality(row("236", 0, 0)), place=0)
    (leaf,) = (p for p in part.parts if p.code == "236")
    assert (leaf.value, [r.code for r in leaf.reasons], leaf.inputs["completeness"]) == (
        None,
        ["BELOW_CASE_MINIMUM"],
        Decimal(1),
    )
