"""What fuzzing found, each by its name: it was a crash, a hang, a second or more, or an error that nobody expects."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from io import BufferedReader, BytesIO
from pathlib import Path
from time import process_time
from typing import Any

import fastavro
import msgspec
import pytest

from infra.rulebooks import AREAS, read_rulebooks
from processors.events import ClaimReceived
from processors.identity import Tin
from processors.rulebook import RulebookError, seal
from processors.score_tree import Part
from schemas.codec import InvalidRecord, decode, encode, newest_schema
from schemas.intake.crosswalk import areas_of, read_crosswalk
from schemas.intake.events_file import read_avro_container
from schemas.intake.qpp import Proof, read_qpp
from schemas.intake.reading import Read, Refused
from schemas.intake.rif import RifOptions, read_rif
from schemas.packed_ledger import LedgerRecord, unpacked
from schemas.state import PartitionMark, unpack
from streams.admission import Inbound, Rules, admit_batch, inbound_of
from tests.fuzz.files import TERMS, vintage_texts
from tests.fuzz.seeds import SEEDS
from tests.making import NPI, TIN, cost, quality, result

SYNC = b"S" * 16
LINKED = {name: {"name": name, "type": "string"} for name in ("event_id", "source", "tin", "from_token", "to_token")}


def long(number: int) -> bytes:
    """A number as Avro writes it."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, "long", number)
    return stream.getvalue()


def container(fields: list[Any], block: bytes = b"", count: int = 1, codec: bytes = b"null") -> bytes:
    """A container whose schema has the name of an inbound record and whatever fields."""
    text = json.dumps({"type": "record", "name": "asm.v1.BeneficiaryLinked", "fields": fields}).encode()
    metadata = b"".join(long(len(part)) + part for part in (b"avro.schema", text, b"avro.codec", codec))
    return b"Obj\x01" + long(2) + metadata + b"\0" + SYNC + long(count) + long(len(block)) + block + SYNC


def refusals(content: bytes) -> list[tuple[str, str]]:
    """What is refused of a container, read as a file is read."""
    readings = read_avro_container(BufferedReader(BytesIO(content)), "e.avro")
    return [(r.reason, r.where) for r in readings if isinstance(r, Refused)]


def deep_score(depth: int) -> bytes:
    """A score whose tree has a part in a part, so deep."""
    (score,) = (decode(v) for v in SEEDS["codec"]() if v.startswith(newest_schema("ScoreChanged").frame))
    value, other = (encode(replace(score, tree=Part(code=code, title=""))) for code in ("", "x"))
    start = next(place for place, (a, b) in enumerate(zip(value, other, strict=False)) if a != b)
    end = start + 9  # two empty texts, three absent numbers, four empty lists
    return value[:start] + b"\0\0\0\0\0\2" * depth + value[start:end] + b"\0\0\0\0" * depth + value[end:]


def inbound(value: bytes, topic: str = "asm.determinations.v1") -> Inbound:
    return Inbound(topic=topic, partition=0, offset=0, key=TIN.digits.encode(), value=value, timestamp=0)


def reasons(value: bytes) -> list[str]:
    """Why admission refuses a value."""
    return [letter.reason for letter in admit_batch([inbound(value)], Rules(partitions=1)).letters]


def assert_within_a_second(act: Callable[[], object]) -> None:
    began = process_time()
    act()
    assert process_time() - began < 1


def test_a_score_as_deep_as_scores_are_is_read() -> None:
    tree = decode(deep_score(15)).tree
    depth = 0
    while tree.parts:
        (tree,), depth = tree.parts, depth + 1
    assert depth == 15


@pytest.mark.parametrize("depth", [16, 900, 12_000])
def test_a_score_that_is_deeper_is_refused_and_the_stack_holds(depth: int) -> None:
    with pytest.raises(InvalidRecord) as refused:
        decode(deep_score(depth))
    assert refused.value.reason == "UNDECODABLE"


def test_a_deep_score_on_an_inbound_topic_is_a_dead_letter_like_any_other() -> None:
    assert reasons(deep_score(12_000)) == ["WRONG_TOPIC"]


def test_a_decimal_of_a_hundred_thousand_bytes_is_refused_at_once() -> None:
    whole, score = encode(result(cost_measure=cost(score=Decimal("1.5")))), long(4) + (150_000_000).to_bytes(4, "big")
    assert score in whole
    value = whole.replace(score, long(100_000) + b"\x7f" * 100_000)
    assert_within_a_second(lambda: reasons(value))
    assert reasons(value) == ["UNDECODABLE"]


def test_a_tin_that_is_no_text_is_refused_when_an_event_is_sent() -> None:
    with pytest.raises(InvalidRecord) as refused:
        inbound_of(quality(tin=Tin("\ud800")), Rules(partitions=1))
    assert refused.value.reason == "MALFORMED_EVENT"


@pytest.mark.parametrize(
    "field",
    [
        {"name": "x", "type": {"type": "array", "items": "null"}},
        {"name": "x", "type": {"type": "array", "items": {"type": "fixed", "name": "nothing", "size": 0}}},
        {"name": "x", "type": {"type": "array", "items": {"type": "record", "name": "nothing", "fields": []}}},
        {"name": "x", "type": {"type": "array", "items": ["null", "asm.v1.BeneficiaryLinked"]}},
        {"name": "x", "type": "null"},
        {"name": "x", "type": {"type": "bytes", "logicalType": "decimal", "precision": "many"}},
        {"name": "x", "type": "string", "default": 1},
    ],
    ids=["nulls", "fixed 0", "no fields", "in itself", "null", "precision", "default"],
)
def test_a_container_by_whose_schema_few_bytes_become_much_is_refused(field: Any) -> None:
    content = container([field], long(2**40) + b"\0")
    assert refusals(content) == [("MALFORMED_FILE", "e.avro")]


def test_a_container_of_events_without_bytes_is_refused_and_not_counted_to_its_end() -> None:
    assert refusals(container([], count=2**60)) == [("MALFORMED_FILE", "e.avro")]


def test_a_container_whose_schema_is_too_deep_for_json_is_refused() -> None:
    deep = b'{"type":"array","items":' * 5000 + b'"int"' + b"}" * 5000
    content = container([{"name": "x", "type": "DEEP"}])
    assert refusals(content.replace(b'"DEEP"', deep)) == [("MALFORMED_FILE", "e.avro")]


@pytest.mark.parametrize("codec", ["deflate", "bzip2", "xz"])
def test_a_compressed_block_that_swells_is_refused_before_it_does(codec: str) -> None:
    stream = BytesIO()
    row = dict.fromkeys(LINKED, "a") | {"source": "a" * (5 * 1024 * 1024)}
    schema = {"type": "record", "name": "asm.v1.BeneficiaryLinked", "fields": list(LINKED.values())}
    fastavro.writer(stream, schema, [row], codec=codec)
    assert len(stream.getvalue()) < 10_000
    assert refusals(stream.getvalue()) == [("MALFORMED_FILE", "e.avro#1")]


@pytest.mark.parametrize("codec", ["bzip2", "xz", "snappy"])
def test_compressed_bytes_that_are_broken_or_of_another_codec_are_refused(codec: str) -> None:
    content = container(list(LINKED.values()), long(8) + b"nonsense", codec=codec.encode())
    assert refusals(content)[0][0] == "MALFORMED_FILE"


@pytest.mark.parametrize("length", [2**40, 2**62, -1, -(2**62)])
def test_a_length_that_no_memory_holds_is_refused_without_asking_for_it(length: int) -> None:
    whole = container(list(LINKED.values()), b"x" * 8)
    block = whole.replace(long(8) + b"x" * 8, long(length) + b"x" * 8)
    assert refusals(block) == [("MALFORMED_FILE", "e.avro#1")]
    assert refusals(b"Obj\x01" + long(1) + long(length)) == [("MALFORMED_FILE", "e.avro")]


def qpp(category: str, measurements: list[Any], **given: Any) -> dict[str, Any]:
    dates = {"performanceStart": "2027-01-01", "performanceEnd": "2027-12-31"}
    whose = {"taxpayerIdentificationNumber": "640000321", "nationalProviderIdentifier": NPI, "performanceYear": 2027}
    return whose | {"measurementSets": [{"category": category, "measurements": measurements} | dates | given]}


def refused_of(text: bytes) -> list[str]:
    return [r.reason for r in read_qpp(text, "f", "s", Proof()) if isinstance(r, Refused)]


def test_a_qpp_file_of_any_depth_is_read_or_refused() -> None:
    text = json.dumps(qpp("quality", [], deep="DEEP")).encode()
    found = [refused_of(text.replace(b'"DEEP"', b"[" * depth + b"]" * depth)) for depth in range(700, 1000)]
    assert found[0] == []
    assert {tuple(reasons) for reasons in found} == {(), ("NOT_SUBMISSION",), ("MALFORMED_FILE",)}


@pytest.mark.parametrize("text", [rb'"\ud800"', b'"\xed\xa0\x80"'])
def test_half_of_a_surrogate_pair_in_a_qpp_file_is_no_text(text: bytes) -> None:
    for name in (b"taxpayerIdentificationNumber", b"nationalProviderIdentifier", b"performanceStart", b"unknown"):
        content = json.dumps(qpp("quality", [], unknown="x")).encode()
        head, _, tail = content.partition(b'"' + name + b'": ')
        changed = head + b'"' + name + b'": ' + text + tail[tail.index(b'"', 1) + 1 :]
        assert refused_of(changed) == ["MALFORMED_FILE"]


def test_a_set_of_more_activities_than_there_are_is_refused_and_not_digested_one_by_one() -> None:
    activity = {"measureId": "ASM_IA_1", "value": True}
    text = json.dumps(qpp("ia", [activity] * 6000, note="x" * 250_000)).encode()
    assert_within_a_second(lambda: refused_of(text))
    assert refused_of(text) == ["NOT_SUBMISSION"]
    few = json.dumps(qpp("ia", [activity] * 200)).encode()
    assert sum(isinstance(r, Read) for r in read_qpp(few, "f", "s", Proof())) == 200


OPTIONS = RifOptions(source="s", token=lambda identifier: identifier)


def test_a_claim_of_many_lines_with_codes_of_their_own_is_read_in_linear_time() -> None:
    columns = "BENE_ID|CLM_ID|CLM_GRP_ID|FINAL_ACTION|CLM_FROM_DT|CLM_THRU_DT|NCH_WKLY_PROC_DT|LINE_NUM|TAX_NUM"
    day = "03-May-2027"
    lines = [f"{columns}|LINE_1ST_EXPNS_DT|LINE_ICD_DGNS_CD\n".encode()]
    lines += [f"1|2|3|F|{day}|{day}|{day}|1|640000321|{day}|E{number:05}\n".encode() for number in range(20_000)]

    def seconds_of(count: int) -> float:
        began = process_time()
        assert len(list(read_rif(lines[: count + 1], "c", OPTIONS))) == 1
        return process_time() - began

    assert seconds_of(20_000) < 10 * seconds_of(4_000)  # comparing each with each would be twenty-five times
    (reading,) = read_rif(lines, "c", OPTIONS)
    assert isinstance(reading, Read)
    assert isinstance(reading.event, ClaimReceived)
    assert [line.diagnosis_pointers for line in reading.event.lines[-2:]] == [(19_999,), (20_000,)]


@pytest.mark.parametrize("share", ["NaN", "sNaN", "Infinity", "1e99999999", "-0.1", "1.1"])
def test_a_share_that_is_none_is_refused_before_it_is_compared(share: str) -> None:
    lines = [b"ZIP,CBSA,TOT_RATIO\n", f"00001,10001,{share}\n".encode(), b"00001,10002,0.5\n"]
    rows = list(read_crosswalk(lines, "z"))
    assert [r.where for r in rows if isinstance(r, Refused)] == ["z:2"]
    assert areas_of(row for row in rows if not isinstance(row, Refused)) == {"00001": "10002"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (AREAS, "value    = []", "value = " + "[" * 5000 + "]" * 5000),
        (AREAS, "value    = []", "value = 1e99999999999999999999"),
        (AREAS, "value    = []", "value = " + "9" * 5000),
        (AREAS, "value    = []", "a." * 10_000 + "a = 1"),
        (AREAS, 'standing = "assumed"', "standing = [1]"),
        (AREAS, 'cites    = ["42 CFR 512.710"]', "cites = 5"),
        (AREAS, 'cites    = ["42 CFR 512.710"]', "cites = [5]"),
        (AREAS, "value    = []", "by_year = 5"),
        (TERMS, "[2027, 2028, 2029, 2030, 2031]", "5"),
        (TERMS, "[2027, 2028, 2029, 2030, 2031]", "[[2027], {}]"),
        (TERMS, '2027 = { value = 2027-01-01, standing = "verbatim" }', "2027 = 5"),
        (TERMS, "[performance_years]", "performance_years = 5\n[others]"),
        ("512_725_quality.toml", "value    = 0.75", "value = nan"),
    ],
)
def test_a_rulebook_file_that_is_wrong_in_kind_is_refused_at_once(name: str, old: str, new: str) -> None:
    texts = vintage_texts()
    assert old in texts[name]
    began = process_time()
    with pytest.raises(RulebookError):
        seal(texts | {name: texts[name].replace(old, new, 1)})
    assert process_time() - began < 1


def test_a_folder_with_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    for name, text in vintage_texts().items():
        (tmp_path / name).write_text(text)
    (tmp_path / AREAS).write_bytes(b"\xff")
    with pytest.raises(RulebookError, match="cannot be read as text"):
        read_rulebooks(tmp_path)


@pytest.mark.parametrize(
    ("record", "value"),
    [
        (PartitionMark, b"\x81\xa9rulebooks\x81\xa1\xff\xa1x"),
        (PartitionMark, b"\x81\xa1x" + b"\x91" * 100_000),
        (LedgerRecord, b"\x98\x05" + b"\x90" * 7),
    ],
    ids=["no text", "deep", "tin"],
)
def test_a_state_record_that_is_none_is_told_by_one_error(record: Any, value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack(value, record)


@pytest.mark.parametrize("change", [{"source": 7}, {"received_ms": 2**62}])
def test_a_packed_claim_whose_numbers_mean_nothing_is_told_by_the_same_error(change: dict[str, int]) -> None:
    (value,) = (content[1:] for content in SEEDS["state"]() if content[0] == 2)
    record = unpack(value, LedgerRecord)
    wrong = msgspec.structs.replace(record, claims=(msgspec.structs.replace(record.claims[0], **change),))
    with pytest.raises(msgspec.DecodeError):
        unpacked(wrong)
