"""Our own events in files: JSON Lines and Avro containers say the same, and a bad line costs the others nothing."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import fastavro
import pytest

from schemas.cloudevents import render_event
from schemas.codec import newest_schema
from schemas.intake.events_file import AVRO_MAGIC, read_avro_container, read_json_lines
from schemas.intake.reading import Noted, Read, Reading, Refused
from schemas.plain import to_avro
from tests.making import AFTER, IN_WINDOW, at, claim, listed, quality

#: A container's schema as somebody else may write it: the name is right, and more may be absent than the contract has.
LOOSE = {
    "type": "record",
    "name": "asm.v1.BeneficiaryLinked",
    "fields": [
        {"name": name, "type": ["null", "string"]} for name in ("event_id", "source", "tin", "from_token", "to_token")
    ],
}
LINKED = {"event_id": "e1", "source": "s", "tin": "640000321", "from_token": "a", "to_token": "b"}


def container(
    rows: Sequence[Mapping[str, Any]], schema: Any, codec: str = "null", metadata: dict[str, str] | None = None
) -> bytes:
    stream = BytesIO()
    fastavro.writer(stream, schema, rows, codec=codec, metadata=metadata)
    return stream.getvalue()


def from_lines(*lines: bytes) -> list[Reading]:
    return list(read_json_lines(lines, "e.jsonl"))


def from_container(content: bytes) -> list[Reading]:
    return list(read_avro_container(BytesIO(content), "e.avro"))


def line_of(**changes: Any) -> bytes:
    """A good line with changes of its envelope; what is None is left out."""
    plain = json.loads(render_event(listed(event_id="l1"), IN_WINDOW)) | changes
    return json.dumps({name: value for name, value in plain.items() if value is not None}).encode() + b"\n"


def test_each_line_is_an_event_with_its_instant_and_place() -> None:
    first, second = listed(), quality()
    lines = [render_event(first, IN_WINDOW), b"", b"  \r\n", render_event(second, AFTER)]
    assert from_lines(*(line + b"\n" for line in lines)) == [
        Read(event=first, time=IN_WINDOW, where="e.jsonl:1"),
        Read(event=second, time=AFTER, where="e.jsonl:4"),
    ]


def test_fields_that_the_contract_does_not_know_are_ignored_and_told_once_a_file() -> None:
    known = json.loads(line_of())["data"]
    line = line_of(data=known | {"zodiac": "Leo", "age": 3})
    noted, first, second = from_lines(line, line)
    assert noted == Noted(where="e.jsonl:1", detail="fields that the contract does not know are ignored: age, zodiac")
    assert [first, second] == [*from_lines(line_of()), *from_lines(b"", line_of())]


@pytest.mark.parametrize(
    ("line", "event_id", "detail"),
    [
        (b"?\n", None, "not JSON: JSON is malformed: invalid character (byte 0)"),
        (b"\xff\n", None, "not JSON: JSON is malformed: invalid character (byte 0)"),
        (b"[1]\n", None, "not an object with an object in data"),
        (line_of(data=None), "l1", "not an object with an object in data"),
        (line_of(time=None), "l1", "time is not an RFC 3339 instant"),
        (line_of(time="2028-02-01T15:00:00"), "l1", "time has no offset from UTC"),
        (line_of(id=7, data={}), None, "not a ParticipantListed: Expected `str`, got `int` - at `$.event_id`"),
        (line_of(data={"tin": "640000321"}), "l1", "not a ParticipantListed: Object missing required field `npi`"),
    ],
    ids=["text", "latin", "array", "no data", "no time", "no offset", "other type", "no field"],
)
def test_a_bad_line_is_refused_with_its_id_and_costs_the_others_nothing(
    line: bytes, event_id: str | None, detail: str
) -> None:
    first, refused, last = from_lines(line_of(), line, line_of())
    assert refused == Refused(reason="MALFORMED_EVENT", where="e.jsonl:2", detail=detail, event_id=event_id)
    assert [first, last] == [*from_lines(line_of()), *from_lines(b"", b"", line_of())]


def test_a_type_that_is_not_in_the_contract_is_refused() -> None:
    (refused,) = from_lines(line_of(type="asm.v1.ScoreChanged"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.event_id) == ("UNKNOWN_TYPE", "l1")


def test_a_container_holds_events_of_one_type_with_the_instant_of_its_metadata() -> None:
    events = [claim(event_id="c1"), claim(event_id="c2", claim_id="C2")]
    rows, schema = [to_avro(event) for event in events], newest_schema("ClaimReceived").parsed
    for codec in ("null", "deflate"):
        received = {"asm.received_at": "2028-02-01T10:00:00-05:00"}
        assert from_container(container(rows, schema, codec, received)) == [
            Read(event=events[0], time=IN_WINDOW, where="e.avro#1"),
            Read(event=events[1], time=IN_WINDOW, where="e.avro#2"),
        ]


def test_a_container_that_does_not_say_when_its_events_were_received_leaves_it_open() -> None:
    (reading,) = from_container(container([to_avro(claim(event_id="c1"))], newest_schema("ClaimReceived").parsed))
    assert reading == Read(event=claim(event_id="c1"), time=None, where="e.avro#1")


@pytest.mark.parametrize("instant", ["yesterday", "2028-02-01T15:00:00"])
def test_a_container_whose_instant_is_not_clear_is_refused(instant: str) -> None:
    content = container([LINKED], LOOSE, metadata={"asm.received_at": instant})
    detail = "asm.received_at in its metadata is not an ISO 8601 instant with its offset from UTC"
    assert from_container(content) == [Refused(reason="MALFORMED_FILE", where="e.avro", detail=detail)]


def test_a_container_of_a_type_that_may_not_arrive_is_refused() -> None:
    schema = newest_schema("ClockTicked").parsed
    (refused,) = from_container(container([{"as_of": at("2028-02-01")}], schema))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.where) == ("UNKNOWN_TYPE", "e.avro")
    (refused,) = from_container(container([{"x": 1}], {"type": "map", "values": "int"}))
    assert isinstance(refused, Refused)
    assert refused.reason == "UNKNOWN_TYPE"


def test_a_bad_event_in_a_container_is_refused_and_costs_the_others_nothing() -> None:
    first, refused, last = from_container(container([LINKED, LINKED | {"tin": None}, LINKED], LOOSE))
    assert refused == Refused(
        reason="MALFORMED_FILE", where="e.avro#2", detail="not a BeneficiaryLinked: NotImplementedError"
    )
    assert [(type(r).__name__, r.where) for r in (first, last)] == [("Read", "e.avro#1"), ("Read", "e.avro#3")]
    (refused,) = from_container(container([LINKED | {"source": None}], LOOSE))
    assert refused == Refused(
        reason="MALFORMED_FILE", where="e.avro#1", detail="not a BeneficiaryLinked: ValidationError"
    )


def test_a_container_that_is_cut_gives_what_came_before() -> None:
    whole = container([LINKED], LOOSE)
    assert from_container(whole[:-5]) == [
        *from_container(whole),
        Refused(reason="MALFORMED_FILE", where="e.avro#2", detail="broken here, the rest is not read: ValueError"),
    ]


def test_a_container_whose_compressed_bytes_are_broken_is_refused() -> None:
    content = bytearray(container([LINKED] * 50, LOOSE, "deflate"))
    content[-40:-20] = bytes(byte ^ 0xFF for byte in content[-40:-20])
    assert from_container(bytes(content)) == [
        Refused(reason="MALFORMED_FILE", where="e.avro#1", detail="broken here, the rest is not read: ValueError")
    ]


@pytest.mark.parametrize("content", [b"", AVRO_MAGIC, AVRO_MAGIC + bytes(range(60, 120)), b"{}"])
def test_what_is_no_container_is_refused(content: bytes) -> None:
    (refused,) = from_container(content)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.where, refused.detail.partition(":")[0]) == (
        "MALFORMED_FILE",
        "e.avro",
        "not an Avro container",
    )


def test_instants_come_in_utc() -> None:
    (reading,) = from_lines(line_of(time="2028-02-01T10:00:00.1234-05:00"))
    assert isinstance(reading, Read)
    assert reading.time == datetime.fromisoformat("2028-02-01T15:00:00.123+00:00")
    assert reading.time.utcoffset() == IN_WINDOW.utcoffset()
