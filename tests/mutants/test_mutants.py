"""What is changed in the core, and what is not."""

from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.changes import Module, changes_of, read_module
from tests.mutants.lines import Coverings
from tests.mutants.sampling import sample

TEXT = '''"""A module."""

from dataclasses import dataclass

LEAST: int | None = 3
Known = bool | None


@dataclass(frozen=True)
class Row:
    """A row."""

    cases: int


def counts(row: Row, known: Known = None) -> bool:
    """Say whether a row counts."""
    message = f"{row.cases} cases."
    if row.cases < 3:
        raise ValueError("Too few cases.", message)
    return not known
'''

KINDS = ("assignment", "number", "remove_unary_ops", "swap_op")


@pytest.fixture
def module(tmp_path: Path) -> Module:
    path = tmp_path / "processors" / "rows.py"
    path.parent.mkdir()
    path.write_text(TEXT)
    return read_module(path, tmp_path)


def test_what_decides_is_changed_and_types_decorators_and_prose_are_not(module: Module) -> None:
    told = {(change.where, change.kind, change.diff().rpartition("\n+")[2].strip()) for change in changes_of(module)}
    assert told == {
        ("processors/rows.py:5", "assignment", "LEAST: int | None = None"),
        ("processors/rows.py:5", "number", "LEAST: int | None = 4"),
        ("processors/rows.py:19", "swap_op", "if row.cases <= 3:"),
        ("processors/rows.py:19", "number", "if row.cases < 4:"),
        ("processors/rows.py:21", "remove_unary_ops", "return known"),
    }


def test_a_seed_draws_the_same_sample_and_a_larger_one_holds_a_smaller(module: Module) -> None:
    changes = [changes_of(module) * 40]
    few, again, more = (sample(changes, size, 7) for size in (20, 20, 60))
    assert (len(few), few, more[:20]) == (20, again, few)
    assert sample(changes, 20, 8) != few


def test_in_a_sample_the_kinds_of_change_take_turns(module: Module) -> None:
    drawn = sample([changes_of(module) * 40], 8, 7)
    assert Counter(change.kind for change in drawn) == dict.fromkeys(KINDS, 2)


def test_the_quickest_tests_of_a_line_come_first_and_those_of_its_module_where_they_are_few() -> None:
    seconds = {"a": 3.0, "b": 1.0, "c": 2.0, "d": 0.5}
    coverings = Coverings(seconds=seconds, tests={"rows.py": {1: [], 2: ["a", "b"], 3: ["c"]}})
    assert list(coverings.batches("rows.py", [2])) == [["b", "a"], ["c"]]
    assert list(coverings.batches("rows.py", [1])) == [["b", "c", "a"]]
    assert list(coverings.batches("imported.py", [1])) == [["d", "b", "c", "a"]]
    assert coverings.cost(["a", "b"]) == 4
