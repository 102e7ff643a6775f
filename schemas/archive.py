"""Records of a topic as an Avro container file: each as it lay there, its bytes unchanged, in its order.

A row is an envelope (offset, timestamp, key, headers, schema id) and the value as one branch of a union: a record under
its own writer schema, a text, or bytes that are neither. Avro writes a union as the branch's number and the value's own
bytes, so what was admitted stands in the file byte for byte, and any Avro reader shows it as a record
(``docs/decisions/0019-the-archive.md``).
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from io import BytesIO
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, cast

import fastavro
from fastavro.write import Writer

from schemas.bounds import ZSTANDARD
from schemas.codec import FRAME, MAGIC, MALFORMED, InvalidRecord, Schema, schema_of, schemas_of
from schemas.topics import contract

#: zstandard where its library (backports.zstd) is installed.
CODEC = "deflate" if ZSTANDARD is None else "zstandard"
_BLOCK_BYTES = 512 * 1024
_NULL, _BYTES, _TEXT = 0, 1, 2
_LONG: Any = fastavro.parse_schema("long")
_FIELDS: tuple[Mapping[str, Any], ...] = (
    {"name": "offset", "type": "long", "doc": "Where it lay in its partition."},
    {"name": "timestamp_ms", "type": "long", "doc": "Timestamp of the record, milliseconds UTC."},
    {"name": "key", "type": ["null", "bytes"], "doc": "Key; null: a mark of the journal."},
    {
        "name": "headers",
        "type": {
            "type": "array",
            "items": {
                "type": "record",
                "name": "Header",
                "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": "bytes"}],
            },
        },
        "doc": "Headers, in their order.",
    },
    {"name": "schema_id", "type": ["null", "int"], "doc": "Schema id of the frame that stood before the value."},
    {"name": "value_bytes", "type": "long", "doc": "Length of the value without its frame."},
)
_HEAD: Any = fastavro.parse_schema({"type": "record", "name": "asm.archive.Head", "fields": list(_FIELDS)})


class ArchiveBroken(Exception):
    """A file of an archive that is none, or not whole; the text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedRow:
    """A record as it lay on a topic; ``timestamp`` is milliseconds UTC."""

    offset: int
    timestamp: int
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a finished file holds."""

    count: int
    left_out: int
    size: int
    sha256: str


class _Block(NamedTuple):
    num_records: int
    bytes_: BytesIO


class _Digesting:
    """A stream that is written once, from its beginning to its end, and knows its digest and size."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = sha256()
        self.size = 0

    def seekable(self) -> bool:
        """Say no: nothing is appended to a file."""
        return False

    def write(self, data: bytes) -> int:
        """Write and take note."""
        self.digest.update(data)
        self.size += len(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()


class ArchiveWriter:
    """Writes rows of one topic into a stream; with a performance year only those of it, and those of none."""

    def __init__(self, stream: BinaryIO, topic: str, codec: str = CODEC, performance_year: int | None = None) -> None:
        self._out = _Digesting(stream)
        self._year = performance_year
        self._is_text = contract().topics[topic].role == "text"
        self._branches = {schema.schema_id: number for number, schema in enumerate(_schemas(topic), _TEXT + 1)}
        marker = sha256(f"asm.archive {topic}".encode()).digest()[:16]  # so that equal rows are equal bytes
        self._writer = Writer(cast("BinaryIO", self._out), container_schema(topic), codec=codec, sync_marker=marker)
        self._block, self._rows = BytesIO(), 0
        self._count, self._left_out = 0, 0

    def append(self, row: ArchivedRow) -> None:
        """Take the next row."""
        schema_id, branch, body, year = self._told(row.value)
        if None not in (self._year, year) and year != self._year:
            self._left_out += 1
            return
        head = {
            "offset": row.offset,
            "timestamp_ms": row.timestamp,
            "key": row.key,
            "headers": [{"name": name, "value": value} for name, value in row.headers],
            "schema_id": schema_id,
            "value_bytes": len(body),
        }
        fastavro.schemaless_writer(self._block, _HEAD, head)
        fastavro.schemaless_writer(self._block, _LONG, branch)
        if branch in (_BYTES, _TEXT):
            fastavro.schemaless_writer(self._block, _LONG, len(body))
        self._block.write(body)
        self._rows += 1
        if self._block.tell() >= _BLOCK_BYTES:
            self._end_block()

    def finish(self) -> Written:
        """Write what is left, and say what the file holds."""
        self._end_block()
        self._writer.flush()
        return Written(
            count=self._count, left_out=self._left_out, size=self._out.size, sha256=self._out.digest.hexdigest()
        )

    def _end_block(self) -> None:
        if self._rows:
            self._writer.write_block(_Block(self._rows, self._block))
            self._count += self._rows
            self._block, self._rows = BytesIO(), 0

    def _told(self, value: bytes | None) -> tuple[int | None, int, bytes, int | None]:
        """Return a value's schema id, branch, bytes and performance year; what is no record is kept as bytes."""
        if value is None:
            return None, _NULL, b"", None
        if self._is_text:
            return None, _TEXT if _is_utf8(value) else _BYTES, value, None
        try:
            schema = schema_of(value)
            body = BytesIO(value[FRAME.size :])
            plain: Any = fastavro.schemaless_reader(body, schema.reading, None)
        except (InvalidRecord, *MALFORMED):
            return None, _BYTES, value, None
        branch = self._branches.get(schema.schema_id)
        if branch is None or body.read(1):  # of another topic, or longer than its record
            return None, _BYTES, value, None
        return schema.schema_id, branch, value[FRAME.size :], plain.get("performance_year")


class ArchiveReader:
    """Reads the rows of a file as they lay on their topic."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __enter__(self) -> "ArchiveReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def rows(self) -> Iterator[ArchivedRow]:
        """Yield the rows.

        :raises ArchiveBroken: the file is no such container, or ends too early.
        """
        try:
            blocks: Any = fastavro.block_reader(self._stream)
            for block in blocks:
                content = block.bytes_
                for _ in range(block.num_records):
                    yield _row(content)
        except (OSError, struct.error, *MALFORMED) as error:
            raise ArchiveBroken(f"not an archive's container ({type(error).__name__}: {error})") from error


def container_schema(topic: str) -> Any:
    """Return the schema of a topic's rows: the union has each version of each of its records.

    Two versions of a record have one name, and records share types of one name: each lies in a namespace of its own.
    """
    union: list[Any] = ["null", "bytes", "string", *(_branch(schema) for schema in _schemas(topic))]
    value = {"name": "value", "type": union, "doc": "The value: a record by its writer schema; a text; or else bytes."}
    return {
        "type": "record",
        "name": "Row",
        "namespace": "asm.archive",
        "doc": f"A record of {topic}, as it lay there.",
        "fields": [*_FIELDS, value],
    }


@cache
def _schemas(topic: str) -> tuple[Schema, ...]:
    return tuple(schemas_of(contract().topics[topic].records))


def _branch(schema: Schema) -> Any:
    plain = json.loads(schema.text)
    return {**plain, "namespace": f"{plain['namespace']}.id{schema.schema_id}"}


def _row(content: BytesIO) -> ArchivedRow:
    head: Any = fastavro.schemaless_reader(content, _HEAD, None)
    branch: Any = fastavro.schemaless_reader(content, _LONG, None)
    if branch in (_BYTES, _TEXT):
        fastavro.schemaless_reader(content, _LONG, None)
    body = content.read(head["value_bytes"])
    if len(body) != head["value_bytes"]:
        raise EOFError("a value is cut off")
    frame = b"" if head["schema_id"] is None else FRAME.pack(MAGIC, head["schema_id"])
    return ArchivedRow(
        offset=head["offset"],
        timestamp=head["timestamp_ms"],
        key=head["key"],
        value=None if branch == _NULL else frame + body,
        headers=tuple((header["name"], header["value"]) for header in head["headers"]),
    )


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
