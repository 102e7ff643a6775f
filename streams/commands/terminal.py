"""What a person sees: tables on standard output, words on standard error, JSON where it is asked for."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.wording import as_json

_WIDTH_OF_FILES = 160
OUT = Console(highlight=False, soft_wrap=False, emoji=False, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
ERR = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
REFUSED, USAGE, UNAVAILABLE = 1, 2, 3
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
HttpPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Listen for /metrics, /healthz, /readyz (ASM_HTTP_PORT); 0: any free port."),
]


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


def print_json(document: object) -> None:
    """Print one JSON document on one line; numbers are numbers."""
    sys.stdout.buffer.write(as_json(document).encode() + b"\n")
    sys.stdout.buffer.flush()


def parse_instant(text: str) -> datetime:
    """Read an instant with its offset from UTC, such as 2028-03-31T20:00:00-04:00."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an ISO 8601 instant") from error
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset from UTC: add Z, or -04:00")
    return instant.astimezone(UTC)
