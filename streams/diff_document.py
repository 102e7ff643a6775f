"""A comparison of two generations as one JSON document: complete, and without a TIN."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from processors.comparison_summary import Comparison, Crossed, Threshold
from processors.movement import Cause, EventTold, Moved, ObligationMoved
from processors.rulebook.entries import Difference, Entry
from schemas.plain import to_avro
from streams.laws import Kept
from streams.wording import already_json, as_json

_LONG = 72
_GAP = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMoves:
    """A value of the law that differs, and how many participants' final scores it moves, alone and with others."""

    difference: Difference
    alone: int
    together: int


def rule_moves(comparison: Comparison) -> Sequence[RuleMoves]:
    """Return every value that differs, those that move most first."""
    counted: dict[tuple[str, int], list[int]] = {
        (key, year): [0, 0] for year, law in comparison.laws.items() for key in law.differences
    }
    for moved in comparison.moved:
        if moved.before != moved.after:
            for cause in moved.causes:
                if cause.rule is not None:
                    counted[cause.rule.key, cause.rule.performance_year][cause.together] += 1
    found = [
        RuleMoves(difference=comparison.laws[year].differences[key], alone=alone, together=together)
        for (key, year), (alone, together) in counted.items()
    ]
    return sorted(found, key=lambda r: (-r.alone - r.together, r.difference.key, r.difference.performance_year))


def document_of(comparison: Comparison, sides: Mapping[str, Kept]) -> dict[str, Any]:
    """Return the whole comparison as plain values; of the sides (``a``, ``b``) what they are."""
    rules = rule_moves(comparison)
    written = {id(r.difference): already_json(_rule(r.difference)) for r in rules}
    return {
        **{name: _side(kept) for name, kept in sides.items()},
        "participants": len(comparison.participants),
        "differ": {extent.value: count for extent, count in comparison.extents.items()},
        "unexplained": len(comparison.unexplained),
        "distribution": [{"change": name, "participants": n} for name, n in comparison.distribution.items()],
        "thresholds": [_threshold(threshold, comparison.crossed) for threshold in Threshold],
        "rules": [{**_rule(r.difference), "moves_alone": r.alone, "moves_together": r.together} for r in rules],
        "movers": [_moved(moved, written) for moved in comparison.moved],
        "obligations": [_obligation(moved, written) for moved in comparison.obligations],
    }


def by_years(moves: Sequence[RuleMoves]) -> Sequence[tuple[RuleMoves, str]]:
    """Return what differs alike in several years once, with the years."""
    alike: dict[str, list[RuleMoves]] = {}
    for each in moves:
        ends = [None if e is None else (e.value, e.source) for e in (each.difference.before, each.difference.after)]
        alike.setdefault(f"{each.difference.key} {ends!r}", []).append(each)
    found = []
    for same in alike.values():
        years = sorted(each.difference.performance_year for each in same)
        told = RuleMoves(
            difference=same[0].difference,
            alone=sum(each.alone for each in same),
            together=sum(each.together for each in same),
        )
        found.append((told, str(years[0]) if len(years) == 1 else f"{years[0]}–{years[-1]}"))
    return found


def shown_values(difference: Difference) -> tuple[str, str]:
    """Return a value on both sides in short: of lists and rows only what differs."""
    if difference.before is None or difference.after is None:
        texts = ["–" if e is None else _text(to_avro(e.value)) for e in (difference.before, difference.after)]
        return _short(texts[0]), _short(texts[1])
    before, after = to_avro(difference.before.value), to_avro(difference.after.value)
    if before == after:
        same = _short(_text(before))
        return f"{same} ({difference.before.source.standing})", f"{same} ({difference.after.source.standing})"
    return _short(_pared(before, after)), _short(_pared(after, before))


def _pared(value: object, other: object) -> str:
    """Show of a value what it does not share with another."""
    if isinstance(value, dict) and isinstance(other, dict):
        return _pared_row(value, other)
    if not isinstance(value, list | tuple) or not isinstance(other, list | tuple) or len(value) != len(other):
        return _text(value)
    shown: list[str] = []
    for one, its in zip(value, other, strict=True):
        if one != its:
            shown.append(_pared(one, its))
        elif not shown or shown[-1] != _GAP:
            shown.append(_GAP)
    return ", ".join(shown)


def _pared_row(row: dict[str, Any], other: dict[str, Any]) -> str:
    """Show of a row what names it, the first text that both have, and what differs."""
    name = next((value for key, value in row.items() if isinstance(value, str) and other.get(key) == value), None)
    told = [f"{key} {_pared(value, other.get(key))}" for key, value in row.items() if other.get(key) != value]
    return " ".join([*([] if name is None else [name]), ", ".join(told)])


def _text(value: object) -> str:
    return as_json(value).strip('"')


def _short(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 1] + _GAP


def _side(kept: Kept) -> dict[str, Any]:
    return {
        "generation": kept.law.generation,
        "promoted": kept.law.promoted or None,
        "rulebooks": dict(kept.law.digests),
        "partitions": [
            {
                "partition": number,
                "applied": state.mark.applied,
                "as_of": state.mark.as_of,
                "engine": state.mark.engine,
            }
            for number, state in sorted(kept.states.items())
        ],
    }


def _threshold(threshold: Threshold, crossed: Sequence[Crossed]) -> dict[str, Any]:
    whose = [c for c in crossed if c.threshold is threshold]
    return {
        "threshold": threshold.value,
        "enters": sum(c.enters for c in whose),
        "leaves": sum(not c.enters for c in whose),
        "participants": [
            {
                "npi": c.participant.npi,
                "practice_alias": c.participant.practice_alias,
                "performance_year": c.participant.performance_year,
                "cohort": c.participant.cohort,
                "enters": c.enters,
                "before": c.before,
                "after": c.after,
            }
            for c in whose
        ],
    }


def _moved(moved: Moved, written: Mapping[int, Any]) -> dict[str, Any]:
    return {
        "npi": moved.npi,
        "practice_alias": moved.practice_alias,
        "performance_year": moved.performance_year,
        "cohort": moved.cohort,
        "extent": moved.extent.value,
        "before": moved.before,
        "after": moved.after,
        "change": moved.change,
        "unexplained": moved.unexplained,
        "parts": [{"code": p.code, "title": p.title, "before": p.before, "after": p.after} for p in moved.parts],
        "causes": [_cause(cause, written) for cause in moved.causes],
    }


def _obligation(moved: ObligationMoved, written: Mapping[int, Any]) -> dict[str, Any]:
    return {
        "npi": moved.npi,
        "practice_alias": moved.practice_alias,
        "performance_year": moved.performance_year,
        "cohort": moved.cohort,
        "category": moved.category,
        "item": moved.item,
        "before": moved.before,
        "after": moved.after,
        "stands": moved.stands.value,
        "causes": [_cause(cause, written) for cause in moved.causes],
    }


def _cause(cause: Cause, written: Mapping[int, Any]) -> dict[str, Any]:
    claims = cause.claims
    return {
        "kind": str(cause.kind),
        "effect": cause.effect,
        "parts": list(cause.parts),
        "together": cause.together,
        "rule": None if cause.rule is None else written[id(cause.rule)],
        "event": None if cause.event is None else _event(cause.event),
        "claims": None
        if claims is None
        else {
            "count": claims.count,
            "last": {"source": claims.last.source, "event_id": claims.last.event_id},
            "origin": claims.origin,
        },
        "passed": [{"name": p.name, "at": p.at} for p in cause.passed] or None,
        "detail": cause.detail or None,
    }


def _event(event: EventTold) -> dict[str, Any]:
    name = {"source": event.name.source, "event_id": event.name.event_id}
    return {**name, "type": event.type, "origin": event.origin, "added": event.added}


def _rule(difference: Difference) -> dict[str, Any]:
    return {
        "key": difference.key,
        "performance_year": difference.performance_year,
        "before": _entry(difference.before),
        "after": _entry(difference.after),
    }


def _entry(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    source = entry.source
    return {
        "value": to_avro(entry.value),
        "vintage": entry.vintage,
        "cites": list(source.cites),
        "standing": str(source.standing),
    }
