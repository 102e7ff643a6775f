"""Rows as Parquet for analysts: points as decimal(18,8), instants UTC in milliseconds, what is nested as JSON text.

polars is looked for when it is needed: it is large, and nothing else of the system wants it.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO

_PLACES = Decimal("0.00000001")


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    POINTS = "points"
    INSTANT = "instant"
    NESTED = "nested"


def can_write_parquet() -> bool:
    """Say whether the library that writes Parquet, polars, is installed."""
    return find_spec("polars") is not None


def write_parquet(stream: BinaryIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows, whose values stand in the order of the columns, as one Parquet file.

    :raises ModuleNotFoundError: polars is not installed.
    """
    polars: Any = import_module("polars")
    types = {
        Kind.TEXT: polars.String,
        Kind.NUMBER: polars.Int64,
        Kind.FLAG: polars.Boolean,
        Kind.POINTS: polars.Decimal(18, 8),
        Kind.INSTANT: polars.Datetime("ms", "UTC"),
        Kind.NESTED: polars.String,
    }
    kinds = list(columns.values())
    data = [[_shown(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in rows]
    frame = polars.DataFrame(data, schema={name: types[kind] for name, kind in columns.items()}, orient="row")
    frame.write_parquet(stream, compression="zstd")


def _shown(kind: Kind, value: Any) -> Any:
    if value is None or kind is not Kind.POINTS:
        return value
    return Decimal(value).quantize(_PLACES, rounding=ROUND_HALF_EVEN)
