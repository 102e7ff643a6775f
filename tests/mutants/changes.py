"""The changes that can be made to a module of the core, one at a time.

What a change is, mutmut says: its list of operators is taken as it is, less what is named here. Its runner is not
taken: docs/decisions/0010-mutants.md.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

#: What changes no behaviour: the types, and what makes a class or a cache of what follows.
_LEFT_ALONE = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)
#: Calls that declare: types, and how a record is printed and compared.
_DECLARATIONS = {"cast", "field", "isinstance", "issubclass", "NewType", "TypeVar"}
#: Names of types: what is assigned to one is an alias.
_NAME_OF_A_TYPE = re.compile("[A-Z]+[a-z]")
#: Names that hold text for people.
_NAMES_OF_PROSE = {"message", "title", "text", "detail", "hint", "why"}
#: The spelling of a text is no behaviour: codes are held to the catalogue by tests/house.
_OPERATORS: list[tuple[type[cst.CSTNode], Callable[[Any], Any]]] = [
    (of, operator) for of, operator in mutators.mutation_operators if operator is not mutators.operator_string
]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of one module: where, of which kind, and the two nodes."""

    module: "Module"
    kind: str
    line: int
    lines: frozenset[int]
    before: cst.CSTNode
    after: cst.CSTNode

    @property
    def where(self) -> str:
        """The file and line of the change."""
        return f"{self.module.path}:{self.line}"

    def source(self) -> str:
        """Return the module with this change in it."""
        changed = self.module.tree.deep_replace(self.before, self.after)
        assert isinstance(changed, cst.Module)
        return changed.code

    def diff(self) -> str:
        """Return the lines that differ."""
        lines = unified_diff(self.module.tree.code.splitlines(), self.source().splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module of the core: its path from the root, its name for imports, and its tree."""

    path: str
    name: str
    tree: cst.Module


def read_module(path: Path, root: Path) -> Module:
    """Read a module for changing."""
    inside = path.relative_to(root).with_suffix("")
    name = ".".join(inside.parts).removesuffix(".__init__")
    return Module(path=str(path.relative_to(root)), name=name, tree=cst.parse_module(path.read_text(encoding="utf-8")))


def changes_of(module: Module) -> list[Change]:
    """Return every change of a module that could matter, in the order of its text."""
    positions = MetadataWrapper(module.tree, unsafe_skip_copy=True).resolve(PositionProvider)
    found = _Changes(module, positions)
    module.tree.visit(found)
    return found.found


class _Changes(cst.CSTVisitor):
    """Collects changes, and knows the statement it stands in."""

    def __init__(self, module: Module, positions: Mapping[cst.CSTNode, Any]) -> None:
        super().__init__()
        self.found: list[Change] = []
        self._module = module
        self._positions = positions
        self._lines = [frozenset[int]()]

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is_left_alone(node):
            return False
        self._lines.append(self._lines_of(node))
        for kind, after in _changed(node):
            lines = self._lines[-1]
            change = Change(module=self._module, kind=kind, line=min(lines), lines=lines, before=node, after=after)
            self.found.append(change)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if not _is_left_alone(original_node):
            self._lines.pop()

    def _lines_of(self, node: cst.CSTNode) -> frozenset[int]:
        at = self._positions.get(node)
        return self._lines[-1] if at is None else frozenset(range(at.start.line, at.end.line + 1))


def _changed(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    for of, operator in _OPERATORS:
        if not isinstance(node, of):
            continue
        for after in operator(node):
            if not _only_prose(node, after):
                yield operator.__name__.removeprefix("operator_"), after


def _is_left_alone(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in _DECLARATIONS:
        return True
    if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
        return bool(_NAME_OF_A_TYPE.match(node.targets[0].target.value))
    return isinstance(node, _LEFT_ALONE) or (isinstance(node, cst.BaseString) and _is_prose(node))


def _only_prose(before: cst.CSTNode, after: cst.CSTNode) -> bool:
    """Say whether all that a change takes away is text for people."""
    if isinstance(before, cst.Call) and isinstance(after, cst.Call):
        kept = {id(arg) for arg in after.args}
        return any(_is_prose(arg.value) for arg in before.args if id(arg) not in kept)
    if isinstance(before, cst.Assign | cst.AnnAssign):
        return before.value is not None and _is_prose(before.value)
    return False


def _is_prose(value: cst.BaseExpression) -> bool:
    if isinstance(value, cst.Name):
        return value.value in _NAMES_OF_PROSE
    if isinstance(value, cst.SimpleString):
        return " " in value.value
    if isinstance(value, cst.FormattedString):
        return any(isinstance(part, cst.FormattedStringText) and " " in part.value for part in value.parts)
    return isinstance(value, cst.ConcatenatedString)
