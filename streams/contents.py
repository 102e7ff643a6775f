"""What no rulebook could accept in what an event says: identifiers in clear, impossible counts, illegible text."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from processors.events import (
    BeneficiaryLinked,
    ClaimReceived,
    Event,
    Measurement,
    ReceiptReceived,
    ResultDetermined,
    SubmissionReceived,
)
from processors.identity import is_beneficiary_in_clear, is_beneficiary_token
from processors.quality import QUALITY
from schemas.codec import InvalidRecord
from schemas.plain import as_text, to_avro

#: What a decimal(18,8) holds.
_DECIMAL_LIMIT = Decimal(10) ** 10


def check_content(event: Event) -> None:
    """Refuse what no rulebook could accept in what an event says.

    :raises InvalidRecord: with the reason.
    """
    if b"\\u0000" in as_text(event):
        raise InvalidRecord("MALFORMED_TEXT", "a text holds the character NUL")
    if any(abs(number) >= _DECIMAL_LIMIT for number in _decimals(event)):
        raise InvalidRecord("UNDECODABLE", "a decimal of more than ten digits before its point")
    check = _CONTENT_CHECKS.get(type(event))
    if check is not None:
        check(event)


def _decimals(event: Event) -> Iterator[Decimal]:
    if isinstance(event, ClaimReceived):
        yield from (line.units for line in event.lines)
    elif isinstance(event, ResultDetermined):
        yield from (value for value in _values(to_avro(event)) if isinstance(value, Decimal))


def _values(plain: Any) -> Iterator[Any]:
    for value in plain.values():
        yield from _values(value) if isinstance(value, dict) else (value,)


def _check_claim(event: ClaimReceived) -> None:
    _check_token(event.beneficiary, "beneficiary")


def _check_link(event: BeneficiaryLinked) -> None:
    _check_token(event.from_token, "from_token")
    _check_token(event.to_token, "to_token")


def _check_token(text: str, name: str) -> None:
    if is_beneficiary_token(text):
        return
    if is_beneficiary_in_clear(text):
        raise InvalidRecord("BENEFICIARY_IN_CLEAR", "the shape of an identifier in clear", name)
    raise InvalidRecord("MALFORMED_BENEFICIARY", "not a token of the published recipe", name)


def _check_submission(event: SubmissionReceived) -> None:
    for row in event.measurements:
        if event.category == QUALITY and row.eligible_population is None:
            raise InvalidRecord("MISSING_COUNT", "no eligible population", f"measurements[{row.measure_id}]")
        if not _possible(row):
            raise InvalidRecord("IMPOSSIBLE_COUNTS", "counts that cannot be", f"measurements[{row.measure_id}]")


def _possible(row: Measurement) -> bool:
    parts = (row.performance_met, row.performance_not_met, row.exclusions, row.exceptions)
    counts = (*parts, row.eligible_population, row.numerator, row.denominator)
    if any(count is not None and count < 0 for count in counts):
        return False
    reported = sum(part or 0 for part in parts)
    within = row.eligible_population is None or reported <= row.eligible_population
    return within and (row.numerator is None or row.denominator is None or row.numerator <= row.denominator)


def _check_receipt(event: ReceiptReceived) -> None:
    if (event.submission_id is None) == (event.attestation_id is None):
        raise InvalidRecord("MISSING_REFERENCE", "names not exactly one document", "submission_id")


_CONTENT_CHECKS: Mapping[type[Any], Callable[[Any], None]] = {
    ClaimReceived: _check_claim,
    BeneficiaryLinked: _check_link,
    SubmissionReceived: _check_submission,
    ReceiptReceived: _check_receipt,
}
