"""Frozen records <-> plain values (dicts, lists, text): what Avro, JSON and the state records have in common."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from processors.identity import Tin

T = TypeVar("T")
_NOTHING: tuple[object, ...] = ([], {})
_KEPT_IN_AVRO = (datetime, date, Decimal, bytes)


def to_avro(record: object) -> dict[str, Any]:
    """Return the record as the dictionary that Avro writes: dates, instants and decimals as they are."""
    plain: dict[str, Any] = msgspec.to_builtins(record, builtin_types=_KEPT_IN_AVRO, enc_hook=encode_hook)
    return plain


def to_json(record: object) -> dict[str, Any]:
    """Return the record as JSON values: dates and decimals as text."""
    plain: dict[str, Any] = msgspec.to_builtins(record, enc_hook=encode_hook)
    return plain


def as_text(record: object) -> bytes:
    """Return the record as JSON text."""
    return msgspec.json.encode(record, enc_hook=encode_hook)


def from_plain(plain: object, record: type[T]) -> T:
    """Make a record of plain values, whether Avro's or JSON's.

    :raises msgspec.ValidationError: a field is missing or has another type; the message names it by its path.
    """
    return msgspec.convert(plain, record, dec_hook=decode_hook)


def without_absent(plain: object) -> object:
    """Leave out what is absent or empty, at every depth."""
    if isinstance(plain, dict):
        kept = {}
        for name, value in plain.items():
            said = without_absent(value) if isinstance(value, dict | list | tuple) else value
            if said is not None and said not in _NOTHING:
                kept[name] = said
        return kept
    if isinstance(plain, list | tuple):
        return [without_absent(value) for value in plain]
    return plain


def encode_hook(value: object) -> object:
    """Show msgspec the digits of a TIN."""
    if isinstance(value, Tin):
        return value.digits
    if hasattr(value, "items"):
        return dict(value.items())
    raise NotImplementedError(f"no plain form for {type(value).__name__}")


def decode_hook(kind: type[Any], value: object) -> object:
    """Make a TIN of its digits."""
    if kind is Tin and isinstance(value, str):
        return Tin(value)
    raise NotImplementedError(f"no {kind.__name__} from {type(value).__name__}")
