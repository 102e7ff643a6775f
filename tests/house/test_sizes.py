"""The aims of the house: functions of at most 40 lines, files of at most 300, and what may not stand in the core."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("processors", "schemas", "infra", "streams")
#: Declarations and tables are exempt from the length of a file.
TABLES = {
    "processors/events.py": "declarations of the events",
    "processors/reasons.py": "a table of codes",
    "streams/console/documents.py": "declarations of the API's shapes",
    "processors/rulebook/sections.py": "declarations of the sections",
}


def sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in sources(*ROOMS)}
    assert {p: n for p, n in lengths.items() if n > 300 and p not in TABLES} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{f.name}": length
        for path in sources(*ROOMS)
        for f in functions(path)
        if (length := (f.end_lineno or 0) - f.lineno + 1) > 40
    }
    assert found == {}


def test_no_float_stands_in_the_core() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in sources("processors")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert found == []


def test_no_year_stands_in_code() -> None:
    year = re.compile(r"\b20[2-4][0-9]\b")
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(*ROOMS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and year.search(str(node.value))
    ]
    assert found == []


def test_no_module_is_named_after_nothing() -> None:
    empty = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert [p for p in sources(*ROOMS) if p.stem in empty] == []


@pytest.mark.parametrize("path", sources("tests"), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_test_asserts(path: Path) -> None:
    silent = [
        f.name
        for f in functions(path)
        if f.name.startswith("test_")
        and not any(isinstance(n, ast.Assert) for n in ast.walk(f))
        and "pytest.raises" not in ast.unparse(f)
        and not re.search(r"\bassert_\w+\(", ast.unparse(f))
    ]
    assert silent == []
