"""Our own events in files: JSON Lines of CloudEvents, or an Avro container file of one record type."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, BinaryIO

import fastavro
import msgspec
from fastavro.schema import SchemaParseException

from schemas.bounds import BoundedStream, refuse_unbounded
from schemas.cloudevents import inbound_types, parse_event
from schemas.codec import InvalidRecord
from schemas.intake.reading import Noted, Read, Reading, Refused
from schemas.plain import from_plain

AVRO_MAGIC = b"Obj\x01"
_MALFORMED = (
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    SchemaParseException,
)


def read_json_lines(lines: Iterable[bytes], name: str) -> Iterator[Reading]:
    """Read events in the JSON form, one a line; blank lines are skipped, unknown fields told once a file."""
    told = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            parsed = parse_event(line)
        except InvalidRecord as error:
            yield Refused(reason=error.reason, where=where, detail=error.detail, event_id=_id_of(line))
            continue
        if parsed.unknown and not told:
            told = True
            fields = ", ".join(sorted(parsed.unknown))
            yield Noted(where=where, detail=f"fields that the contract does not know are ignored: {fields}")
        yield Read(event=parsed.event, time=parsed.time, where=where)


def read_avro_container(stream: BinaryIO, name: str) -> Iterator[Reading]:
    """Read an Avro container file of one inbound record type.

    The file's metadata ``asm.received_at`` (an ISO instant) says when its events were received; without it ``time`` is
    None, which means now.
    """
    try:
        bounded: Any = BoundedStream(stream)
        reader = fastavro.reader(bounded)
        schema = reader.writer_schema
        refuse_unbounded(schema)
        record = inbound_types().get(schema.get("name", "") if isinstance(schema, dict) else "")
    except _MALFORMED as error:
        yield Refused(reason="MALFORMED_FILE", where=name, detail=f"not an Avro container: {type(error).__name__}")
        return
    if record is None:
        types = ", ".join(inbound_types())
        yield Refused(reason="UNKNOWN_TYPE", where=name, detail=f"its schema is none of {types}")
        return
    try:
        received_at = _received_at(reader.metadata)
    except ValueError:
        detail = "asm.received_at in its metadata is not an ISO 8601 instant with its offset from UTC"
        yield Refused(reason="MALFORMED_FILE", where=name, detail=detail)
        return
    yield from _events_of(reader, name, record, received_at)


def _events_of(reader: Any, name: str, record: type[Any], received_at: datetime | None) -> Iterator[Reading]:
    """Read the events of a container; one that is none is refused, and where the bytes are broken the rest is lost."""
    for number in count(1):
        where = f"{name}#{number}"
        try:
            plain = next(reader)
        except StopIteration:
            return
        except _MALFORMED as error:
            detail = f"broken here, the rest is not read: {type(error).__name__}"
            yield Refused(reason="MALFORMED_FILE", where=where, detail=detail)
            return
        try:
            event = from_plain(plain, record)
        except _MALFORMED as error:
            detail = f"not a {record.__name__}: {type(error).__name__}"
            yield Refused(reason="MALFORMED_FILE", where=where, detail=detail)
            continue
        yield Read(event=event, time=received_at, where=where)


def _received_at(metadata: Mapping[str, str]) -> datetime | None:
    text = metadata.get("asm.received_at")
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no offset from UTC")
    return instant.astimezone(UTC)


def _id_of(line: bytes) -> str | None:
    try:
        plain = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    event_id = plain.get("id") if isinstance(plain, dict) else None
    return event_id if isinstance(event_id, str) else None
