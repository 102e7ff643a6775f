"""Bytes <-> frozen records: Avro with Confluent framing, schema ids from ``topics.toml``."""

import struct
from collections.abc import Collection, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType
from typing import Any

import fastavro
import fastavro.write
import msgspec

from processors import events, outputs
from schemas import recalculations, records
from schemas.bounds import Unrolled
from schemas.plain import from_plain, to_avro
from schemas.topics import contract

MAGIC = 0
#: What stands before a record: the magic byte and the schema id.
FRAME = struct.Struct(">bI")
_PLACES = Decimal("0.00000001")
#: What reading bytes that are no record raises.
MALFORMED = (
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ArithmeticError,
    RecursionError,
    struct.error,
)

#: Every record of the contract, by name.
RECORDS: Mapping[str, type[Any]] = MappingProxyType(
    {
        record.__name__: record
        for record in (
            events.ClaimReceived,
            events.BeneficiaryLinked,
            events.SubmissionReceived,
            events.ReceiptReceived,
            events.AttestationReceived,
            events.ReadinessReported,
            events.ChannelDeclared,
            events.ParticipantListed,
            events.ParticipantRemoved,
            events.ResultDetermined,
            events.ReliefGranted,
            events.BatchClosed,
            events.ClockTicked,
            events.LawPromoted,
            records.ClockSet,
            records.DeadLetter,
            records.Refusal,
            records.HealthChanged,
            records.OperationRecorded,
            records.AlertAcknowledged,
            records.NoticeRecorded,
            recalculations.GenerationRecorded,
            recalculations.RecalculationStarted,
            recalculations.PartitionRecalculated,
            recalculations.RecalculationCompleted,
            outputs.ScoreChanged,
            outputs.ObligationChanged,
            outputs.FindingChanged,
            outputs.StandingChanged,
        )
    }
)


class InvalidRecord(Exception):
    """Bytes or values that are no record of the contract: theirs, with a reason code."""

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


class Schema:
    """One version of a record's schema."""

    def __init__(self, schema_id: int, record: str, text: str) -> None:
        self.schema_id = schema_id
        self.record = record
        self.text = text
        self.sha256 = sha256(text.encode()).hexdigest()
        self.parsed: Any = fastavro.parse_schema(msgspec.json.decode(text))
        #: What it is read by: whatever the bytes say, it ends.
        self.reading: Any = fastavro.parse_schema(Unrolled().of(msgspec.json.decode(text)))
        self.frame = FRAME.pack(MAGIC, schema_id)


def encode(record: object) -> bytes:
    """Return the framed bytes of a record, under the newest version of its schema.

    Decimals are rounded half-even to eight places, here and nowhere else.
    """
    schema = newest_schema(type(record).__name__)
    buffer = BytesIO()
    buffer.write(schema.frame)
    fastavro.schemaless_writer(buffer, schema.parsed, to_avro(record), disable_tuple_notation=True)
    return buffer.getvalue()


def decode(value: bytes) -> Any:
    """Return the record that framed bytes hold, read under the newest version of its schema.

    :raises InvalidRecord: UNKNOWN_SCHEMA, or UNDECODABLE.
    """
    schema = schema_of(value)
    buffer = BytesIO(value)
    buffer.seek(FRAME.size)
    newest = newest_schema(schema.record)
    try:
        plain = fastavro.schemaless_reader(buffer, schema.reading, None if newest is schema else newest.reading)
        if buffer.read(1):
            raise InvalidRecord("UNDECODABLE", f"bytes follow the {schema.record}")
        return from_plain(plain, RECORDS[schema.record])
    except MALFORMED as error:
        raise InvalidRecord("UNDECODABLE", f"not a {schema.record}: {type(error).__name__}") from error


def schema_of(value: bytes) -> Schema:
    """Return the schema that framed bytes name.

    :raises InvalidRecord: UNKNOWN_SCHEMA.
    """
    if len(value) < FRAME.size or value[0] != MAGIC:
        raise InvalidRecord("UNKNOWN_SCHEMA", "no magic byte and schema id")
    schema_id = FRAME.unpack_from(value)[1]
    schema = _by_id().get(schema_id)
    if schema is None:
        raise InvalidRecord("UNKNOWN_SCHEMA", f"schema id {schema_id} is not in the contract")
    return schema


def newest_schema(record: str) -> Schema:
    """Return the newest version of a record's schema."""
    return _newest()[record]


def schemas_of(names: Collection[str]) -> Iterator[Schema]:
    """Yield every version of the schemas of records, by their ids."""
    return (schema for _, schema in sorted(_by_id().items()) if schema.record in names)


def content_digest(output: outputs.Output) -> str:
    """Return the SHA-256 of an output as it goes on the wire: what rounds to the same is the same."""
    return sha256(encode(output)).hexdigest()


@cache
def _by_id() -> Mapping[int, Schema]:
    folder = files("schemas")
    schemas = {}
    for name, schema_id in contract().schema_ids.items():
        record, version = name.split("/")
        schemas[schema_id] = Schema(schema_id, record, folder.joinpath(record, f"{version}.avsc").read_text())
    return schemas


@cache
def _newest() -> Mapping[str, Schema]:
    return {schema.record: schema for _, schema in sorted(_by_id().items())}


def _write_decimal(value: Decimal, schema: Any) -> bytes:
    """Round half-even to the schema's eight places; fastavro's own writer refuses what does not fit them."""
    unscaled = int(Decimal(value).quantize(_PLACES, rounding=ROUND_HALF_EVEN).scaleb(schema["scale"]))
    return unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)


fastavro.write.LOGICAL_WRITERS["bytes-decimal"] = _write_decimal
