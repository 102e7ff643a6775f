"""The sealed text of a rulebook, and what a tree says of its reasons."""

from json import dumps, loads

import pytest

from processors.rulebook import Reason, Standing
from processors.score_tree import Part, has_reason, standing_of, walk
from tests.making import rulebook


def test_the_sealed_text_is_canonical_and_keeps_every_letter() -> None:
    text = rulebook().text
    assert dumps(loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text
    assert "…" in text


TREE = Part(
    code="root",
    title="Root",
    parts=(
        Part(code="a", title="A", reasons=(Reason(code="ONE", message="", cites=(), standing=Standing.CMS),)),
        Part(code="b", title="B", reasons=(Reason(code="TWO", message="", cites=(), standing=Standing.ANALOG),)),
    ),
)


@pytest.mark.parametrize(
    ("asked", "given"), [({"ONE"}, True), ({"TWO", "THREE"}, True), ({"THREE"}, False), (set(), False)]
)
def test_a_tree_gives_a_reason_where_any_part_of_it_does(asked: set[str], given: bool) -> None:
    assert has_reason(TREE, frozenset(asked)) == given


def test_a_tree_rests_on_the_weakest_of_its_reasons_and_is_walked_from_the_root() -> None:
    assert (standing_of(TREE), [part.code for part in walk(TREE)]) == (Standing.ANALOG, ["root", "a", "b"])
