"""The shape in which a score explains itself: a tree of parts, each with its reasons and the numbers that went in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import reduce

from processors.events import EventName
from processors.rulebook import Reason, Standing, weakest

#: All arithmetic of the core happens in this context, whatever the surrounding program has set.
ARITHMETIC = Context(prec=28)
ZERO = Decimal(0)
_EXACT = Context(prec=2 * ARITHMETIC.prec + 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a score: a stable code, a value out of a maximum (absent where not scored), why, and from what.

    ``told_by`` are the events behind its numbers, and behind those of the parts below that name none themselves.
    """

    code: str
    title: str
    value: Decimal | None = None
    max: Decimal | None = None
    weight: Decimal | None = None
    parts: tuple["Part", ...] = ()
    reasons: tuple[Reason, ...] = ()
    inputs: Mapping[str, int | Decimal] = field(default_factory=dict)
    told_by: tuple[EventName, ...] = ()


def sum_of(points: Iterable[Decimal]) -> Decimal:
    """Add points without rounding, so that their order does not matter."""
    return reduce(_EXACT.add, points, ZERO)


def walk(part: Part) -> Iterator[Part]:
    """Yield the part and all below it."""
    yield part
    for child in part.parts:
        yield from walk(child)


def standing_of(part: Part) -> Standing:
    """Return the weakest standing that any reason in the tree rests on."""
    return weakest(reason.standing for p in walk(part) for reason in p.reasons)


def has_reason(part: Part, codes: frozenset[str]) -> bool:
    """Say whether any part of the tree gives one of these reasons."""
    return any(reason.code in codes for p in walk(part) for reason in p.reasons)
