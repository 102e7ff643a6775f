"""Rulebooks between two: what the law would be if only some of the values that differ had changed."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from processors.rulebook.entries import Difference, differences
from processors.rulebook.seal import Rulebook
from processors.rulebook.sections import Benchmarks
from processors.rulebook.sources import Section

V = TypeVar("V")


class LawChange:
    """The rulebooks of a performance year on two sides, and every one between them; None where a side has none."""

    def __init__(self, before: Rulebook | None, after: Rulebook | None) -> None:
        self.before = before
        self.after = after
        self._between: dict[frozenset[str], Rulebook] = {}

    @cached_property
    def differences(self) -> Mapping[str, Difference]:
        """What differs, by key; nothing where a side has no rulebook."""
        if self.before is None or self.after is None or self.before.digest == self.after.digest:
            return {}
        return {d.key: d for d in differences(self.before, self.after)}

    def with_only(self, keys: frozenset[str]) -> Rulebook:
        """Return the rulebook before, with the values that the one after has under some of the keys that differ.

        Sections without one of them stay the same objects. With none it is the one before, with all the one after; any
        other was never sealed and has no text and no digest.

        :raises ValueError: a side has no rulebook.
        """
        if self.before is None or self.after is None:
            raise ValueError("there is nothing between a rulebook and none")
        if not keys:
            return self.before
        if keys == self.differences.keys():
            return self.after
        if keys not in self._between:
            self._between[keys] = _between(self.before, self.after, keys)
        return self._between[keys]


def _between(before: Rulebook, after: Rulebook, keys: Collection[str]) -> Rulebook:
    changed: dict[str, Any] = {}
    for field in fields(before):
        section, names = getattr(before, field.name), _names(field.name, keys)
        if isinstance(section, Section) and names:
            changed[field.name] = _mixed(section, getattr(after, field.name), names)
    return replace(before, digest="", text="", **changed)


def _names(section: str, keys: Collection[str]) -> frozenset[str]:
    return frozenset(name for key in keys for at, _, name in [key.partition(".")] if at == section)


def _mixed(before: Section, after: Section, names: Collection[str]) -> Section:
    values: dict[str, Any]
    if isinstance(before, Benchmarks) and isinstance(after, Benchmarks):
        values = {"percentiles": _mixed_rows(before.percentiles, after.percentiles, names)}
    else:
        values = {name: getattr(after, name) for name in names}
    return replace(before, sources=_mixed_rows(before.sources, after.sources, names), **values)


def _mixed_rows(before: Mapping[str, V], after: Mapping[str, V], names: Collection[str]) -> Mapping[str, V]:
    """Return the rows of the one, under the names those of the other; a row that the other lacks is gone."""
    kept = {name: value for name, value in before.items() if name not in names}
    return MappingProxyType(kept | {name: after[name] for name in sorted(names) if name in after})
