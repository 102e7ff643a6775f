"""Which of several changes cause an outcome: tried one by one, and where none alone does it, the fewest together.

Nothing is guessed: a change is a cause where making it and no other gives another outcome, or where it is one of a set
that gives the outcome and of which none can be left out.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

C = TypeVar("C", bound=Hashable)

#: So many changes are tried one by one; more are halved as long as a half of them makes a difference.
_ONE_BY_ONE = 16
#: The outcome of changes that cannot be made without others.
IMPOSSIBLE = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes(Generic[C]):
    """The changes that give another outcome each alone, and those that give one only together.

    The latter name the former again where they do nothing without them.
    """

    alone: tuple[C, ...] = ()
    together: tuple[C, ...] = ()


def causes_of(changes: Sequence[C], outcome: Callable[[frozenset[C]], object]) -> Causes[C]:
    """Return the causes of the outcome of all changes where it is another than that of none.

    ``outcome`` tells what some of the changes come to. Where those that do something alone do not come to the whole,
    the fewest that do are looked for: what is not among them was taken back by others, and is no cause.
    """
    nothing, everything = frozenset[C](), frozenset(changes)
    before, after = outcome(nothing), outcome(everything)
    if before == after:
        return Causes()

    def moves(change: C) -> bool:
        return outcome(frozenset({change})) not in (before, IMPOSSIBLE)

    alone = tuple(change for change in _suspects(changes, lambda some: outcome(some) != before) if moves(change))
    if alone and outcome(frozenset(alone)) == after:
        return Causes(alone=alone)
    fewest = _fewest(changes, lambda some: outcome(some) == after)
    alone = tuple(filter(moves, fewest))
    others = tuple(change for change in fewest if change not in alone)
    if others and outcome(frozenset(others)) in (before, IMPOSSIBLE):
        return Causes(alone=alone, together=fewest)
    return Causes(alone=alone, together=others)


def _suspects(changes: Sequence[C], differs: Callable[[frozenset[C]], bool]) -> Iterator[C]:
    if len(changes) <= _ONE_BY_ONE:
        yield from changes
    else:
        yield from _halved(changes, differs)


def _halved(changes: Sequence[C], differs: Callable[[frozenset[C]], bool]) -> Iterator[C]:
    if not changes or not differs(frozenset(changes)):
        return
    if len(changes) == 1:
        yield changes[0]
        return
    middle = len(changes) // 2
    yield from _halved(changes[:middle], differs)
    yield from _halved(changes[middle:], differs)


def _fewest(changes: Sequence[C], suffices: Callable[[frozenset[C]], bool]) -> tuple[C, ...]:
    """Leave out what can be left out: by halves, by quarters, and in the end one by one."""
    kept = list(changes)
    size = max(1, len(kept) // 2)
    while size:
        place = 0
        while place < len(kept):
            rest = kept[:place] + kept[place + size :]
            if rest and suffices(frozenset(rest)):
                kept = rest
            else:
                place += size
        size //= 2
    return tuple(kept)
