"""The claims that every engine is given, and what a peer makes of them."""

import dataclasses
from collections import Counter
from types import SimpleNamespace

import pytest

from bench.engines.claims import Size, World, totals_of
from bench.engines.peers import ROOT
from bench.engines.prepared import BATCH_RECORDS, journaled
from bench.peers.bare import Bare
from bench.peers.work import Codec, Job
from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.events import ClaimReceived
from schemas.codec import encode
from schemas.partitioning import partition_of
from streams.admission import Rules, admit, batch_closed, inbound_of, milliseconds
from streams.rows import Row

PARTITIONS = 4
SIZE = Size(events=4_000, clinicians=100, beneficiaries=1_000)
JOB = Job(
    bootstrap="",
    topic="",
    group="",
    outputs="",
    changelog="",
    events=0,
    folder="",
    schema=str(ROOT / "schemas" / "ClaimReceived" / "v1.avsc"),
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SIZE, min(load_rulebooks(DEFAULT_VINTAGE).items())[1])


@pytest.fixture(scope="module")
def claims(world: World) -> list[ClaimReceived]:
    return list(world.claims())


def test_the_same_claims_come_each_time(world: World, claims: list[ClaimReceived]) -> None:
    assert list(world.claims()) == claims


def test_five_of_a_hundred_claims_are_one_of_the_last_once_more(claims: list[ClaimReceived]) -> None:
    times = Counter(encode(claim) for claim in claims)
    assert (len(claims), round(1 - len(times) / len(claims), 2)) == (4_000, 0.05)


def test_claims_are_of_every_clinician_and_of_most_beneficiaries(world: World, claims: list[ClaimReceived]) -> None:
    listed = {(event.tin, event.npi) for event in world.roster()}
    seen = {(claim.tin, line.npi) for claim in claims for line in claim.lines}
    beneficiaries = {claim.beneficiary for claim in claims}
    assert (len(listed), listed >= seen, len(seen) > 95, len(beneficiaries) > 750) == (100, True, True, True)


def test_no_beneficiary_has_two_practices(claims: list[ClaimReceived]) -> None:
    practices = Counter(beneficiary for _, beneficiary in {(claim.tin, claim.beneficiary) for claim in claims})
    assert set(practices.values()) == {1}


def test_the_prepared_journal_is_what_admission_writes(world: World, claims: list[ClaimReceived]) -> None:
    rules, at = Rules(partitions=PARTITIONS), milliseconds(world.received_at)
    ours = [claim for claim in claims if partition_of(claim.tin.digits.encode(), PARTITIONS) == 1][:20]
    inbound = [inbound_of(claim, rules, offset, at) for offset, claim in enumerate(ours)]
    rows = [(1, Row(key=record.key, value=record.value, timestamp=at)) for record in inbound]
    written = [row for partition, row in journaled(rows) if partition == 1]
    assert written == [*(admit(record, rules) for record in inbound), batch_closed()]


def test_a_mark_follows_so_many_records_of_a_partition(claims: list[ClaimReceived]) -> None:
    claim = claims[0]
    row = Row(key=claim.tin.digits.encode(), value=encode(claim), timestamp=0)
    keys = [row.key for partition, row in journaled([(0, row)] * (BATCH_RECORDS + 1)) if partition == 0]
    assert [number for number, key in enumerate(keys) if key is None] == [BATCH_RECORDS, BATCH_RECORDS + 2]


@pytest.mark.parametrize("variant", ["", "per-event"])
def test_a_peer_comes_to_what_a_one_pass_fold_comes_to(claims: list[ClaimReceived], variant: str) -> None:
    bare, codec = Bare(dataclasses.replace(JOB, variant=variant)), Codec(JOB)
    records = [SimpleNamespace(value=encode(claim)) for claim in claims]
    batches = [records[start : start + 1_000] for start in range(0, len(records), 1_000)]
    told = [codec.read_totals(value) for batch in batches for _, value in bare.fold(batch)[1]]
    assert dict(told) == totals_of(claims)
