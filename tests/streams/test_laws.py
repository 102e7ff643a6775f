"""What a generation keeps is read from its records, by the law that its marks name; what cannot be read is said."""

from dataclasses import replace
from decimal import Decimal

import pytest

from infra.errors import Unavailable
from processors.engine import ENGINE
from schemas.state import PartitionMark, pack, unpack
from streams.generation_diff import GenerationDiff
from streams.laws import kept_in
from streams.state import MARK_KEY
from tests.generations import PRESENT
from tests.making import TIN, listed, quality, row
from tests.streams.driver import Driver

TEXTS = {book.digest: book.text for book in PRESENT.values()}


def records() -> dict[bytes, bytes]:
    """The state records of one clinician with a measure."""
    driver = Driver()
    driver.tick("2028-01-05T00:00:00+00:00")
    driver.send(listed(event_id="l1"), quality(row("236", 70, 30), event_id="q1"))
    driver.tick("2028-02-03T00:00:00+00:00")
    return driver.committed


def of_engine(version: int) -> dict[bytes, bytes]:
    told = records()
    return told | {MARK_KEY: pack(replace(unpack(told[MARK_KEY], PartitionMark), engine=version))}


def test_what_is_kept_comes_with_the_law_of_its_mark() -> None:
    found = kept_in({0: records(), 1: {}}, "next", TEXTS)
    assert (found.law.generation, {y: b.digest for y, b in found.law.rulebooks.items()}) == (
        "next",
        {year: book.digest for year, book in PRESENT.items()},
    )
    assert [y.facts.practice.tin for y in found.states[0].years()] == [TIN]
    assert (list(found.states[1].years()), found.states[1].mark.applied) == ([], -1)


def test_what_another_engine_version_keeps_can_be_looked_at() -> None:
    older, now = (kept_in({0: of_engine(version)}, "live", TEXTS) for version in (ENGINE - 1, ENGINE))
    assert older.states[0].mark.engine == ENGINE - 1
    (year,) = older.states[0].years()
    (npi, owner) = next((name, owner) for name, owner in year.owners.items() if owner.score is not None)
    assert owner.score is not None
    said = replace(owner, score=replace(owner.score, final_score=Decimal(1), digest="of the older"))
    older.states[0].put_year(replace(year, owners={**year.owners, npi: said}))
    (moved,) = GenerationDiff(older, now, lambda _partition, _span: {}).compared().moved
    assert [(str(c.kind), c.detail) for c in moved.causes] == [
        ("ENGINE", f"A was assessed by engine version {ENGINE - 1}; version {ENGINE} gives 0.00")
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({0: {}}, "has applied nothing yet"),
        ({0: {MARK_KEY: b"?"}}, "unknown shape"),
        ({0: records() | {b"practice/1/2": b"?"}}, "a shape unknown to this release"),
    ],
)
def test_what_cannot_be_read_is_said(given: dict[int, dict[bytes, bytes]], says: str) -> None:
    with pytest.raises(Unavailable, match=says):
        kept_in(given, "next", TEXTS)


def test_a_law_that_is_just_being_given_or_whose_text_is_missing_is_said() -> None:
    told = records()
    other = pack(replace(unpack(told[MARK_KEY], PartitionMark), rulebooks={"2027": "other"}))
    with pytest.raises(Unavailable, match="just being given another law"):
        kept_in({0: told, 1: {MARK_KEY: other}}, "next", TEXTS)
    with pytest.raises(Unavailable, match="is not on"):
        kept_in({0: told}, "next", {})
