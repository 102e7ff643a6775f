"""Every number of the core is a Decimal or an integer: in its text, and in all that it says of a simulated world."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum

from processors.announcements import announce
from processors.assessment import assess
from processors.facts import PracticeYear, empty_year, fold
from processors.identity import Tin
from processors.simulation import simulate
from schemas.codec import content_digest
from tests.house.test_sizes import sources
from tests.making import AFTER, IN_WINDOW, observed, rulebook
from tests.processors.test_announcements import ENVELOPE

#: What gives a binary fraction: the builtin, true division, modules and draws of chance that return one.
FRACTIONAL_MODULES = {"math", "cmath", "statistics", "fractions", "time"}
FRACTIONAL_CALLS = {
    "random",
    "uniform",
    "gauss",
    "betavariate",
    "expovariate",
    "triangular",
    "total_seconds",
    "timestamp",
}


def _fractional(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float | complex)
    if isinstance(node, ast.Name):
        return node.id == "float"
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return isinstance(node.op, ast.Div)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in FRACTIONAL_CALLS
    if isinstance(node, ast.ImportFrom):
        return node.module in FRACTIONAL_MODULES
    if isinstance(node, ast.Import):
        return any(alias.name in FRACTIONAL_MODULES for alias in node.names)
    return False


def fractions_in(text: str) -> list[int]:
    """The lines of a text in which a binary fraction may arise."""
    return [getattr(node, "lineno", 0) for node in ast.walk(ast.parse(text)) if _fractional(node)]


def test_no_binary_fraction_can_arise_in_the_core() -> None:
    found = {path.name: fractions_in(path.read_text()) for path in sources("processors")}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_what_gives_a_binary_fraction_is_seen() -> None:
    wrong = [
        "x = 0.5",
        "float(x)",
        "x / 2",
        "x /= 2",
        "import math",
        "from math import e",
        "c.random()",
        "d.total_seconds()",
    ]
    assert [fractions_in(text) for text in wrong] == [[1]] * len(wrong)
    assert fractions_in("x = Decimal('0.5') * 2 // 3") == []


def numbers_in(value: object) -> Iterator[object]:
    """Every number in what the core says, however deep."""
    if is_dataclass(value) and not isinstance(value, type):
        yield from (n for f in fields(value) for n in numbers_in(getattr(value, f.name)))
    elif isinstance(value, Mapping):
        yield from (n for pair in value.items() for n in numbers_in(pair))
    elif isinstance(value, tuple | list | set | frozenset):
        yield from (n for item in value for n in numbers_in(item))
    elif isinstance(value, int | float | complex | Decimal) and not isinstance(value, bool | Enum):
        yield value


def world(seed: int, clinicians: int) -> list[PracticeYear]:
    """The practices of a simulated world, without their claims."""
    years: dict[Tin, PracticeYear] = {}
    for timed in simulate(seed, clinicians, rulebook()):
        if getattr(timed.event, "performance_year", None) == rulebook().performance_year:
            year = years.get(timed.event.tin) or empty_year(timed.event.tin, rulebook().performance_year)
            years[timed.event.tin] = fold(year, observed(timed.event, timed.received_at))
    return list(years.values())


def test_every_number_that_is_said_of_a_simulated_world_is_a_decimal_or_an_integer() -> None:
    kinds: set[type] = set()
    for year in world(seed=3, clinicians=40):
        for as_of in (IN_WINDOW, AFTER):
            assessment = assess(year, rulebook(), as_of)
            outputs, _ = announce({}, assessment, ENVELOPE, content_digest)
            kinds |= {type(n) for n in numbers_in((replace(assessment, read=None, sections={}), outputs))}
    assert kinds == {int, Decimal}
