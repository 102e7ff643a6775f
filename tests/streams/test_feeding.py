"""Feeds of this program's own: a file is there whole or not at all, and nothing that admission refuses is sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.kafka.connection import Connection
from schemas.cloudevents import parse_event
from schemas.codec import InvalidRecord
from streams.admission import Rules
from streams.feeding import check, feed
from tests.making import at, claim, listed

WHEN = at("2027-06-01")


def no_cluster() -> Connection:
    raise AssertionError("a file needs no cluster")


def test_a_file_holds_every_event_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    with feed(no_cluster, out, dry_run=False) as opened:
        opened.send(listed(event_id="l1"), WHEN)
        assert not out.exists()
    parsed = [parse_event(line) for line in out.read_bytes().splitlines()]
    assert [(p.event, p.time) for p in parsed] == [(listed(event_id="l1"), WHEN)]
    assert oct(out.stat().st_mode)[-3:] == "600"


def test_a_file_that_was_not_written_to_its_end_is_not_left(tmp_path: Path) -> None:
    opening = feed(no_cluster, tmp_path / "events.jsonl", dry_run=False)
    opening.__enter__().send(listed(event_id="l1"), WHEN)
    assert opening.__exit__(MemoryError, MemoryError(), None) is False
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_needs_no_cluster_and_writes_nothing(tmp_path: Path) -> None:
    with feed(no_cluster, tmp_path / "events.jsonl", dry_run=True) as opened:
        opened.send(listed(event_id="l1"), WHEN)
    assert list(tmp_path.iterdir()) == []


def test_a_beneficiary_in_clear_is_refused_before_it_is_sent() -> None:
    check(claim(), Rules(partitions=4))
    with pytest.raises(InvalidRecord, match="identifier in clear"):
        check(replace(claim(), beneficiary="1EG4-TE5-MK73"), Rules(partitions=4))
