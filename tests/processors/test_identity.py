"""Identifiers as asm-streams takes them: what is one, what only a test file holds, and what never prints."""

import pytest

from processors.identity import (
    Tin,
    is_beneficiary_in_clear,
    is_beneficiary_token,
    is_npi,
    is_test_npi,
    is_test_tin,
    is_tin,
    npi_with_check_digit,
)


@pytest.mark.parametrize(
    ("text", "real", "shaped"),
    [
        ("1234567893", True, True),
        ("1234567892", False, True),
        ("1234567894", False, True),
        ("2000000002", True, True),
        ("3000000000", False, True),
        ("0123456789", False, True),
        ("9876543210", False, True),
        ("123456789", False, False),
        ("12345678930", False, False),
        ("123456789X", False, False),
        (" 1234567893", False, False),
        ("１２３４５６７８９３", False, False),
        ("1234567893\n", False, False),
    ],
)
def test_an_npi_has_ten_digits_begins_with_1_or_2_and_ends_with_its_check_digit(
    text: str, real: bool, shaped: bool
) -> None:
    assert (is_npi(text), is_test_npi(text)) == (real, shaped)


def test_exactly_one_check_digit_completes_nine_digits() -> None:
    for nine in ("123456789", "200000000", "198765432"):
        assert [d for d in "0123456789" if is_npi(nine + d)] == [npi_with_check_digit(nine)[-1]]


@pytest.mark.parametrize(
    ("text", "real", "shaped"),
    [
        ("123456789", True, True),
        ("012345678", True, True),
        ("001234567", True, True),
        ("000123456", False, True),
        ("12345678", False, False),
        ("1234567890", False, False),
        ("12-3456789", False, False),
    ],
)
def test_a_tin_has_nine_digits_leading_zeros_kept_and_does_not_begin_000(text: str, real: bool, shaped: bool) -> None:
    assert (is_tin(text), is_test_tin(text)) == (real, shaped)
    assert Tin(text).digits == text


def test_a_tin_prints_its_last_two_digits_alone_and_is_a_value() -> None:
    tin = Tin("012345678")
    assert (str(tin), repr(tin), f"{tin}") == ("*******78", "Tin(*******78)", "*******78")
    assert (tin == Tin("012345678"), tin < Tin("012345679"), len({tin, Tin("012345678")})) == (True, True, 1)
    assert tin != "012345678"


@pytest.mark.parametrize(
    ("text", "token", "in_clear"),
    [
        ("b1_" + "A" * 52, True, False),
        ("b12_" + "7" * 52, True, False),
        ("b1_" + "A" * 51, False, False),
        ("b1_" + "a" * 52, False, False),
        ("b1_" + "1" * 52, False, False),
        ("1EG4-TE5-MK73", False, True),
        ("1eg4te5mk73", False, True),
        ("123-45-6789", False, True),
        ("123456789A", False, True),
        ("WA123456", False, True),
        ("P-17", False, False),
    ],
)
def test_a_beneficiary_is_named_by_a_token_never_by_an_identifier_in_clear(
    text: str, token: bool, in_clear: bool
) -> None:
    assert (is_beneficiary_token(text), is_beneficiary_in_clear(text)) == (token, in_clear)
