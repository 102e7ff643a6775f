"""The ledger of the law: by paragraph the values that rest on it, the cases that try it, the code that keeps it."""

import re
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.rulebook import Standing, weakest
from processors.rulebook.entries import Entry, entries_of

ROOT = Path(__file__).parents[2]
PARAGRAPH = re.compile(r"42 CFR (512[.][0-9]+)")
_MODULES = sorted(path for path in (ROOT / "processors").glob("*.py") if path.name != "reasons.py")
_HEAD = """# Coverage: paragraph by paragraph

Written from the rulebook, the case tables and the modules' docstrings by `make docs`. A case is a row of `tests/rules`;
a value stands in `processors/rulebook/{vintage}`; its standing is the weakest of its years. `asm rules list --standing
assumed` is the list of what a person must look up.
"""


def paragraph_of(cite: str) -> str | None:
    """The section that a citation is of, or None where it cites something else."""
    found = PARAGRAPH.match(cite)
    return None if found is None else found[1]


def cases() -> Counter[str]:
    """How many cases cite each text."""
    told: Counter[str] = Counter()
    for path in sorted((ROOT / "tests" / "rules").glob("*.toml")):
        told.update(case["cites"] for case in tomllib.loads(path.read_text())["case"])
    return told


def values() -> dict[str, dict[str, list[Entry]]]:
    """The values of every year, by the paragraph that they cite and by key."""
    told: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for rulebook in load_rulebooks(DEFAULT_VINTAGE).values():
        for entry in entries_of(rulebook):
            for paragraph in {paragraph_of(cite) for cite in entry.source.cites} - {None}:
                told[str(paragraph)][entry.key].append(entry)
    return told


def modules_of(paragraph: str) -> list[str]:
    """The modules of the core that name a paragraph."""
    return [path.name for path in _MODULES if paragraph in path.read_text()]


def coverage_page() -> str:
    """Return ``docs/coverage.md``."""
    counted: Counter[str] = Counter()
    for cite, number in cases().items():
        counted[paragraph_of(cite) or cite] += number
    lines = [_HEAD.format(vintage=DEFAULT_VINTAGE), "| paragraph | cases | modules |", "| --- | --- | --- |"]
    found = values()
    for paragraph in sorted(found.keys() | {p for p in counted if p.startswith("512.")}):
        modules = ", ".join(f"`{name}`" for name in modules_of(paragraph)) or "–"
        lines.append(f"| 42 CFR {paragraph} | {counted[paragraph]} | {modules} |")
    for paragraph in sorted(found):
        lines += ["", f"## 42 CFR {paragraph}", "", "| value | standing | means |", "| --- | --- | --- |"]
        for key, entries in sorted(found[paragraph].items()):
            lines.append(f"| `{key}` | {_weakest(entries)} | {entries[0].source.meaning} |")
    return "\n".join([*lines, ""])


def _weakest(entries: list[Entry]) -> Standing:
    return weakest(entry.source.standing for entry in entries)
