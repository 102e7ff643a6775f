"""Documents say what the code says."""

import ast
import re

from processors.reasons import REASONS
from tests.house.generated import DOCS, PAGES
from tests.house.test_sizes import ROOMS, sources

#: Upper-case words that look like codes and are symbols of another kind.
CODE = re.compile(r"[A-Z][A-Z]+(?:_[A-Z]+)+")


def test_the_generated_pages_are_what_make_docs_writes() -> None:
    assert {name: (DOCS / name).read_text() for name in PAGES} == {name: page() for name, page in PAGES.items()}


def test_every_code_that_is_given_stands_in_the_catalogue() -> None:
    given = {}
    for path in sources(*ROOMS):
        for node in ast.walk(ast.parse(path.read_text())):
            for code in _codes_given(node):
                given[code] = f"{path.name}:{getattr(node, 'lineno', 0)}"
    assert {code: where for code, where in given.items() if code not in REASONS} == {}
    assert len(given) > 40


def test_every_code_of_the_catalogue_is_given_somewhere() -> None:
    used = {
        node.value
        for path in sources(*ROOMS)
        if path.name != "reasons.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(REASONS) - used) == []


def _codes_given(node: ast.AST) -> list[str]:
    """The codes in calls that give one, such as finding(about, CODE) or Gap(code=CODE)."""
    if not isinstance(node, ast.Call):
        return []
    name = ast.unparse(node.func).rsplit(".", 1)[-1]
    place = {"reason": 1, "finding": 1, "InvalidRecord": 0}.get(name)
    given = [node.args[place]] if place is not None and len(node.args) > place else []
    given += [k.value for k in node.keywords if k.arg in {"code", "reason"} and name in {"Gap", "Trouble", "Refused"}]
    return [
        g.value for g in given if isinstance(g, ast.Constant) and isinstance(g.value, str) and CODE.fullmatch(g.value)
    ]
