"""Who an event is about: TIN, NPI and beneficiary token, and what their text must look like.

A TIN may be a social security number, so :class:`Tin` prints masked everywhere; whoever needs the digits says so by
reading ``tin.digits``.
"""

import re
from functools import total_ordering
from typing import NewType

Npi = NewType("Npi", str)

_DIGITS_9 = re.compile(r"[0-9]{9}")
_DIGITS_10 = re.compile(r"[0-9]{10}")
_TOKEN = re.compile(r"b[0-9]+_[A-Z2-7]{52}")
_IDENTIFIERS_IN_CLEAR = re.compile(
    r"[1-9][A-Z][A-Z0-9][0-9][A-Z][A-Z0-9][0-9][A-Z]{2}[0-9]{2}"  # MBI
    r"|[0-9]{9}[A-Z][A-Z0-9]?|[A-Z]{1,3}(?:[0-9]{6}|[0-9]{9})"  # HICN, Railroad Board number
    r"|[0-9]{9}"  # SSN
)


@total_ordering
class Tin:
    """A Taxpayer Identification Number: nine digits as text, leading zeros kept. A value that prints masked."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        self._digits = digits

    @property
    def digits(self) -> str:
        """The digits in clear, for those who must have them."""
        return self._digits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tin) and self._digits == other._digits

    def __lt__(self, other: "Tin") -> bool:
        return self._digits < other._digits

    def __hash__(self) -> int:
        return hash(self._digits)

    def __repr__(self) -> str:
        return f"Tin({self})"

    def __str__(self) -> str:
        return "*" * 7 + self._digits[-2:]


def is_tin(text: str) -> bool:
    """Say whether the text is a TIN that the IRS could have issued: nine digits, not beginning 000."""
    return _DIGITS_9.fullmatch(text) is not None and not text.startswith("000")


def is_test_tin(text: str) -> bool:
    """Say whether the text has a TIN's shape, as CMS's own test files (000…) do."""
    return _DIGITS_9.fullmatch(text) is not None


def is_npi(text: str) -> bool:
    """Say whether the text is an NPI: ten digits beginning 1 or 2, Luhn digit over ``80840`` + NPI (45 CFR 162.406)."""
    return _DIGITS_10.fullmatch(text) is not None and text[0] in "12" and _luhn_sum("80840" + text) % 10 == 0


def is_test_npi(text: str) -> bool:
    """Say whether the text has an NPI's shape, as CMS's own test files (0…, 9876543210) do."""
    return _DIGITS_10.fullmatch(text) is not None


def npi_with_check_digit(nine: str) -> Npi:
    """Complete nine digits to an NPI."""
    return Npi(nine + str(-_luhn_sum("80840" + nine + "0") % 10))


def is_beneficiary_token(text: str) -> bool:
    """Say whether the text is a token made by the published recipe: ``b<key version>_<52 base32 digits>``."""
    return _TOKEN.fullmatch(text) is not None


def is_beneficiary_in_clear(text: str) -> bool:
    """Say whether the text has the shape of an MBI, HICN, Railroad Board number or SSN, dashes and blanks aside."""
    return _IDENTIFIERS_IN_CLEAR.fullmatch(re.sub(r"[\s-]", "", text).upper()) is not None


def _luhn_sum(digits: str) -> int:
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled)
