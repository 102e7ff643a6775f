"""What a person sees: tables on standard output, words on standard error, JSON where it is asked for."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from processors.identity import Tin

_WIDTH_OF_FILES = 160
OUT = Console(highlight=False, soft_wrap=False, emoji=False, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
ERR = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
REFUSED, USAGE, UNAVAILABLE = 1, 2, 3
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
HttpPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Listen for /metrics, /healthz, /readyz (ASM_HTTP_PORT); 0: any free port."),
]
_AS_THEY_ARE = frozenset({str, int, bool, datetime})
_JSON = msgspec.json.Encoder(decimal_format="number")
_EASTERN = ZoneInfo("America/New_York")  # people read the deadline so; what it is stands in the rulebook
_PLACES = Decimal("0.00000001")


def complain(text: str) -> None:
    """Say something on standard error, in one paragraph."""
    typer.echo(f"asm: {text}", err=True)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """Return a table; a cell that is None stays empty."""
    drawn = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*cells(*row))
    return drawn


def cells(*values: object) -> list[Text]:
    """Return the cells of a row as plain text: what was received is never taken for markup."""
    return [Text("" if value is None else str(value)) for value in values]


def stake(at_stake: Decimal, cliff: str | None) -> str:
    """Show points at stake, and whether more than they would be lost."""
    return points(at_stake) + (" + cliff" if cliff else "")


def print_json(document: object) -> None:
    """Print one JSON document on one line; numbers are numbers."""
    sys.stdout.buffer.write(as_json(document).encode() + b"\n")
    sys.stdout.buffer.flush()


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


def parse_instant(text: str) -> datetime:
    """Read an instant with its offset from UTC, such as 2028-03-31T20:00:00-04:00."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an ISO 8601 instant") from error
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset from UTC: add Z, or -04:00")
    return instant.astimezone(UTC)
