"""How ``asm replay diff`` looks in a terminal: what must be seen first comes first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich.table import Table

from processors.comparison_summary import Comparison, Threshold
from processors.movement import Cause, Extent, Moved, ObligationMoved, Stands
from streams.commands.terminal import OUT, table
from streams.diff_document import by_years, rule_moves, shown_values
from streams.laws import Kept
from streams.wording import ESTIMATE, points, show_instant

_BAR = 40
#: Longer values are shown in the table of the law alone.
_SHORT = 40
_EXTENTS = {
    Extent.FINAL: "another final score",
    Extent.FIGURES: "the same final score, another figure",
    Extent.WORDS: "the same figures, other reasons or citations",
}
_THRESHOLDS = {
    Threshold.FINAL_SCORE_ZERO: "final score 0",
    Threshold.MINIMUM_SUBMISSION: "minimum submission not reached",
    Threshold.FACTOR_BELOW_ZERO: "payment factor below 0, by the cohort's standing",
}


def show(found: Comparison, sides: Mapping[str, Kept], most: int) -> None:
    """Show a comparison; of movers and obligations at most so many."""
    for name, kept in sides.items():
        OUT.print(_side(name, kept), markup=False)
    unexplained = list(found.unexplained)
    if unexplained:
        OUT.print(_movers("MOVED FOR NO CAUSE FOUND", unexplained[:most]), style="bold red")
    OUT.print(_summary(found))
    OUT.print(_distribution(found))
    OUT.print(_thresholds(found))
    OUT.print(_rules(found))
    explained = [moved for moved in found.moved if not moved.unexplained]
    if explained:
        OUT.print(_movers(_title("Who moves", len(explained), most), explained[:most]))
    if found.obligations:
        OUT.print(_obligation_counts(found.obligations))
        title = _title("Obligations that open, close or are lost", len(found.obligations), most)
        OUT.print(_obligations(title, found.obligations[:most]))
    OUT.print(ESTIMATE, style="dim")


def _title(what: str, count: int, most: int) -> str:
    return f"{what}: {count}" if count <= most else f"{what}: {most} of {count} (--most, --json)"


def _side(name: str, kept: Kept) -> str:
    marks = [state.mark for state in kept.states.values()]
    ticks = sorted({mark.as_of for mark in marks if mark.as_of is not None})
    as_of = " to ".join(show_instant(tick) for tick in dict.fromkeys((ticks[0], ticks[-1]))) if ticks else "no tick yet"
    books = ", ".join(f"{year} {digest[:12]}" for year, digest in sorted(kept.law.digests.items()))
    return f"{name.upper()} {kept.law.generation} · as of {as_of} · rulebooks {books}"


def _summary(found: Comparison) -> Table:
    rows = [("participants", len(found.participants))]
    rows += [(_EXTENTS[extent], count) for extent, count in found.extents.items()]
    return table(
        "Participants", ("what was said of them", "how many"), [*rows, ("no cause found", len(found.unexplained))]
    )


def _distribution(found: Comparison) -> Table:
    told = found.distribution
    longest = max(told.values(), default=0) or 1
    rows = [(name, n, "█" * -(-n * _BAR // longest)) for name, n in told.items()]
    return table("By how many points the final score changes", ("points", "participants", ""), rows)


def _thresholds(found: Comparison) -> Table:
    counted = Counter((crossed.threshold, crossed.enters) for crossed in found.crossed)
    rows = [(words, counted[each, True], counted[each, False]) for each, words in _THRESHOLDS.items()]
    return table("Who crosses a threshold that matters", ("threshold", "get there", "get away"), rows)


def _rules(found: Comparison) -> Table:
    rows = []
    for moves, years in by_years(rule_moves(found)):
        d = moves.difference
        source = next(e.source for e in (d.after, d.before) if e is not None)
        cites = f"{', '.join(source.cites)} ({source.standing})"
        rows.append((d.key, years, *shown_values(d), cites, moves.alone, moves.together))
    columns = ("value", "year", "A", "B", "stands in", "moves alone", "with others")
    return table("What differs in the law", columns, rows)


def _movers(title: str, moved: Iterable[Moved]) -> Table:
    rows = (
        (
            m.npi,
            m.practice_alias,
            m.performance_year,
            f"{points(m.before)} → {points(m.after)}",
            signed(m.change),
            "; ".join(f"{p.code} {points(p.before)} → {points(p.after)}" for p in m.parts if p.code != "final_score"),
            because_of(m.causes),
        )
        for m in moved
    )
    return table(title, ("NPI", "practice", "year", "final score", "change", "parts", "because of"), rows)


def _obligation_counts(moved: Sequence[ObligationMoved]) -> Table:
    counted = Counter((o.item, o.stands) for o in moved)
    rows = ((item, *(counted[item, stands] for stands in _ORDER)) for item in sorted({o.item for o in moved}))
    return table("Obligations by item", ("item", "open", "close", "are lost"), rows)


_ORDER = (Stands.OPEN, Stands.DONE, Stands.LOST)


def _obligations(title: str, moved: Iterable[ObligationMoved]) -> Table:
    rows = (
        (
            o.npi or "practice",
            o.practice_alias or str(o.tin),
            o.performance_year,
            o.item,
            f"{o.before or '–'} → {o.after or '–'}",
            because_of(o.causes),
        )
        for o in moved
    )
    return table(title, ("who", "practice", "year", "item", "status", "because of"), rows)


def because_of(causes: Sequence[Cause]) -> str:
    """Say causes in words, one a line, with their effects in points; those that work together in one."""
    lines = [_with_effect(_what(cause), cause) for cause in causes if not cause.together]
    together = [cause for cause in causes if cause.together]
    if together:
        lines.append(_with_effect("only together: " + "; ".join(map(_what, together)), together[0]))
    return "\n".join(lines)


def _with_effect(words: str, cause: Cause) -> str:
    return words if cause.effect is None else f"{words} ({signed(cause.effect)})"


def _what(cause: Cause) -> str:
    if cause.rule is not None:
        values = " → ".join(shown_values(cause.rule))
        return f"{cause.rule.key} {values}" if len(values) <= _SHORT else f"{cause.rule.key} (above)"
    if cause.event is not None:
        event = cause.event
        side = "B" if event.added else "A"
        return f"{event.type} {event.name.source} {event.name.event_id}, which only {side} has so ({event.origin})"
    if cause.claims is not None:
        last = cause.claims.last
        return f"{cause.claims.count} claims, the last {last.source} {last.event_id}"
    if cause.passed:
        passed = ", ".join(f"{p.name} {show_instant(p.at)}" for p in cause.passed)
        return f"the clock, {cause.detail}, with {passed} between"
    return f"{cause.kind}: {cause.detail}" if cause.detail else str(cause.kind).lower()


def signed(change: Decimal | None) -> str:
    """Show a change of points with its sign, or a dash."""
    return "–" if change is None else f"{change:+.2f}"
