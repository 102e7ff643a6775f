"""The contract: topics, ids, vectors; and schemas that only ever change compatibly both ways."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse
from kafka.partitioner.default import murmur2

from schemas.codec import RECORDS
from schemas.partitioning import partition_of
from schemas.tokens import beneficiary_token
from schemas.topics import TopicNames, contract

FOLDER = Path(__file__).parents[2] / "schemas"


def schema(record: str, version: str = "v1") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / record / f"{version}.avsc").read_text())
    return loaded


def compatible(reader: dict[str, Any], writer: dict[str, Any]) -> bool:
    """Whether a reader of one schema can read what another wrote, as Avro's own checker says."""
    checker: Any = ReaderWriterCompatibilityChecker  # the library is not typed
    verdict = checker().get_compatibility(parse(json.dumps(reader)), parse(json.dumps(writer)))
    return bool(verdict.compatibility is SchemaCompatibilityType.compatible)


def fully_compatible(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return compatible(one, other) and compatible(other, one)


def versions(record: str) -> list[dict[str, Any]]:
    return [schema(record, path.stem) for path in sorted((FOLDER / record).glob("v*.avsc"))]


@pytest.mark.parametrize("record", sorted(RECORDS))
def test_every_version_of_a_schema_is_compatible_with_every_other_both_ways(record: str) -> None:
    known = versions(record)
    assert [fully_compatible(a, b) for a in known for b in known] == [True] * len(known) ** 2


def changed(record: str, change: str) -> dict[str, Any]:
    new = copy.deepcopy(schema(record))
    fields: list[dict[str, Any]] = new["fields"]
    if change == "a field without default":
        fields.append({"name": "later", "type": "string"})
    elif change == "a field removed that has no default":
        del fields[0]
    elif change == "a type changed":
        fields[0]["type"] = "long"
    elif change == "a record renamed":
        new["name"] = "Other"
    elif change == "a field with default":
        fields.append({"name": "later", "type": ["null", "string"], "default": None})
    return new


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ("a field without default", False),
        ("a field removed that has no default", False),
        ("a type changed", False),
        ("a record renamed", False),
        ("a field with default", True),
    ],
)
def test_a_change_that_is_not_fully_compatible_is_told(change: str, allowed: bool) -> None:
    assert fully_compatible(schema("SubmissionReceived"), changed("SubmissionReceived", change)) is allowed


def enums(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        own = [node] if node.get("type") == "enum" else []
        return own + [e for value in node.values() for e in enums(value)]
    return [e for item in node for e in enums(item)] if isinstance(node, list) else []


def test_every_enum_defaults_to_unknown() -> None:
    assert {e["name"]: e.get("default") for r in RECORDS for e in enums(schema(r))} == {
        e["name"]: "UNKNOWN" for r in RECORDS for e in enums(schema(r))
    }


def nullable_without_default(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for item in node for name in nullable_without_default(item)]
    if not isinstance(node, dict):
        return []
    nullable = isinstance(node.get("type"), list) and "null" in node["type"]
    own = [node["name"]] if nullable and "name" in node and "default" not in node else []
    return own + [name for value in node.values() for name in nullable_without_default(value)]


def test_every_nullable_field_has_a_default_and_every_field_a_doc() -> None:
    assert [n for r in RECORDS for n in nullable_without_default(schema(r))] == []
    assert [(r, f["name"]) for r in RECORDS for f in schema(r)["fields"] if not f.get("doc")] == []


def test_ids_topics_records_and_folders_name_the_same_things() -> None:
    ids = contract().schema_ids
    assert len(set(ids.values())) == len(ids)
    assert {name.split("/")[0] for name in ids} == set(RECORDS)
    assert {f"{p.parent.name}/{p.stem}" for p in FOLDER.glob("*/v*.avsc")} == set(ids)
    assert {r for t in contract().topics.values() for r in t.records} == set(RECORDS)


def test_every_topic_has_an_owner_producers_and_consumers() -> None:
    lacking = [t.name for t in contract().topics.values() if not (t.doc and t.owner and t.producers and t.consumers)]
    assert lacking == []


@pytest.mark.parametrize("vector", contract().murmur2_vectors, ids=lambda v: str(v["key"]))
def test_a_key_lies_where_the_published_vector_says(vector: dict[str, Any]) -> None:
    key = vector["key"].encode()
    hashed = murmur2(key)
    signed = hashed - (1 << 32) if hashed >= 1 << 31 else hashed
    assert (signed, partition_of(key, 4), partition_of(key, 12)) == (
        vector["murmur2"],
        vector["partition_of_4"],
        vector["partition_of_12"],
    )


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_javas(key: bytes, hashed: int) -> None:
    """The vectors of Apache Kafka's own UtilsTest."""
    assert murmur2(key) == hashed % (1 << 32)


@pytest.mark.parametrize("vector", contract().token_vectors, ids=lambda v: str(v["identifier"]))
def test_an_identifier_gives_the_published_token(vector: dict[str, Any]) -> None:
    token = beneficiary_token(vector["identifier"], vector["key_utf8"].encode(), vector["version"])
    assert token == vector["token"]


def test_names_carry_namespace_and_generation() -> None:
    live, trial = TopicNames("t1."), TopicNames("", "trial")
    assert [live.of(n) for n in ("asm.claims.v1", "asm.state.{generation}.v1", "asm.scores.v1")] == [
        "t1.asm.claims.v1",
        "t1.asm.state.live.v1",
        "t1.asm.scores.v1",
    ]
    assert [trial.of(n) for n in ("asm.journal.v1", "asm.state.{generation}.v1", "asm.scores.v1")] == [
        "asm.journal.v1",
        "asm.state.trial.v1",
        "asm.scores.trial.v1",
    ]


def test_reading_the_contract_imports_no_machine() -> None:
    """The schemas room needs neither Faust nor a broker client that connects."""
    code = "import sys, schemas.codec; print(sorted({'faust', 'aiokafka', 'sqlmodel'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
