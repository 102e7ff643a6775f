"""Each refusal has a test; what no rulebook could accept is refused, everything else copied, bytes unchanged."""

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from processors.events import BeneficiaryLinked, Event
from processors.identity import Npi, Tin
from schemas.codec import InvalidRecord, newest_schema
from streams.admission import Inbound, Rules, admit, admit_batch, dead_letter, refusal
from tests.making import IN_WINDOW, TIN, TOKEN, attested, claim, cost, listed, pi_set, quality, receipt, result, row
from tests.streams.driver import RULES, inbound

MBI = "1EG4-TE5-MK73"
GOOD = inbound(quality(event_id="q1"), IN_WINDOW, 7)


def of(event: Event) -> Inbound:
    return inbound(event, IN_WINDOW)


CASES: list[tuple[str, str | None, Inbound]] = [
    ("UNKNOWN_SCHEMA", None, replace(GOOD, value=b"not framed")),
    ("UNKNOWN_SCHEMA", None, replace(GOOD, value=None)),
    ("UNDECODABLE", None, replace(GOOD, value=(GOOD.value or b"")[:-3])),
    ("WRONG_TOPIC", None, replace(GOOD, topic="asm.claims.v1")),
    ("MISSING_KEY", "key", replace(GOOD, key=None)),
    ("KEY_MISMATCH", "key", replace(GOOD, key=b"987654321")),
    ("WRONG_PARTITION", "key", replace(GOOD, partition=(GOOD.partition + 1) % 4)),
    ("MISSING_IDENTITY", "event_id", of(quality(event_id=""))),
    ("MISSING_IDENTITY", "source", of(quality(source=""))),
    ("MISSING_IDENTITY", "submission_id", of(quality(submission_id=""))),
    ("MISSING_IDENTITY", "attestation_id", of(attested(attestation_id=""))),
    ("MISSING_IDENTITY", "claim_id", of(claim(claim_id=""))),
    ("TOO_LARGE", None, of(quality(*(row(str(n)) for n in range(9000))))),
    ("MALFORMED_TEXT", None, of(listed(name="Ada\0Ny"))),
    ("UNDECODABLE", None, of(result(cost_measure=cost(score=Decimal("1e10"))))),
    ("UNDECODABLE", None, of(claim(lines=(replace(claim().lines[0], units=Decimal("-1e10")),)))),
    ("MALFORMED_TIN", "tin", of(quality(tin=Tin("12345678")))),
    ("MALFORMED_TIN", "tin", of(quality(tin=Tin("000123456")))),
    ("MALFORMED_TIN", "billing_tin", of(claim(billing_tin=Tin("1-2345678")))),
    ("MALFORMED_YEAR", "performance_year", of(quality(performance_year=99999999999))),
    ("MALFORMED_YEAR", "performance_year", of(listed(performance_year=27))),
    ("MALFORMED_NPI", "npi", of(quality(npi=Npi("1123456787")))),
    ("MALFORMED_NPI", "npi", of(listed(npi=Npi("9876543210")))),
    ("MALFORMED_NPI", "lines.npi", of(claim(lines=(replace(claim().lines[0], npi=Npi("112345678")),)))),
    ("BENEFICIARY_IN_CLEAR", "beneficiary", of(claim(beneficiary=MBI))),
    ("BENEFICIARY_IN_CLEAR", "beneficiary", of(claim(beneficiary="123-45-6789"))),
    ("BENEFICIARY_IN_CLEAR", "beneficiary", of(claim(beneficiary="123456789A"))),
    ("BENEFICIARY_IN_CLEAR", "beneficiary", of(claim(beneficiary="WD123456789"))),
    ("MALFORMED_BENEFICIARY", "beneficiary", of(claim(beneficiary="Jane Doe"))),
    ("MALFORMED_BENEFICIARY", "beneficiary", of(claim(beneficiary=TOKEN.lower()))),
    (
        "BENEFICIARY_IN_CLEAR",
        "to_token",
        of(BeneficiaryLinked(event_id="b", source="s", tin=TIN, from_token=TOKEN, to_token=MBI)),
    ),
    ("MISSING_COUNT", "measurements[236]", of(quality(row("236", eligible_population=None)))),
    ("IMPOSSIBLE_COUNTS", "measurements[236]", of(quality(row("236", 70, 31, eligible_population=100)))),
    ("IMPOSSIBLE_COUNTS", "measurements[236]", of(quality(row("236", -1, 0)))),
    ("IMPOSSIBLE_COUNTS", "measurements[PI_EP_1]", of(pi_set({"PI_EP_1": (11, 10)}))),
    ("MISSING_REFERENCE", "submission_id", of(receipt(submission_id=None))),
    ("MISSING_REFERENCE", "submission_id", of(receipt(submission_id="s", attestation_id="a"))),
]


@pytest.mark.parametrize(("code", "where", "record"), CASES, ids=[f"{code} {where}" for code, where, _ in CASES])
def test_what_no_rulebook_could_accept_is_refused_with_its_reason(
    code: str, where: str | None, record: Inbound
) -> None:
    with pytest.raises(InvalidRecord) as refused:
        admit(record, RULES)
    assert (refused.value.reason, refused.value.field) == (code, where)


def test_what_is_admitted_is_copied_bytes_unchanged_with_receipt_origin_and_schema() -> None:
    admitted = admit(GOOD, RULES)
    assert (admitted.key, admitted.value, admitted.timestamp) == (GOOD.key, GOOD.value, GOOD.timestamp)
    assert dict(admitted.headers) == {
        "received_at": b"1833030000000",
        "origin": f"asm.submissions.v1/{GOOD.partition}/7".encode(),
        "schema_sha256": newest_schema("SubmissionReceived").sha256.encode(),
    }


WRONG_FOR_A_RULEBOOK: list[Event] = [
    quality(performance_year=1999),
    quality(row("999")),
    quality(row("134")),
    pi_set(npi=listed().npi),
    attested("ASM_IA_1", period_start=None, period_end=None),
    pi_set({"PI_LVPP_1": True}),
]


@pytest.mark.parametrize("event", WRONG_FOR_A_RULEBOOK, ids=lambda e: type(e).__name__)
def test_what_only_a_rulebook_can_judge_is_never_refused(event: Event) -> None:
    assert admit(of(event), RULES).value == of(event).value


def test_one_refused_record_costs_its_neighbours_nothing() -> None:
    bad = replace(GOOD, value=b"\x00\x00\x00\x00\x03\xff", offset=8)
    admitted = admit_batch([GOOD, bad, replace(GOOD, offset=9)], RULES)
    assert [r.headers[1][1][-1:] for r in admitted.rows] == [b"7", b"9"]
    assert [(letter.reason, letter.origin[-1]) for letter in admitted.letters] == [("UNDECODABLE", "8")]


def letter_of(record: Inbound) -> Any:
    with pytest.raises(InvalidRecord) as refused:
        admit(record, RULES)
    return dead_letter(record, refused.value)


def test_a_dead_letter_keeps_the_payload_and_a_refusal_does_not() -> None:
    letter = letter_of(of(quality(row("236", -1, 0), event_id="q9")))
    assert (letter.source, letter.event_id, letter.payload is not None, letter.attempts) == ("registry", "q9", True, 1)
    told = refusal(letter)
    assert (told.reason, told.event_id, hasattr(told, "payload")) == ("IMPOSSIBLE_COUNTS", "q9", False)
    assert told.payload_sha256 == sha256(letter.payload).hexdigest()


@pytest.mark.parametrize("beneficiary", [MBI, "Jane Doe"])
def test_of_an_identifier_in_clear_no_payload_is_kept(beneficiary: str) -> None:
    letter = letter_of(of(claim(beneficiary=beneficiary)))
    assert letter.payload is None
    assert beneficiary not in f"{letter} {letter.detail}"


@pytest.mark.parametrize(
    "record",
    [
        replace(of(claim(beneficiary=MBI)), partition=(of(claim()).partition + 1) % 4),
        replace(of(claim(beneficiary=MBI)), key=None),
        replace(of(claim(beneficiary=MBI)), topic="asm.submissions.v1"),
        of(claim(beneficiary=MBI, tin=Tin("000123456"))),
        replace(of(claim(beneficiary=MBI)), value=(of(claim(beneficiary=MBI)).value or b"")[:-2]),
    ],
)
def test_an_identifier_in_clear_is_not_kept_whatever_else_is_wrong(record: Inbound) -> None:
    (letter,) = admit_batch([record], RULES).letters
    assert letter.payload is None
    assert letter.payload_sha256 == sha256(record.value or b"").hexdigest()


def test_of_a_record_that_is_too_large_no_payload_is_kept() -> None:
    (letter,) = admit_batch([replace(GOOD, value=b"x" * 200_000)], RULES).letters
    assert (letter.reason, letter.payload) == ("TOO_LARGE", None)


def test_the_identity_in_a_letter_is_legible_to_any_reader() -> None:
    (letter,) = admit_batch([of(quality(event_id="q\0" + "x" * 300, source="s\0"))], RULES).letters
    assert (letter.reason, letter.source, letter.event_id) == ("MALFORMED_TEXT", "s", "q" + "x" * 199)


def test_test_identifiers_are_let_in_only_where_the_setting_says_so() -> None:
    event = quality(tin=Tin("000456789"), npi=Npi("9876543210"))
    accepting = Rules(partitions=4, accept_test_identifiers=True)
    assert admit(of(event), accepting).key == b"000456789"
    with pytest.raises(InvalidRecord, match="MALFORMED_TIN"):
        admit(of(event), RULES)
