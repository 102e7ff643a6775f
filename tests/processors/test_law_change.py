"""Between two rulebooks lie those in which only some of the values are the new ones."""

from dataclasses import fields, replace

import pytest

from processors.rulebook import Section
from processors.rulebook.entries import differences
from processors.rulebook.hybrid import LawChange
from tests.generations import BENCHMARK_CORRECTED, COMPLETENESS_CORRECTED, PRESENT
from tests.making import YEAR
from tests.streams.laws import rulebooks_with

COMPLETENESS, P236 = "quality.data_completeness_min", "benchmarks.236/ECQM"
BEFORE = PRESENT[YEAR]
AFTER = rulebooks_with(BENCHMARK_CORRECTED, COMPLETENESS_CORRECTED)[YEAR]
CHANGE = LawChange(BEFORE, AFTER)


def test_what_differs_is_known_by_its_key() -> None:
    assert sorted(CHANGE.differences) == [P236, COMPLETENESS]
    assert CHANGE.differences[COMPLETENESS].before is not None
    assert LawChange(BEFORE, BEFORE).differences == {}


def test_with_no_value_it_is_the_one_and_with_all_the_other() -> None:
    assert CHANGE.with_only(frozenset()) is BEFORE
    assert CHANGE.with_only(frozenset(CHANGE.differences)) is AFTER


@pytest.mark.parametrize("key", [COMPLETENESS, P236])
def test_with_one_value_that_value_and_its_source_differ_and_nothing_else(key: str) -> None:
    between = CHANGE.with_only(frozenset({key}))
    (found,) = differences(BEFORE, between)
    assert (found.key, found.after) == (key, CHANGE.differences[key].after)
    assert (between.digest, between.text) == ("", "")
    assert CHANGE.with_only(frozenset({key})) is between
    sections = [f.name for f in fields(BEFORE) if isinstance(getattr(BEFORE, f.name), Section)]
    assert [n for n in sections if getattr(between, n) is not getattr(BEFORE, n)] == [key.split(".", maxsplit=1)[0]]


def test_a_row_that_is_gone_is_gone_and_one_that_is_new_is_there() -> None:
    rows = {name: row for name, row in BEFORE.benchmarks.percentiles.items() if name != "236/ECQM"}
    sources = {name: source for name, source in BEFORE.benchmarks.sources.items() if name != "236/ECQM"}
    fewer = replace(BEFORE.benchmarks, percentiles=rows, sources=sources)
    without = replace(AFTER, digest="other", benchmarks=fewer)
    gone = LawChange(BEFORE, without)
    assert "236/ECQM" not in gone.with_only(frozenset({P236})).benchmarks.percentiles
    came = LawChange(without, BEFORE).with_only(frozenset({P236})).benchmarks
    assert (came.percentiles, came.sources) == (BEFORE.benchmarks.percentiles, BEFORE.benchmarks.sources)


def test_between_a_rulebook_and_none_there_is_nothing() -> None:
    for change in (LawChange(None, AFTER), LawChange(BEFORE, None)):
        assert change.differences == {}
        with pytest.raises(ValueError, match="nothing between"):
            change.with_only(frozenset())
