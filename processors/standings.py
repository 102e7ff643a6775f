"""Where a cohort stands: what the scores that are seen come to, as far as it can be told without naming anybody.

Only what is seen enters: a deployment that sees its own customers alone says so by ``size_seen`` beside
``size_listed``. A figure about fewer participants than the rulebook's least cell is suppressed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from processors.outputs import Quantile, ScoreChanged, StandingChanged
from processors.payment import Member, Standings, standings_of
from processors.rulebook import Rulebook, weakest
from processors.score_tree import ARITHMETIC, ZERO

_HUNDRED = 100
_CELLS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which run of assessment scores are of, and the latest instant that one of them was said as of."""

    as_of: datetime
    engine: int
    generation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenScore:
    """What a standing needs of a score."""

    cohort: str
    revision: int
    final_score: Decimal | None
    part_b_paid_cents: int | None

    @classmethod
    def of(cls, said: ScoreChanged) -> "SeenScore":
        """Take it from what was announced."""
        return cls(
            cohort=said.cohort,
            revision=said.revision,
            final_score=said.final_score,
            part_b_paid_cents=said.part_b_paid_cents,
        )


def standing_of_cohort(
    scores: Iterable[SeenScore], cohort: str, rulebook: Rulebook, provenance: Provenance
) -> StandingChanged:
    """Return what the latest scores of a cohort and year come to (42 CFR 512.750).

    Participants without a final score are outside it. Whose payments are not known is taken to have the mean of the
    known ones, or where none is known the same as everybody else. The revision is given by who says it.
    """
    scored = [s for s in scores if s.final_score is not None]
    told = tuple(sorted(s.final_score for s in scored if s.final_score is not None))
    rules = rulebook.payment
    figures: Standings | None = None
    if len(told) >= rules.cell_min:
        figures = standings_of(_members(scored), rules)
    return StandingChanged(
        revision=0,
        cohort=cohort,
        performance_year=rulebook.performance_year,
        as_of=provenance.as_of,
        rulebook=rulebook.digest,
        vintage=rulebook.vintage,
        engine=provenance.engine,
        generation=provenance.generation,
        size_seen=len(told),
        size_listed=rules.listed_of.get(cohort, 0),
        payments_known=sum(s.part_b_paid_cents is not None for s in scored),
        midpoint=None if figures is None else figures.midpoint,
        scaling_factor=None if figures is None else figures.scaling_factor,
        quantiles=_quantiles(told, rules.cell_min),
        standing=weakest(source.standing for source in rules.sources.values()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """How many scores lie from ``low`` up to ``high`` (the last cell: with it); None: too few to be told."""

    low: Decimal
    high: Decimal
    count: int | None


def distribution(scores: Iterable[Decimal], highest: Decimal, cell_min: int) -> tuple[Cell, ...]:
    """Return the scores from 0 to ``highest`` in ten cells, those of fewer than ``cell_min`` scores suppressed."""
    counts = [0] * _CELLS
    for score in scores:
        counts[min(_CELLS - 1, max(0, int(score * _CELLS // highest)))] += 1
    hidden = suppressed(counts, cell_min)
    width = ARITHMETIC.divide(highest, Decimal(_CELLS))
    return tuple(
        Cell(low=width * place, high=width * (place + 1), count=None if place in hidden else count)
        for place, count in enumerate(counts)
    )


def suppressed(counts: Sequence[int], cell_min: int, rest: int | None = None) -> frozenset[int]:
    """Return the places of the counts that must not be told, of cells that have their sum in common.

    Since the sum is known elsewhere, the hidden ones hold ``cell_min`` together: else one could be told from the rest.
    The place ``rest``, if there is one, is hidden only where no other helps. An empty cell hides nobody and is shown.
    """
    hidden = {place for place, count in enumerate(counts) if 0 < count < cell_min}
    for place in sorted(range(len(counts)), key=lambda place: (place == rest, counts[place], place)):
        if not hidden or (len(hidden) > 1 and sum(counts[each] for each in hidden) >= cell_min):
            break
        if counts[place] >= cell_min:
            hidden.add(place)
    return frozenset(hidden)


def is_covered(size_seen: int, size_listed: int, rulebook: Rulebook) -> bool:
    """Say whether enough of a cohort is seen that its own figures may be used (42 CFR 512.750)."""
    return size_listed > 0 and size_seen >= rulebook.payment.coverage_min * size_listed


def _members(scored: Sequence[SeenScore]) -> list[Member]:
    known = [s.part_b_paid_cents for s in scored if s.part_b_paid_cents is not None]
    taken = sum(known) // len(known) if known else 1
    return [
        Member(
            final_score=ZERO if s.final_score is None else s.final_score,
            part_b_paid_cents=taken if s.part_b_paid_cents is None else s.part_b_paid_cents,
        )
        for s in scored
    ]


def _quantiles(scores: Sequence[Decimal], cell_min: int) -> tuple[Quantile, ...]:
    """Return deciles, quartiles or the median: the finest that leave no cell with fewer scores than the least."""
    parts = next((n for n in (10, 4, 2) if len(scores) >= n * cell_min), 0)
    percents = [_HUNDRED * k // parts for k in range(1, parts)]
    return tuple(Quantile(percent=percent, final_score=_percentile(scores, percent)) for percent in percents)


def _percentile(scores: Sequence[Decimal], percent: int) -> Decimal:
    """Return a percentile of ascending scores, interpolated between the two that it lies between."""
    below, rest = divmod((len(scores) - 1) * percent, _HUNDRED)
    with localcontext(ARITHMETIC):
        above = scores[min(below + 1, len(scores) - 1)]
        return scores[below] + ARITHMETIC.divide((above - scores[below]) * rest, Decimal(_HUNDRED))
