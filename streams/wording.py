"""How values of the SQL view are put into words and JSON, for the command line and the console alike."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from processors.identity import Tin

ESTIMATE = "An estimate by asm-streams, not a determination by CMS."
_AS_THEY_ARE = frozenset({str, int, bool, datetime})
_JSON = msgspec.json.Encoder(decimal_format="number")
_EASTERN = ZoneInfo("America/New_York")  # people read the deadline so; what it is stands in the rulebook
_PLACES = Decimal("0.00000001")


def stake(at_stake: Decimal, cliff: str | None) -> str:
    """Show points at stake, and whether more than they would be lost."""
    return points(at_stake) + (" + cliff" if cliff else "")


def as_json(document: object) -> str:
    """Return a JSON document on one line; numbers are numbers."""
    return _JSON.encode(rounded(document)).decode()


def already_json(document: object) -> msgspec.Raw:
    """Return a document as it stands in another one: what stands in several is written once."""
    return msgspec.Raw(_JSON.encode(rounded(document)))


def rounded(value: Any) -> Any:
    """Round decimals half-even to eight places and drop trailing zeros; leave out what is absent."""
    if isinstance(value, dict):
        return {k: v if type(v) in _AS_THEY_ARE else rounded(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [v if type(v) in _AS_THEY_ARE else rounded(v) for v in value]
    if isinstance(value, Decimal):
        short = value.quantize(_PLACES)
        return int(short) if short == short.to_integral_value() else short.normalize()
    return value


def points(value: Decimal | None) -> str:
    """Show points with two places, or a dash."""
    return "–" if value is None else f"{value:.2f}"


def show_instant(instant: datetime | None) -> str:
    """Show an instant in the zone of the deadline, to the minute."""
    return "–" if instant is None else f"{instant.astimezone(_EASTERN):%Y-%m-%d %H:%M %Z}"


def masked(tin: str) -> str:
    """Show a TIN's last two digits."""
    return str(Tin(tin))


def percent(factor: Decimal | None) -> str:
    """Show a factor as a signed percentage, or a dash."""
    return "–" if factor is None else f"{100 * factor:+.2f} %"


def dollars(cents: int | None) -> str:
    """Show cents as signed dollars, or a dash."""
    return "–" if cents is None else f"{'-' if cents < 0 else '+'}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
