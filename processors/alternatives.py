"""A practice and year on two sides, and all that lies between: assessed with any of the changes from one to the other.

A change is a value of the law, an event that one side has and the other has not, what the TIN's own claims come to, or
the clock. With none of them it is the one side, with all the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from processors.announced import Owners
from processors.assessment import Assessment, assess, assess_without_rulebook
from processors.causes import IMPOSSIBLE
from processors.episodes import ClaimYear
from processors.events import Observed
from processors.facts import PracticeYear, all_observed, empty_year, fold
from processors.identity import Npi
from processors.rulebook import Rulebook
from processors.rulebook.hybrid import LawChange

#: What a side's claims come to under a rulebook, for some clinicians, by calendar year.
Count = Callable[[Rulebook, Iterable[Npi]], Mapping[Npi, Mapping[int, ClaimYear]]]
#: What a law of which only a part was changed may stumble over: a row that names another which is not there.
_UNUSABLE = (LookupError, ValueError, ArithmeticError, StopIteration, TypeError)


class ChangeKind(StrEnum):
    """What it is that differs between two sides."""

    RULE = "RULE"
    RULEBOOK = "RULEBOOK"  # the year as a whole: one side's law does not know it
    EVENT = "EVENT"
    CLAIMS = "CLAIMS"
    CLOCK = "CLOCK"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One thing that differs; ``name`` is a rule's key or an event's digest, else empty."""

    kind: ChangeKind
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A practice and year as one side holds it: its facts without claims, what was said, as of when, by which engine.

    ``count`` tells what its claims come to. Before the first tick (``as_of`` None) nothing is said.
    """

    facts: PracticeYear
    owners: Owners
    as_of: datetime | None
    engine: int
    count: Count


_CLOCK, _CLAIMS, _RULEBOOK = Change(ChangeKind.CLOCK), Change(ChangeKind.CLAIMS), Change(ChangeKind.RULEBOOK)


class Alternatives:
    """What a practice and year would come to with some of the changes between two sides."""

    def __init__(self, a: Side, b: Side, law: LawChange, *, claims_differ: bool) -> None:
        self.a, self.b, self.law = a, b, law
        self.events = _differing(a.facts, b.facts)
        self.changes: Sequence[Change] = tuple(self._changes(claims_differ=claims_differ))
        self._known: dict[frozenset[Change], Assessment | object | None] = {}

    @property
    def before(self) -> Assessment | None:
        """What the facts of the one side mean under its law; None where its clock has not ticked."""
        found: Assessment | None = self.with_only(frozenset())
        return found

    @property
    def after(self) -> Assessment | None:
        """What the facts of the other side mean under its law."""
        found: Assessment | None = self.with_only(frozenset(self.changes))
        return found

    def with_only(self, chosen: frozenset[Change]) -> Any:
        """Return the assessment with some of the changes, or IMPOSSIBLE where they cannot be made without others."""
        if chosen not in self._known:
            whole = len(chosen) in {0, len(self.changes)}
            self._known[chosen] = self._assess(chosen) if whole else self._assess_if_possible(chosen)
        return self._known[chosen]

    def _changes(self, *, claims_differ: bool) -> Iterable[Change]:
        law = self.law
        yield from (Change(ChangeKind.RULE, key) for key in law.differences)
        if (law.before is None) != (law.after is None):
            yield _RULEBOOK
        yield from (Change(ChangeKind.EVENT, digest) for digest in self.events)
        if claims_differ:
            yield _CLAIMS
        if self.a.as_of != self.b.as_of:
            yield _CLOCK

    def _assess_if_possible(self, chosen: frozenset[Change]) -> object:
        try:
            return self._assess(chosen)
        except _UNUSABLE:
            return IMPOSSIBLE

    def _assess(self, chosen: frozenset[Change]) -> Assessment | None:
        as_of = (self.b if _CLOCK in chosen else self.a).as_of
        if as_of is None:
            return None
        rulebook, facts = self._rulebook(chosen), self._facts(chosen)
        if rulebook is None:
            return assess_without_rulebook(facts)
        counts = (self.b if _CLAIMS in chosen else self.a).count(rulebook, facts.clinicians)
        return assess(replace(facts, claims=counts) if counts else facts, rulebook, as_of)

    def _rulebook(self, chosen: frozenset[Change]) -> Rulebook | None:
        if self.law.before is None or self.law.after is None:
            return self.law.after if _RULEBOOK in chosen else self.law.before
        return self.law.with_only(frozenset(c.name for c in chosen if c.kind is ChangeKind.RULE))

    def _facts(self, chosen: frozenset[Change]) -> PracticeYear:
        """Return the facts of the one side with some of the events as the other side has, or has not, them."""
        moved = {change.name for change in chosen if change.kind is ChangeKind.EVENT}
        if not moved:
            return self.a.facts
        if moved == self.events.keys():
            return self.b.facts
        practice = self.a.facts.practice
        facts = empty_year(practice.tin, practice.performance_year)
        kept: list[Any] = [observed for observed in all_observed(self.a.facts) if observed.digest not in moved]
        kept += [after for digest in sorted(moved) if (after := self.events[digest][1]) is not None]
        for observed in kept:
            facts = fold(facts, observed)
        return facts


def _differing(a: PracticeYear, b: PracticeYear) -> Mapping[str, tuple[Observed[Any] | None, Observed[Any] | None]]:
    """Return the events that two sides do not hold alike, by digest: as the one and as the other holds them."""
    if a is b or a == b:
        return {}
    ours, theirs = ({o.digest: o for o in all_observed(facts)} for facts in (a, b))
    return {
        digest: (ours.get(digest), theirs.get(digest))
        for digest in sorted(ours.keys() | theirs.keys())
        if ours.get(digest) != theirs.get(digest)
    }
