"""What of a comparison may travel: counts by performance year and cohort, those of too few participants suppressed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from processors.comparison_summary import BUCKETS, SAME, Comparison, Group, Participant, Threshold, bucket_of, grouped
from processors.movement import Cause, Extent, Moved, Stands
from processors.standings import suppressed

CAUSES = "cause of another final score"
_NONE = "neither"
_VERBS = {Stands.OPEN: "opens", Stands.DONE: "closes", Stands.LOST: "is lost"}
Who = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOf:
    """How many participants of a cohort a figure says something of; None: too few to be told."""

    performance_year: int
    cohort: str
    figure: str
    cell: str
    participants: int | None


def cells_of(comparison: Comparison) -> Sequence[CellOf]:
    """Return the cells of a comparison, year by year and cohort by cohort.

    The cells of one figure have the cohort's participants in common, each in one of them: they are suppressed together.
    Of a cohort with fewer participants than the rulebook's least cell nothing is told but that.
    """
    cells: list[CellOf] = []
    for group, members in sorted(grouped(comparison.participants).items()):
        least = _least(comparison, group)
        if len(members) < least:
            cells.append(_cell(group, ("participants", "all"), None))
            continue
        cells.append(_cell(group, ("participants", "all"), len(members)))
        for figure, rest, counts in _figures(comparison, group, members):
            names = [*counts, *([] if rest in counts else [rest])]
            told = {**counts, rest: len(members) - sum(n for name, n in counts.items() if name != rest)}
            hidden = suppressed([told[name] for name in names], least, names.index(rest))
            cells += [_cell(group, (figure, n), None if p in hidden else told[n]) for p, n in enumerate(names)]
    return cells


def cause_name(cause: Cause) -> str:
    """Return the name of a cause that is the same for everybody whom it moves."""
    return cause.rule.key if cause.rule is not None else cause.kind


def _least(comparison: Comparison, group: Group) -> int:
    """Return the least cell: of two laws the greater."""
    law = comparison.laws[group[0]]
    return max(book.payment.cell_min for book in (law.before, law.after) if book is not None)


def _cell(group: Group, named: tuple[str, str], participants: int | None) -> CellOf:
    figure, cell = named
    return CellOf(performance_year=group[0], cohort=group[1], figure=figure, cell=cell, participants=participants)


def _group(participant: Participant) -> Group:
    return participant.performance_year, participant.cohort


def _figures(
    comparison: Comparison, group: Group, members: Sequence[Participant]
) -> Iterator[tuple[str, str, Mapping[str, int]]]:
    """Yield each figure: its name, the cell of the rest, and the counts of the cells."""
    here: set[Who] = {(p.tin.digits, p.npi) for p in members}
    moved = [m for m in comparison.moved if (m.performance_year, m.cohort) == group and (m.tin.digits, m.npi) in here]
    finals = [m for m in moved if m.extent is Extent.FINAL]
    buckets = Counter(bucket_of(m) for m in finals)
    yield "change of the final score", SAME, {name: buckets[name] for name in BUCKETS}
    extents = Counter(m.extent.value for m in moved)
    yield "what differs", "NOTHING", {extent.value: extents[extent.value] for extent in Extent}
    causes = Counter(_causes(m) for m in finals)
    yield CAUSES, SAME, dict(sorted(causes.items()))
    for threshold in Threshold:
        crossed = [c for c in comparison.crossed if c.threshold is threshold and _group(c.participant) == group]
        enters = sum(c.enters for c in crossed)
        yield threshold.value, _NONE, {"enters": enters, "leaves": len(crossed) - enters}
    yield from _obligations(comparison, group[0], here)


def _causes(moved: Moved) -> str:
    return " + ".join(sorted({cause_name(cause) for cause in moved.causes}))


def _obligations(comparison: Comparison, year: int, here: set[Who]) -> Iterator[tuple[str, str, Mapping[str, int]]]:
    """Yield how many participants each item opens or closes for; one of the TIN concerns all who bill under it."""
    concerned: dict[str, dict[Who, str]] = {}
    for o in comparison.obligations:
        if o.performance_year == year:
            whom = {(tin, npi) for tin, npi in here if tin == o.tin.digits and o.npi in {None, npi}}
            concerned.setdefault(o.item, {}).update(dict.fromkeys(whom, _VERBS[o.stands]))
    for item, whom_how in sorted(concerned.items()):
        if whom_how:
            counted = Counter(whom_how.values())
            yield f"obligation {item}", _NONE, {verb: counted[verb] for verb in _VERBS.values()}
