"""The ledger of the law: by paragraph the values that rest on it, the cases that try it, the code that keeps it."""

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.rulebook import Rulebook, Standing, weakest
from processors.rulebook.entries import Entry, entries_of
from tests.rules.test_cases import CASES

ROOT = Path(__file__).parents[2]
PARAGRAPH = re.compile(r"42 CFR (512[.][0-9]+)")
#: Paragraphs that no value rests on, and that a case tries all the same: what is missing for an audit, and relief.
WITHOUT_VALUES = ("512.771", "512.780")
_CASE = {"why", "cites", "performance_year", "given", "expect"}
_MODULES = sorted(path for path in (ROOT / "processors").glob("*.py") if path.name != "reasons.py")
_HEAD = """# Coverage: paragraph by paragraph

Written from the rulebook, the case tables and the modules by `make docs`. A case is a row of `tests/rules`; beside a
paragraph stand the cases that cite it, beside a value the cases that read it and the modules that read it in them (a
test changes every value step by step and sees a case fail). A value stands in `processors/rulebook/{vintage}`; its
standing is the weakest of its years, a paragraph's the weakest of its values. `asm rules list --standing assumed` is
the list of what a person must look up.
"""


def tables() -> dict[str, str]:
    """The texts of the case tables."""
    return {path.name: path.read_text() for path in sorted((ROOT / "tests" / "rules").glob("*.toml"))}


def paragraph_of(cite: str) -> str | None:
    """The section that a citation is of, or None where it cites something else."""
    found = PARAGRAPH.match(cite)
    return None if found is None else found[1]


def rows_of(texts: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The rows of some tables."""
    return [(name, case) for name, text in texts.items() for case in tomllib.loads(text).get("case", [])]


def cases(texts: Mapping[str, str]) -> Counter[str]:
    """How many cases cite each text."""
    return Counter(case["cites"] for _, case in rows_of(texts) if "cites" in case)


def values(rulebooks: Iterable[Rulebook]) -> dict[str, dict[str, list[Entry]]]:
    """The values of every year, by each paragraph that they cite (without one by the first text) and by key."""
    told: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for rulebook in rulebooks:
        for entry in entries_of(rulebook):
            paragraphs = {p for cite in entry.source.cites if (p := paragraph_of(cite)) is not None}
            for text in paragraphs or entry.source.cites[:1]:
                told[text][entry.key].append(entry)
    return told


def wrong_with(texts: Mapping[str, str], rulebooks: Iterable[Rulebook]) -> list[str]:
    """What is wrong with case tables: a sentence each."""
    books = list(rulebooks)
    years = {book.performance_year for book in books}
    cited = {cite for book in books for entry in entries_of(book) for cite in entry.source.cites}
    known = cited | {f"42 CFR {paragraph}" for paragraph in WITHOUT_VALUES}
    wrong, seen = [], set()
    for name, case in rows_of(texts):
        why = case.get("why", "a case")
        if set(case) != _CASE:
            wrong.append(f"{name}: {why}: has not exactly {sorted(_CASE)}")
        if case.get("cites") not in known:
            wrong.append(f"{name}: {why}: cites {case.get('cites')!r}, which no value of the rulebook does")
        if case.get("performance_year") not in years:
            wrong.append(f"{name}: {why}: no rulebook of {case.get('performance_year')}")
        if (name, why) in seen:
            wrong.append(f"{name}: {why}: is said twice")
        seen.add((name, why))
    tried = {paragraph_of(cite) or cite for cite in cases(texts)}
    return wrong + [f"{_full(text)} has a value and no case" for text in sorted(set(values(books)) - tried)]


def _full(text: str) -> str:
    return f"42 CFR {text}" if text.startswith("512.") else text


def modules_of(paragraph: str) -> list[str]:
    """The modules of the core that name a paragraph."""
    return [path.name for path in _MODULES if paragraph in path.read_text()]


def coverage_page() -> str:
    """Return ``docs/coverage.md``."""
    counted: Counter[str] = Counter()
    for cite, number in cases(tables()).items():
        counted[paragraph_of(cite) or cite] += number
    found = values(load_rulebooks(DEFAULT_VINTAGE).values())
    texts = sorted({*found, *counted}, key=lambda text: (not text.startswith("512."), text))
    lines = [
        _HEAD.format(vintage=DEFAULT_VINTAGE),
        "| paragraph | standing | cases | modules |",
        "| --- | --- | --- | --- |",
    ]
    weak = {text: _weakest([e for entries in by_key.values() for e in entries]) for text, by_key in found.items()}
    lines += [
        f"| {_full(t)} | {weak.get(t, '–')} | {counted[t]} | {_named(modules_of(t) if t.startswith('512.') else [])} |"
        for t in texts
    ]
    for text in texts:
        if text in found:
            lines += _values_of(_full(text), found[text])
    return "\n".join([*lines, ""])


def _values_of(title: str, entries_by_key: Mapping[str, list[Entry]]) -> list[str]:
    lines = ["", f"## {title}", "", "| value | standing | cases | modules | means |", "| --- | --- | --- | --- | --- |"]
    for key, entries in sorted(entries_by_key.items()):
        read = len(CASES.readers.get(key, ()))
        meaning = entries[0].source.meaning
        lines.append(
            f"| `{key}` | {_weakest(entries)} | {read} | {_named(sorted(CASES.modules.get(key, ())))} | {meaning} |"
        )
    return lines


def _named(modules: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in modules) or "–"


def _weakest(entries: list[Entry]) -> Standing:
    return weakest(entry.source.standing for entry in entries)
