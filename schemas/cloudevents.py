"""The JSON form of an event: a CloudEvents 1.0 object, one a line."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from processors.events import Event
from schemas.codec import RECORDS, InvalidRecord
from schemas.plain import from_plain, to_json, without_absent
from schemas.topics import INBOUND, contract

SPECVERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEvent:
    """An event of the JSON form, when it was received, and the fields of it that the contract does not know."""

    event: Event
    time: datetime
    unknown: frozenset[str]


def parse_event(text: str | bytes) -> ParsedEvent:
    """Read one object of the JSON form; ``time`` is when it was received.

    :raises InvalidRecord: MALFORMED_EVENT or UNKNOWN_TYPE.
    """
    try:
        plain = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord("MALFORMED_EVENT", f"not JSON: {error}") from error
    if not isinstance(plain, dict) or not isinstance(plain.get("data"), dict):
        raise InvalidRecord("MALFORMED_EVENT", "not an object with an object in data", "data")
    record = _record_of(plain.get("type"))
    data = {"event_id": plain.get("id"), "source": plain.get("source")} | plain["data"]
    try:
        event: Event = from_plain(data, record)
    except (msgspec.ValidationError, NotImplementedError, ArithmeticError) as error:
        raise InvalidRecord("MALFORMED_EVENT", f"not a {record.__name__}: {_without_values(error)}") from error
    unknown = frozenset(data) - _names(record.__name__)
    return ParsedEvent(event=event, time=_instant(plain.get("time")), unknown=unknown)


def render_event(event: Event, time: datetime) -> bytes:
    """Return the JSON form of an event, one line without its end."""
    plain = without_absent(to_json(event))
    envelope = {
        "specversion": SPECVERSION,
        "id": event.event_id,
        "source": event.source,
        "type": f"{contract().namespace}.{type(event).__name__}",
        "time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": plain,
    }
    return msgspec.json.encode(envelope)


@cache
def inbound_types() -> Mapping[str, type[Any]]:
    """Return the record types that may arrive, by the ``type`` that names them."""
    names = {r for t in contract().topics.values() if t.role == INBOUND for r in t.records}
    return {f"{contract().namespace}.{name}": RECORDS[name] for name in sorted(names)}


@cache
def _names(record: str) -> frozenset[str]:
    return frozenset(f.name for f in fields(RECORDS[record]))


def _record_of(name: object) -> type[Any]:
    record = inbound_types().get(name) if isinstance(name, str) else None
    if record is None:
        raise InvalidRecord("UNKNOWN_TYPE", f"type is none of {', '.join(inbound_types())}", "type")
    return record


def _instant(text: object) -> datetime:
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise InvalidRecord("MALFORMED_EVENT", "time is not an RFC 3339 instant", "time") from error
    if time.tzinfo is None:
        raise InvalidRecord("MALFORMED_EVENT", "time has no offset from UTC", "time")
    try:
        utc = time.astimezone(UTC)
    except OverflowError as error:
        raise InvalidRecord("MALFORMED_EVENT", "time is before the first or after the last year", "time") from error
    return utc.replace(microsecond=time.microsecond // 1000 * 1000)


def _without_values(error: Exception) -> str:
    """Say what was expected and where; of the value itself nothing."""
    text, separator, path = str(error).partition(" - at ")
    expected = "unknown symbol" if text.startswith("Invalid enum value") else text
    return f"{expected}{separator}{path}"
