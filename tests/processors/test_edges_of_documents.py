"""What was said of documents, at the edges: several rejections, several unknown symbols, one after another."""

import pytest

from processors.events import ReceiptError
from processors.vocabulary import ReceiptOutcome, Stage, SubmissionAction
from tests.making import (
    NPI,
    YEAR,
    assessed,
    at,
    codes,
    listed,
    obligation_of,
    quality,
    receipt,
    row,
)

LISTED = listed(event_id="l1")
SENT = quality(row("236"), event_id="q1", stage=Stage.SENT)
JANUARY, FEBRUARY, MARCH = at("2028-01-10"), at("2028-02-10"), at("2028-03-10")


def rejection(instant: object, code: str, **given: object) -> object:
    errors = (ReceiptError(path="measurements[0]", code=code),)
    return receipt(outcome=ReceiptOutcome.REJECTED, revision=1, receipted_at=instant, errors=errors, **given)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_rejections_the_later_one_says_what_is_wrong(order: tuple[int, int]) -> None:
    told = [rejection(JANUARY, "E1", event_id="r1"), rejection(MARCH, "E2", event_id="r2")]
    item = obligation_of(assessed(LISTED, SENT, *(told[n] for n in order), as_of=at("2028-03-20")), "236")  # type: ignore[arg-type]
    assert [gap.message for gap in item.missing if gap.code == "RECEIPT_REJECTED"] == [
        "The receiver rejected it: E2 at measurements[0]."
    ]


@pytest.mark.parametrize(("instant", "status"), [(JANUARY, "OPEN"), (FEBRUARY, "OPEN"), (MARCH, "MET")])
def test_an_acceptance_before_the_last_rejection_is_none(instant: object, status: str) -> None:
    rejections = (rejection(JANUARY, "E1", event_id="r1"), rejection(at("2028-02-20"), "E2", event_id="r2"))
    accepted = receipt(revision=1, receipted_at=instant, event_id="r3")
    told = assessed(LISTED, SENT, *rejections, accepted, as_of=at("2028-03-20"))  # type: ignore[arg-type]
    assert obligation_of(told, "236").status == status


def test_each_document_with_an_unknown_symbol_is_found() -> None:
    unknown = [
        quality(row("236"), event_id=f"q{n}", submission_id=f"s{n}", action=SubmissionAction.UNKNOWN) for n in range(3)
    ]
    told = assessed(LISTED, *unknown)
    assert (codes(told), {(f.npi, f.performance_year) for f in told.findings}) == (
        [(f"q{n}", "UNKNOWN_SYMBOL") for n in range(3)],
        {(NPI, YEAR)},
    )
