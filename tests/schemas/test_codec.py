"""Bytes and records: what is written is what is read, and what is no record is refused by name."""

import dataclasses
import json
import struct
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.events import BatchClosed, ClockTicked, CostMeasure
from schemas.cloudevents import parse_event, render_event
from schemas.codec import RECORDS, InvalidRecord, decode, encode, newest_schema, schema_of
from schemas.fingerprint import observe
from schemas.plain import from_plain, to_avro
from schemas.topics import contract
from tests.making import IN_WINDOW, TIN, claim, quality, result

EXAMPLES = sorted((Path(__file__).parents[2] / "schemas" / "examples").glob("*/*.json"))
INBOUND = {r for t in contract().topics.values() if t.role == "inbound" for r in t.records}


def example(path: Path) -> Any:
    """The record that an example shows."""
    record = path.parent.name
    if record in INBOUND:
        return parse_event(path.read_bytes()).event
    return from_plain(json.loads(path.read_text(), parse_float=Decimal), RECORDS[record])


def test_every_record_of_the_contract_has_an_example() -> None:
    assert {path.parent.name for path in EXAMPLES} == set(RECORDS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_an_example_is_read_as_it_was_written(path: Path) -> None:
    record = example(path)
    assert decode(encode(record)) == record


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.parent.name in INBOUND], ids=lambda p: p.stem)
def test_the_json_form_of_an_event_says_the_same(path: Path) -> None:
    parsed = parse_event(path.read_bytes())
    again = parse_event(render_event(parsed.event, parsed.time))
    assert (again, parsed.unknown) == (parsed, frozenset())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_record_and_its_schema_name_the_same_fields(path: Path) -> None:
    record = example(path)
    names = [f["name"] for f in newest_schema(type(record).__name__).parsed["fields"]]
    assert names == [f.name for f in dataclasses.fields(record)]


def test_the_frame_is_a_zero_byte_and_the_schema_id_big_endian() -> None:
    assert encode(BatchClosed()) == b"\x00" + struct.pack(">I", contract().schema_ids["BatchClosed/v1"])


@pytest.mark.parametrize("value", [b"", b"\x00\x00", b"\x01\x00\x00\x00\x03rest", b"\x00\x00\x00\x03\xe7rest"])
def test_what_names_no_known_schema_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidRecord) as refused:
        decode(value)
    assert refused.value.reason == "UNKNOWN_SCHEMA"


def test_what_is_cut_or_too_long_is_refused() -> None:
    whole = encode(quality())
    for value in (whole[:-1], whole + b"\x00"):
        with pytest.raises(InvalidRecord) as refused:
            decode(value)
        assert refused.value.reason == "UNDECODABLE"


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(sorted(contract().schema_ids.values())), st.binary(max_size=200))
def test_arbitrary_bytes_are_a_record_or_refused_by_name(schema_id: int, body: bytes) -> None:
    value = b"\x00" + struct.pack(">I", schema_id) + body
    assert told_of(value) in {schema_of(value).record, "UNDECODABLE"}


def told_of(value: bytes) -> str:
    try:
        return type(decode(value)).__name__
    except InvalidRecord as refused:
        return refused.reason


@pytest.mark.parametrize(
    ("given_score", "on_the_wire"),
    [
        ("1.000000005", "1.00000000"),  # half to even
        ("1.000000015", "1.00000002"),
        ("1.0000000051", "1.00000001"),
        ("-7.123456785", "-7.12345678"),
    ],
)
def test_decimals_are_rounded_half_even_to_eight_places(given_score: str, on_the_wire: str) -> None:
    cost = CostMeasure(measure_id="COST_HF_1", episodes=20, score=Decimal(given_score))
    assert str(decode(encode(result(cost_measure=cost))).cost_measure.score) == on_the_wire


def test_an_instant_keeps_its_millisecond() -> None:
    as_of = datetime(2028, 3, 31, 23, 59, 59, 999000, tzinfo=UTC)
    assert decode(encode(ClockTicked(as_of=as_of))) == ClockTicked(as_of=as_of)


def test_a_symbol_that_is_not_known_yet_is_read_as_unknown() -> None:
    known = newest_schema("SubmissionReceived").parsed
    newer = fastavro.parse_schema(json.loads(json.dumps(known).replace('"WITHDRAW"', '"WITHDRAW", "AMEND"')))
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, newer, to_avro(quality()) | {"action": "AMEND"})
    buffer.seek(0)
    read: Any = fastavro.schemaless_reader(buffer, newer, known)
    assert read["action"] == "UNKNOWN"


def test_digests_tell_a_repeat_from_a_stage_and_a_stage_from_another_content() -> None:
    first = observe(quality(event_id="q1"), IN_WINDOW, "here")
    stage = observe(quality(event_id="q1", confirmation="C-1", receipted_at=IN_WINDOW), IN_WINDOW, "there")
    other = observe(quality(event_id="q1", revision=2), IN_WINDOW, "there")
    assert first.digest != stage.digest
    assert first.content == stage.content
    assert other.content != first.content


def test_what_prints_a_record_prints_no_tin_and_no_token() -> None:
    for record in (quality(), claim(), observe(claim(), IN_WINDOW, "here")):
        assert TIN.digits not in repr(record)
        assert "b1_" not in repr(record)
