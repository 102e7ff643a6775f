"""Changing the law one value at a time: a change that no case of the tables notices is a value that no case reaches.

A number, date or instant is moved one step both ways, a yes becomes a no, a code another code; of a value with rows
each of these in turn. Only the cases that read a value are played again, so that the whole law is tried in seconds.
``python -m tests.rules.mutation`` prints every single change that goes unnoticed.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import PurePath
from types import FrameType
from typing import Any

from processors.rulebook import Rulebook, Section
from processors.rulebook.entries import Entry, entries_of
from processors.rulebook.sections import Benchmarks, ComplexityReference, ZipArea

#: What is put into a list that is empty as long as CMS has published nothing.
PUBLISHED: Mapping[str, tuple[object, ...]] = {
    "areas.mandatory_areas": ("16980",),
    "areas.zip_areas": (ZipArea(zip="60601", area="16980"),),
    "final_score.complexity_references": tuple(
        ComplexityReference(indicator=name, mean=Decimal(0), median=Decimal(0), standard_deviation=Decimal(1))
        for name in ("AVERAGE_HCC", "DUAL_SHARE")
    ),
    "compliance.error_notice_days": (30,),
}
#: Fields that say something to people and decide nothing.
WORDS = frozenset({"title"})
#: Codes that have one other meaning each; any other code becomes one that nobody knows.
OTHERWISE: Mapping[str, str] = {"PROPORTION": "ANSWER", "ELIGIBLE": "ELIGIBLE_LESS_EXCLUSIONS"}
_STEPS: Mapping[type[Any], Any] = {
    int: 1,
    Decimal: Decimal("0.01"),
    date: timedelta(days=1),
    datetime: timedelta(minutes=1),
}
Change = tuple[str, object]
#: By value the modules of the core that read it.
Read = dict[str, set[str]]


def changes_of(entry: Entry) -> list[Change]:
    """Every change of a value: where in it, and the value after."""
    if entry.value == ():
        return [("published", PUBLISHED[entry.key])]
    return list(_changes(entry.value, ""))


def _changes(value: Any, where: str) -> Iterator[Change]:
    if isinstance(value, tuple):
        for place, item in enumerate(value):
            for at, changed in _changes(item, f"{where}[{place}]"):
                yield at, (*value[:place], changed, *value[place + 1 :])
    elif is_dataclass(value) and not isinstance(value, type):
        for field in (f for f in fields(value) if f.name not in WORDS):
            for at, changed in _changes(getattr(value, field.name), f"{where}.{field.name}"):
                yield at, replace(value, **{field.name: changed})
    else:
        yield from ((f"{where} {how}", changed) for how, changed in _changed(value))


def _changed(value: Any) -> list[Change]:
    if isinstance(value, bool):
        return [("not", not value)]
    if isinstance(value, str):
        return [("other", OTHERWISE.get(value, f"{value[:-1]}~"))]
    step = _STEPS[type(value)]
    return [("more", value + step), ("less", value - step)]


def with_value(rulebook: Rulebook, key: str, value: object) -> Rulebook:
    """The rulebook with another value."""
    section_name, _, name = key.partition(".")
    section = getattr(rulebook, section_name)
    changes: dict[str, Any] = {name: value}
    if isinstance(section, Benchmarks):
        changes = {"percentiles": {**section.percentiles, name: value}}
    return replace(rulebook, **{section_name: replace(section, **changes)})


@dataclass(frozen=True, kw_only=True)
class Cases:
    """The rows of the tables with the law of each year, and how a row is played: True where it comes out as it says."""

    rows: Sequence[Any]
    year_of: Callable[[Any], int]
    holds: Callable[[Any, Rulebook], bool]
    law: Mapping[int, Rulebook]

    @cached_property
    def _read(self) -> Sequence[tuple[Any, "Read"]]:
        """Each row, and which modules of the core read which values for it."""
        told: list[tuple[Any, Read]] = [(row, {}) for row in self.rows]
        for row, read in told:
            self.holds(row, _listening(self.law[self.year_of(row)], read))
        return told

    @cached_property
    def modules(self) -> Mapping[str, set[str]]:
        """The modules of the core that read each value."""
        told: dict[str, set[str]] = {}
        for _, read in self._read:
            for key, modules in read.items():
                told.setdefault(key, set()).update(modules)
        return told

    @cached_property
    def readers(self) -> Mapping[str, Sequence[Any]]:
        """The rows that read each value, first those that read the fewest: they notice most, and are quick."""
        told: dict[str, list[Any]] = {}
        for row, read in sorted(self._read, key=lambda each: len(each[1])):
            for key in read:
                told.setdefault(key, []).append(row)
        return told

    def notices(self, key: str, value: object, years: Sequence[int]) -> bool:
        """Say whether a row comes out otherwise where a value is another in some years."""
        changed = {year: with_value(self.law[year], key, value) for year in years}
        rows = self.readers.get(key, ())
        return any(not self._still_holds(row, changed) for row in rows if self.year_of(row) in changed)

    def _still_holds(self, row: Any, law: Mapping[int, Rulebook]) -> bool:
        try:
            return self.holds(row, law[self.year_of(row)])
        except Exception:  # noqa: BLE001 - a case that cannot be played at all has noticed the change
            return False

    def values(self) -> Iterator[tuple[Entry, Sequence[int]]]:
        """Yield each value once, with the years in which it is the same."""
        by_key: dict[str, list[Entry]] = {}
        for rulebook in self.law.values():
            for entry in entries_of(rulebook):
                by_key.setdefault(entry.key, []).append(entry)
        for entries in by_key.values():
            if all(e.value == entries[0].value for e in entries) and entries[0].key != "payment.risk_level":
                yield entries[0], [e.performance_year for e in entries]
            else:
                yield from ((e, [e.performance_year]) for e in entries)

    def unnoticed(self) -> Iterator[tuple[str, int, list[str], int]]:
        """Yield of each value the key, its first year, the changes that no row notices, and how many were tried."""
        for entry, years in self.values():
            changes = changes_of(entry)
            missed = [where for where, value in changes if not self.notices(entry.key, value, years)]
            yield entry.key, years[0], missed, len(changes)


def _listening(rulebook: Rulebook, read: Read) -> Rulebook:
    """A rulebook that writes down which of its values are read."""
    heard: dict[str, Any] = {}
    for field in fields(rulebook):
        section = getattr(rulebook, field.name)
        if isinstance(section, Section):
            heard[field.name] = _listening_section(section, field.name, read)
    return replace(rulebook, **heard)


def _note(read: Read, key: str) -> None:
    """Write down a value, and the module of the core that asks for it."""
    frame: FrameType | None = sys._getframe(2)
    if frame is not None and frame.f_code.co_filename == replace.__code__.co_filename:
        return  # a copy reads everything
    modules = read.setdefault(key, set())
    while frame is not None:
        path = PurePath(frame.f_code.co_filename)
        if path.parent.name == "processors":
            modules.add(path.name)
            return
        frame = frame.f_back


def _listening_section(section: Section, name: str, read: Read) -> Section:
    if isinstance(section, Benchmarks):
        return replace(section, percentiles=_ListeningRows(section.percentiles, read))
    names = {f.name for f in fields(section)} - {"sources"}

    class Listening(type(section)):  # type: ignore[misc]
        def __getattribute__(self, attribute: str) -> Any:
            if attribute in names:
                _note(read, f"{name}.{attribute}")
            return super().__getattribute__(attribute)

    fresh = copy(section)
    for cached in set(vars(fresh)) - names - {"sources"}:
        del vars(fresh)[cached]
    object.__setattr__(fresh, "__class__", Listening)
    return fresh


class _ListeningRows(Mapping[str, Any]):
    """Benchmarks that write down which of them are read."""

    def __init__(self, rows: Mapping[str, Any], read: Read) -> None:
        self._rows, self._read = rows, read

    def __getitem__(self, key: str) -> Any:
        _note(self._read, f"benchmarks.{key}")
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def main() -> None:
    """Print every change that goes unnoticed."""
    from tests.rules.test_cases import CASES  # noqa: PLC0415 - the tests import this module

    for key, year, missed, tried in CASES.unnoticed():
        if missed:
            print(f"{key} {year}: {len(missed)} of {tried}: {'; '.join(missed)}")  # noqa: T201


if __name__ == "__main__":
    main()
