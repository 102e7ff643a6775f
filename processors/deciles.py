"""Points by deciles, with partial points: QPP's method, for rates and for costs."""

from collections.abc import Sequence
from decimal import Decimal

from processors.score_tree import ARITHMETIC


def decile_starts(percentiles: Sequence[Decimal]) -> Sequence[Decimal]:
    """Return where the deciles begin among ascending percentiles p1, p10 … p90, p99: at p1, p10 … p90."""
    return percentiles[:-1]


def inverse_decile_starts(percentiles: Sequence[Decimal]) -> Sequence[Decimal]:
    """Return where they begin for a measure of which less is better: at p99, p90 … p10."""
    return percentiles[:0:-1]


def points_of_more(value: Decimal, starts: Sequence[Decimal]) -> Decimal:
    """Return decile points with partial points for a value of which more is better (QPP's method).

    The decile is the highest whose start the value meets; the points are the decile and the share of the way to the
    next start; below the first start as at it, from the last on as many as there are deciles.
    """
    met = [k for k, start in enumerate(starts, 1) if value >= start]
    decile = met[-1] if met else 1
    if not met or decile == len(starts):
        return Decimal(decile)
    lower, upper = starts[decile - 1], starts[decile]
    return Decimal(decile) + ARITHMETIC.divide(value - lower, upper - lower)


def points_of_less(value: Decimal, starts: Sequence[Decimal]) -> Decimal:
    """Return the same for a value of which less is better, against descending starts."""
    return points_of_more(-value, [-start for start in starts])
