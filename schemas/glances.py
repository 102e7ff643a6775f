"""A glance at an output: the few fields that say whether it is worth reading whole.

Avro skips what a narrower reader's schema does not ask for, so that millions of outputs can be looked through at the
start of a program. What is glanced at was written by this system: its fields are there.
"""

import struct
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import Any

import fastavro
import msgspec

from processors.outputs import Alert
from schemas.codec import Schema, schema_of

_HEADER = struct.Struct(">bI")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationGlance:
    """Which obligation and alert an output is about, and how they stand."""

    obligation_id: str
    status: str
    as_of: datetime
    due_at: datetime | None
    alert: Alert
    alert_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterGlance:
    """Who a score is about, as the roster names them."""

    tin: str = field(repr=False)
    npi: str
    performance_year: int
    cohort: str
    name: str | None = field(repr=False)
    organization: str | None
    practice_alias: str | None


def glance_at_obligation(value: bytes) -> ObligationGlance:
    """Return what the framed bytes of an ObligationChanged say at a glance."""
    return msgspec.convert(_read(value, ObligationGlance), ObligationGlance)


def glance_at_roster(value: bytes) -> RosterGlance:
    """Return what the framed bytes of a ScoreChanged say of the roster."""
    return msgspec.convert(_read(value, RosterGlance), RosterGlance)


def _read(value: bytes, wanted: type[Any]) -> Any:
    schema = schema_of(value)
    buffer = BytesIO(value)
    buffer.seek(_HEADER.size)
    return fastavro.schemaless_reader(buffer, schema.reading, _narrow(schema, tuple(wanted.__slots__)))


@cache
def _narrow(schema: Schema, wanted: tuple[str, ...]) -> Any:
    """Return a schema's own fields that a glance asks for."""
    fields = [told for told in schema.reading["fields"] if told["name"] in wanted]
    return fastavro.parse_schema({"type": "record", "name": schema.reading["name"], "fields": fields})
