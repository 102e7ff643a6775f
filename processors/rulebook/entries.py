"""The values of a rulebook one by one, each with its source: what an analyst reads, and what two vintages differ in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from processors.rulebook.seal import Rulebook
from processors.rulebook.sections import Benchmarks
from processors.rulebook.sources import Section, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value for one performance year: ``key`` is its section and its name there."""

    key: str
    value: object
    performance_year: int
    vintage: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A value that two rulebooks of one year do not share; None where one of them lacks it."""

    key: str
    performance_year: int
    before: Entry | None
    after: Entry | None


def entries_of(rulebook: Rulebook) -> Iterator[Entry]:
    """Yield every value of a rulebook, section by section."""
    for field in fields(rulebook):
        section = getattr(rulebook, field.name)
        if isinstance(section, Section):
            for name, source in section.sources.items():
                value = section.percentiles[name] if isinstance(section, Benchmarks) else getattr(section, name)
                yield Entry(
                    key=f"{field.name}.{name}",
                    value=value,
                    performance_year=rulebook.performance_year,
                    vintage=rulebook.vintage,
                    source=source,
                )


def differences(before: Rulebook, after: Rulebook) -> Iterator[Difference]:
    """Yield what differs between two rulebooks of a year: in value, or in how well it is known."""
    old, new = _by_key(entries_of(before)), _by_key(entries_of(after))
    for key in sorted(old.keys() | new.keys()):
        was, is_now = old.get(key), new.get(key)
        if was is None or is_now is None or (was.value, was.source) != (is_now.value, is_now.source):
            yield Difference(key=key, performance_year=after.performance_year, before=was, after=is_now)


def _by_key(entries: Iterable[Entry]) -> dict[str, Entry]:
    return {entry.key: entry for entry in entries}
