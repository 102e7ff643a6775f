"""Whose record it is can be told from its first bytes."""

import pytest

from processors.events import EventName
from schemas.codec import encode, newest_schema
from schemas.event_names import event_name, source_of
from schemas.topics import contract
from tests.making import claim, listed

INBOUND = [record for name in contract().inbound() for record in contract().topics[name].records]
FRAME = newest_schema("ClaimReceived").frame


@pytest.mark.parametrize("record", INBOUND)
def test_every_inbound_record_begins_with_its_event_id_and_source(record: str) -> None:
    fields = newest_schema(record).parsed["fields"][:2]
    assert [(field["name"], field["type"]) for field in fields] == [("event_id", "string"), ("source", "string")]


def test_the_identity_of_an_event_is_read_without_the_rest() -> None:
    value = encode(claim(event_id="c1", source="billing"))
    assert event_name(value) == EventName(source="billing", event_id="c1")
    assert event_name(value[: len(FRAME) + 1 + len("c1") + 1 + len("billing")]) == event_name(value)


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{}", FRAME, FRAME + b"\x04c", FRAME + b"\xfe\xff\xff\xff\xff\x0f", FRAME + b"\x02\xff\x02\xff"],
)
def test_bytes_that_tell_no_identity_are_nobody_s(value: bytes | None) -> None:
    assert event_name(value) is None
    assert source_of(value, ()) is None


def test_the_header_tells_whose_it_is_only_where_the_body_does_not() -> None:
    headers = [("ce_id", b"h1"), ("ce_source", b"header")]
    assert source_of(encode(listed(source="body")), headers) == "body"
    assert source_of(b"junk", headers) == "header"
