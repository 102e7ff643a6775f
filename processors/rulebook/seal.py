"""Read the texts of a vintage and seal one rulebook a performance year.

The parser is given text (who reads files is outside the core). It refuses a file in which a key is unknown or missing,
lacks meaning, unit, citation, standing or verified date, has a value of another type, or skips a performance year.
A sealed rulebook carries its own text in a canonical form and that text's SHA-256: the digest stamped on every output.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from json import dumps, loads
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from processors.rulebook import sections
from processors.rulebook.sources import Section, Source, Standing

_HEADER = ("section", "title", "vintage")
#: A dotted key costs the square of its parts.
_MOST_DOTS = 100
_ENTRY = {"meaning", "unit", "cites", "verified", "standing", "value", "by_year"}


class RulebookError(ValueError):
    """A rulebook text that cannot be sealed; says which file and key, and what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Rulebook:
    """The law for one performance year in one vintage."""

    vintage: str
    performance_year: int
    digest: str
    text: str
    terms: sections.Terms
    eligibility: sections.Eligibility
    episodes: sections.Episodes
    areas: sections.Areas
    submission: sections.DataSubmission
    quality: sections.Quality
    benchmarks: sections.Benchmarks
    cost: sections.Cost
    activities: sections.ImprovementActivities
    interoperability: sections.PromotingInteroperability
    final_score: sections.FinalScore
    payment: sections.Payment
    compliance: sections.Compliance


FILES: Mapping[str, tuple[str, type[Section]]] = MappingProxyType(
    {
        "512_705_terms.toml": ("terms", sections.Terms),
        "512_710_eligibility.toml": ("eligibility", sections.Eligibility),
        "512_710_episodes.toml": ("episodes", sections.Episodes),
        "512_710_areas.toml": ("areas", sections.Areas),
        "512_720_data_submission.toml": ("submission", sections.DataSubmission),
        "512_725_quality.toml": ("quality", sections.Quality),
        "512_725_benchmarks.toml": ("benchmarks", sections.Benchmarks),
        "512_730_cost.toml": ("cost", sections.Cost),
        "512_735_improvement_activities.toml": ("activities", sections.ImprovementActivities),
        "512_740_promoting_interoperability.toml": ("interoperability", sections.PromotingInteroperability),
        "512_745_final_score.toml": ("final_score", sections.FinalScore),
        "512_750_payment.toml": ("payment", sections.Payment),
        "compliance.toml": ("compliance", sections.Compliance),
    }
)


def seal(texts: Mapping[str, str]) -> Mapping[int, Rulebook]:
    """Seal the files of one vintage (file name -> TOML text) into a rulebook for each performance year.

    :raises RulebookError: a file is missing or unknown, or one of its entries is wrong.
    """
    if set(texts) != set(FILES):
        odd = sorted(set(texts) ^ set(FILES))
        raise RulebookError(f"a vintage has exactly the files {sorted(FILES)}; unknown or missing: {odd}")
    parsed = {name: _parse(name, text) for name, text in texts.items()}
    vintages = sorted({entries["vintage"] for entries in parsed.values()})
    if len(vintages) != 1:
        raise RulebookError(f"the files of one vintage name several: {vintages}")
    years = _performance_years(parsed["512_705_terms.toml"])
    return MappingProxyType({year: _seal_year(vintages[0], year, years, parsed) for year in years})


def unseal(text: str) -> Rulebook:
    """Return the rulebook whose canonical text this is: the same values, text and digest.

    :raises RulebookError: it is no such text, or of a shape that this release does not know.
    """
    try:
        document = loads(text)
        year, vintage, told = document["performance_year"], document["vintage"], document["sections"]
        built: dict[str, Any] = {
            FILES[name][0]: _build(name, FILES[name][1], _typed_entries(FILES[name][1], entries))
            for name, entries in told.items()
        }
        return Rulebook(
            vintage=vintage, performance_year=year, digest=sha256(text.encode()).hexdigest(), text=text, **built
        )
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise RulebookError(f"not the text of a sealed rulebook of this release: {error}") from error


def _typed_entries(section: type[Section], entries: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the entries of a canonical text with the types that TOML has and JSON lacks."""
    hints = get_type_hints(section)
    every = get_args(hints["percentiles"])[1] if section is sections.Benchmarks else None
    return {
        key: entry
        | {"value": _typed(entry["value"], every or hints[key]), "verified": date.fromisoformat(entry["verified"])}
        for key, entry in entries.items()
    }


def _typed(value: Any, hint: Any) -> Any:
    if get_origin(hint) is tuple:
        return [_typed(item, get_args(hint)[0]) for item in value]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return {name: _typed(item, hints[name]) for name, item in value.items()}
    if hint is Decimal:
        return Decimal(value)
    return hint.fromisoformat(value) if hint in {date, datetime} else value


def _parse(name: str, text: str) -> dict[str, Any]:
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise RulebookError(f"{name}: a line with more than {_MOST_DOTS} dots")
    try:
        entries = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:  # also numbers and nesting beyond all measure
        raise RulebookError(f"{name}: not TOML: {error}") from error
    for key in _HEADER:
        if not isinstance(entries.get(key), str):
            raise RulebookError(f"{name}: lacks the text {key!r}")
    return entries


def _performance_years(terms: Mapping[str, Any]) -> list[int]:
    entry = terms.get("performance_years")
    years = entry.get("value") if isinstance(entry, dict) else None
    if not isinstance(years, list) or not years or any(type(year) is not int for year in years):
        raise RulebookError("512_705_terms.toml: performance_years lacks a value: a list of years")
    return years


def _seal_year(vintage: str, year: int, years: list[int], parsed: Mapping[str, dict[str, Any]]) -> Rulebook:
    resolved = {name: _resolve(name, entries, year, years) for name, entries in parsed.items()}
    text = _canonical({"performance_year": year, "vintage": vintage, "sections": resolved})
    built: dict[str, Any] = {
        FILES[name][0]: _build(name, FILES[name][1], entries) for name, entries in resolved.items()
    }
    return Rulebook(
        vintage=vintage, performance_year=year, digest=sha256(text.encode()).hexdigest(), text=text, **built
    )


def _resolve(name: str, entries: Mapping[str, Any], year: int, years: list[int]) -> dict[str, dict[str, Any]]:
    return {
        key: _entry_for_year(f"{name}: {key}", entry, year, years)
        for key, entry in entries.items()
        if key not in _HEADER
    }


def _entry_for_year(where: str, entry: Any, year: int, years: list[int]) -> dict[str, Any]:
    if not isinstance(entry, dict) or set(entry) - _ENTRY:
        raise RulebookError(f"{where}: an entry is a table of {sorted(_ENTRY)}")
    if "by_year" in entry:
        by_year = entry["by_year"]
        if not isinstance(by_year, dict) or set(by_year) != {str(y) for y in years}:
            raise RulebookError(f"{where}: by_year must name each of {years}, no other")
        if not isinstance(by_year[str(year)], dict):
            raise RulebookError(f"{where}: by_year.{year} is not a table")
        entry = {k: v for k, v in entry.items() if k != "by_year"} | entry["by_year"][str(year)]
    missing = (_ENTRY - {"by_year"}) - set(entry)
    if missing:
        raise RulebookError(f"{where}: lacks {sorted(missing)}")
    return dict(entry)


def _build(name: str, section: type[Section], entries: Mapping[str, dict[str, Any]]) -> Section:
    sources = MappingProxyType({key: _source(f"{name}: {key}", entry) for key, entry in entries.items()})
    if section is sections.Benchmarks:
        shape = get_args(get_type_hints(section)["percentiles"])[1]
        rows = {key: _shape(f"{name}: {key}", entry["value"], shape) for key, entry in entries.items()}
        return sections.Benchmarks(sources=sources, percentiles=MappingProxyType(rows))
    hints = {key: hint for key, hint in get_type_hints(section).items() if key != "sources"}
    if set(hints) != set(entries):
        raise RulebookError(f"{name}: keys unknown or missing: {sorted(set(hints) ^ set(entries))}")
    return section(sources=sources, **{k: _shape(f"{name}: {k}", entries[k]["value"], hints[k]) for k in hints})


def _source(where: str, entry: Mapping[str, Any]) -> Source:
    texts = ("meaning", "unit")
    if not all(isinstance(entry[k], str) and entry[k] for k in texts) or not _are_texts(entry["cites"]):
        raise RulebookError(f"{where}: meaning, unit and cites must say something")
    if type(entry["verified"]) is not date:
        raise RulebookError(f"{where}: verified must be a date")
    if entry["standing"] not in list(Standing):
        raise RulebookError(f"{where}: standing {entry['standing']!r} is none of {[s.value for s in Standing]}")
    return Source(
        meaning=entry["meaning"],
        unit=entry["unit"],
        cites=tuple(entry["cites"]),
        standing=Standing(entry["standing"]),
        verified=entry["verified"],
    )


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _shape(where: str, value: Any, hint: Any) -> Any:
    """Return the value in the type that the section declares."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise RulebookError(f"{where}: {value!r} is not a list")
        return tuple(_shape(where, item, get_args(hint)[0]) for item in value)
    if is_dataclass(hint):
        return _row(where, value, hint)
    if hint is Decimal and type(value) in {int, Decimal}:
        return _finite(where, Decimal(value))
    if type(value) is not hint or (hint is datetime and value.tzinfo is None):
        raise RulebookError(f"{where}: {value!r} is not a {hint.__name__}")
    return value


def _finite(where: str, value: Decimal) -> Decimal:
    if not value.is_finite():
        raise RulebookError(f"{where}: {value} is not a number")
    return value


def _row(where: str, value: Any, row: Any) -> Any:
    names = [f.name for f in fields(row)]
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        raise RulebookError(f"{where}: {value!r} is not a table of {names}")
    hints = get_type_hints(row)
    return row(**{name: _shape(f"{where}.{name}", value[name], hints[name]) for name in names})


def _canonical(document: object) -> str:
    return dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
