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
    """The changes that give another outcome each alone, and a set that gives the whole of it only together."""

    alone: tuple[C, ...] = ()
    together: tuple[C, ...] = ()


def causes_of(changes: Sequence[C], outcome: Callable[[frozenset[C]], object]) -> Causes[C]:
    """Return the causes of the outcome of all changes where it is another than that of none.

    ``outcome`` tells what some of the changes come to. The set is looked for where those that do something alone do not
    come to the whole; it may name some of them again.
    """
    nothing, everything = frozenset[C](), frozenset(changes)
    before, after = outcome(nothing), outcome(everything)
    if before == after:
        return Causes()
    alone = tuple(_alone(changes, lambda some: outcome(some) != before))
    alone = tuple(change for change in alone if outcome(frozenset({change})) is not IMPOSSIBLE)
    if alone and outcome(frozenset(alone)) == after:
        return Causes(alone=alone)
    together = _fewest(changes, lambda some: outcome(some) == after)
    if len(together) == 1:
        return Causes(alone=tuple(change for change in changes if change in {*alone, *together}))
    return Causes(alone=alone, together=together)


def _alone(changes: Sequence[C], differs: Callable[[frozenset[C]], bool]) -> Iterator[C]:
    if len(changes) <= _ONE_BY_ONE:
        yield from (change for change in changes if differs(frozenset({change})))
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
