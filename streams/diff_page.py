"""A comparison of two generations as a page of its own: no script, nothing to fetch, and no count of too few people."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from processors.comparison_cells import CAUSES, CellOf, cells_of
from processors.comparison_summary import Comparison
from processors.rulebook.entries import Difference
from streams.diff_document import by_years, rule_moves, shown_values
from streams.laws import Kept
from streams.wording import ESTIMATE, show_instant

_FOLDER = Path(__file__).parent / "templates"
_MANY = 6
_FIGURES = {
    "change of the final score": "Change of the final score, in points",
    "what differs": "What differs",
    CAUSES: "What causes another final score",
    "FINAL_SCORE_ZERO": "Final score of 0",
    "MINIMUM_SUBMISSION": "Minimum submission not reached",
    "FACTOR_BELOW_ZERO": "Payment factor below 0, by the cohort’s standing",
}
_CELLS = {
    "FINAL": "another final score",
    "FIGURES": "the same final score, another figure",
    "WORDS": "the same figures, other reasons",
    "NOTHING": "nothing",
    "NO_CAUSE_FOUND": "no cause found",
    "enters": "get there",
    "leaves": "get away",
}


def page_of(comparison: Comparison, sides: Mapping[str, Kept]) -> str:
    """Return the page as HTML."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cells = cells_of(comparison)
    return made.get_template("diff.html").render(
        sides=[_side(name, kept) for name, kept in sides.items()],
        unexplained=bool(comparison.unexplained),
        rules=[_rule(moves.difference, years) for moves, years in by_years(rule_moves(comparison))],
        groups=[_group(list(group)) for _, group in groupby(cells, key=lambda c: (c.performance_year, c.cohort))],
        estimate=ESTIMATE,
    )


def _side(name: str, kept: Kept) -> dict[str, Any]:
    marks = [state.mark for state in kept.states.values()]
    ticks = sorted({mark.as_of for mark in marks if mark.as_of is not None})
    return {
        "name": name.upper(),
        "generation": kept.law.generation,
        "as_of": " to ".join(dict.fromkeys(show_instant(tick) for tick in (ticks[0], ticks[-1]))) if ticks else "–",
        "engine": ", ".join(sorted({str(mark.engine) for mark in marks})),
        "rulebooks": [
            {"year": year, "vintage": book.vintage, "digest": book.digest[:12]}
            for year, book in sorted(kept.law.rulebooks.items())
        ],
    }


def _rule(difference: Difference, years: str) -> dict[str, Any]:
    before, after = shown_values(difference)
    source = next(e.source for e in (difference.after, difference.before) if e is not None)
    return {
        "key": difference.key,
        "years": years,
        "meaning": source.meaning,
        "before": before,
        "after": after,
        "cites": ", ".join(source.cites),
        "standing": str(source.standing),
    }


def _group(cells: Sequence[CellOf]) -> dict[str, Any]:
    figures = {name: list(found) for name, found in groupby(cells[1:], key=lambda cell: cell.figure)}
    shown = [_figure(name, found) for name, found in figures.items() if _says_something(found)]
    differs = {cell.cell: cell.participants for cell in figures.get("what differs", ())}
    return {
        "year": cells[0].performance_year,
        "cohort": cells[0].cohort.replace("_", " ").capitalize(),
        "participants": cells[0].participants,
        "moved": differs.get("FINAL"),
        "figures": sorted(shown, key=lambda figure: not figure["wide"]),
    }


def _says_something(cells: Iterable[CellOf]) -> bool:
    """Say whether more than the last cell, that of the rest, has anybody in it."""
    return any(cell.participants != 0 for cell in cells if cell.cell not in {"neither", "NOTHING", "the same"})


def _figure(name: str, cells: Sequence[CellOf]) -> dict[str, Any]:
    longest = max((cell.participants or 0 for cell in cells), default=0) or 1
    title = f"Obligation {name.removeprefix('obligation ')}" if name.startswith("obligation ") else _FIGURES[name]
    return {
        "title": title,
        "wide": len(cells) > _MANY or name == CAUSES,
        "cells": [
            {
                "name": " + ".join(_CELLS.get(part, part) for part in cell.cell.split(" + ")),
                "count": cell.participants,
                "width": round(100 * (cell.participants or 0) / longest, 1),
            }
            for cell in cells
        ],
    }
