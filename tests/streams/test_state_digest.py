"""The digest of a state: the same wherever things lie, another as soon as something else is known."""

from dataclasses import replace

from schemas.state import ClinicianRecord, PartitionMark, pack, unpack
from streams.state import MARK_KEY
from streams.state_digest import StateDigest, state_digest
from tests.making import at, claim, quality
from tests.streams.driver import Driver

Records = list[tuple[int, bytes, bytes]]


def played(*more: str, spread: bool = False) -> Records:
    """The state of a partition after a few events; ``spread``: from other places, the claims in another order."""
    driver = Driver()
    if spread:
        driver._inbound = 70
    driver.send("listed_heart_failure_clinician")
    claims = [claim(event_id=f"c{n}", claim_id=f"c{n}", source=f"feed-{n}") for n in (1, 2)]
    for event in reversed(claims) if spread else claims:
        driver.send(event)
    if spread:
        driver.write(*[driver.journal[-1]] * 5)
    driver.tick("2028-03-24T00:00:00Z")
    driver.send(*more)
    driver.tick("2028-03-25T00:00:00Z")
    return [(0, key, value) for key, value in driver.committed.items()]


def test_offsets_and_partitions_are_none_of_it() -> None:
    here, there = played("attested_ia_2"), played("attested_ia_2", spread=True)
    assert here != there
    assert state_digest(there) == state_digest(here)
    assert state_digest((7, key, value) for _, key, value in reversed(here)) == state_digest(here)


def test_what_is_known_and_the_last_tick_and_the_law_are_all_of_it() -> None:
    records = played()
    known = state_digest(records)
    assert state_digest(played("attested_ia_2")) != known
    marks: tuple[dict[str, object], ...] = (
        {"as_of": at("2028-03-26")},
        {"engine": 99},
        {"rulebooks": {"2027": "another"}},
    )
    for mark in marks:
        other = [(p, key, changed(value, mark) if key == MARK_KEY else value) for p, key, value in records]
        assert state_digest(other) != known
    assert state_digest(r for r in records if not r[1].startswith(b"ledger")) != known


def test_how_often_something_was_said_is_none_of_it_and_a_submission_s_own_revision_is() -> None:
    key, value = next((key, value) for _, key, value in played() if key.startswith(b"clinician"))
    record = unpack(value, ClinicianRecord)
    assert record.announced.score is not None
    again = replace(record.announced.score, revision=99)
    said = pack(replace(record, announced=replace(record.announced, score=again)))
    assert said != value
    assert state_digest([(0, key, said)]) == state_digest([(0, key, value)])
    first, second = (played_submission(revision) for revision in (1, 2))
    assert state_digest(first) != state_digest(second)


def played_submission(revision: int) -> Records:
    driver = Driver()
    driver.send(quality(event_id="q", submission_id="q", revision=revision))
    driver.tick("2028-03-24T00:00:00Z")
    return [(0, key, value) for key, value in driver.committed.items()]


def changed(value: bytes, mark: dict[str, object]) -> bytes:
    said = unpack(value, PartitionMark)
    fields = {name: getattr(said, name) for name in ("applied", "as_of", "engine", "rulebooks")}
    return pack(PartitionMark(**(fields | mark)))


def test_the_latest_record_of_a_key_counts() -> None:
    digest = StateDigest()
    for partition, key, value in [*played(), *played("attested_ia_2")]:
        digest.add(partition, key, value)
    assert digest.hexdigest() == state_digest(played("attested_ia_2"))
    assert (digest.records, digest.as_of) == (len(played()) - 1, at("2028-03-25"))
