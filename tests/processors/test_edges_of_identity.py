"""Identifiers by examples from their own standards, one digit right and one digit wrong."""

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


@pytest.mark.parametrize("npi", ["1234567893", "1245319599", "2000000002"])
def test_an_npi_whose_check_digit_is_right_is_one_and_with_any_other_it_is_none(npi: str) -> None:
    assert [is_npi(npi[:9] + digit) for digit in "0123456789"] == [digit == npi[9] for digit in "0123456789"]
    assert npi_with_check_digit(npi[:9]) == npi


@pytest.mark.parametrize("text", ["3234567891", "0234567894", "123456789", "12345678933", "123456789X", ""])
def test_what_has_not_an_npis_shape_is_none(text: str) -> None:
    assert not is_npi(text)


def test_an_npi_of_a_test_file_has_ten_digits_of_any_kind() -> None:
    assert [is_test_npi(text) for text in ("9876543210", "0000000000", "987654321", "98765432101")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "tin", "test_tin"),
    [
        ("123456789", True, True),
        ("001234567", True, True),
        ("000123456", False, True),
        ("12345678", False, False),
        ("1234567890", False, False),
        ("12345678X", False, False),
    ],
)
def test_a_tin_is_nine_digits_that_do_not_begin_with_three_zeros(text: str, tin: bool, test_tin: bool) -> None:
    assert (is_tin(text), is_test_tin(text)) == (tin, test_tin)


@pytest.mark.parametrize(
    ("text", "in_clear"),
    [
        ("1EG4-TE5-MK73", True),
        ("1eg4te5mk73", True),
        ("123-45-6789", True),
        ("123 45 6789", True),
        ("123456789A", True),
        ("WA123456789", True),
        ("A123456", True),
        ("0EG4TE5MK73", False),
        ("1EG4TE5MK7", False),
        ("12345678", False),
        ("b1_" + "A" * 52, False),
    ],
)
def test_an_identifier_of_a_beneficiary_is_known_in_clear_by_its_shape(text: str, in_clear: bool) -> None:
    assert is_beneficiary_in_clear(text) == in_clear


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("b1_" + "A" * 52, True),
        ("b12_" + "Z7" * 26, True),
        ("b1_" + "A" * 51, False),
        ("b1_" + "A" * 53, False),
        ("b_" + "A" * 52, False),
        ("b1_" + "1" * 52, False),
    ],
)
def test_a_token_has_a_key_version_and_52_digits_of_base32(text: str, token: bool) -> None:
    assert is_beneficiary_token(text) == token


def test_a_tin_prints_its_last_two_digits_and_is_a_value_in_order() -> None:
    first, second = Tin("001234567"), Tin("123456789")
    assert (str(first), repr(first), first.digits) == ("*******67", "Tin(*******67)", "001234567")
    assert (first == Tin("001234567"), first == second, first.__eq__("001234567")) == (True, False, False)
    assert (first < second, second < first, first <= first, sorted([second, first])) == (  # noqa: PLR0124
        True,
        False,
        True,
        [first, second],
    )
    assert len({first, Tin("001234567"), second}) == 2
