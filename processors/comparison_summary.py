"""Two sides as a whole: how many move, by how much, and who crosses a threshold that matters."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from processors.engine import ENGINE
from processors.identity import Npi, Tin
from processors.movement import Extent, Moved, ObligationMoved
from processors.payment import Standings, adjustment_factor
from processors.rulebook import Rulebook
from processors.rulebook.hybrid import LawChange
from processors.score_tree import ZERO
from processors.standings import Provenance, SeenScore, is_covered, standing_of_cohort

#: Changes of a final score are shown between these many points.
_EDGES = (Decimal(1), Decimal(5), Decimal(10), Decimal(20))
LOSES_SCORE, GAINS_SCORE, SAME = "no score any more", "a score for the first time", "the same"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Threshold(StrEnum):
    """A line that a participant may cross, each with what lies on its bad side."""

    FINAL_SCORE_ZERO = "FINAL_SCORE_ZERO"  # a final score of 0: the whole risk level is lost
    MINIMUM_SUBMISSION = "MINIMUM_SUBMISSION"  # too few quality measures were submitted
    FACTOR_BELOW_ZERO = "FACTOR_BELOW_ZERO"  # payments fall, by the cohort's own standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A participant and year, and what a standing needs of the score on each side; None: none was said."""

    tin: Tin
    npi: Npi
    performance_year: int
    practice_alias: str | None
    before: SeenScore | None
    after: SeenScore | None

    @property
    def cohort(self) -> str:
        """The cohort, as the latter side has it."""
        told = self.after or self.before
        return "" if told is None else told.cohort


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """A participant who crosses a threshold; ``enters``: towards its bad side.

    ``before`` and ``after`` are final scores, or where the threshold is one of the factor, factors.
    """

    threshold: Threshold
    participant: Participant
    enters: bool
    before: Decimal | None
    after: Decimal | None


Group = tuple[int, str]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that two sides have and differ in; those who moved for no cause found come first, then the largest change."""

    participants: Sequence[Participant]
    moved: Sequence[Moved]
    obligations: Sequence[ObligationMoved]
    laws: Mapping[int, LawChange] = field(default_factory=dict)

    @property
    def unexplained(self) -> Sequence[Moved]:
        """Whoever moved for no cause found."""
        return [moved for moved in self.moved if moved.unexplained]

    @property
    def extents(self) -> Mapping[Extent, int]:
        """How many differ, by how far."""
        counted = Counter(moved.extent for moved in self.moved)
        return {extent: counted[extent] for extent in Extent}

    @property
    def distribution(self) -> Mapping[str, int]:
        """How many participants' final scores change by how much."""
        finals = [moved for moved in self.moved if moved.extent is Extent.FINAL]
        counted = Counter(bucket_of(moved) for moved in finals)
        counted[SAME] = len(self.participants) - len(finals)
        return {name: counted[name] for name in BUCKETS}

    @cached_property
    def crossed(self) -> Sequence[Crossed]:
        """Who crosses a threshold."""
        return [*self._by_score(), *self._by_submission(), *self._by_factor()]

    def _by_score(self) -> Iterator[Crossed]:
        for participant in self.participants:
            finals = [None if s is None else s.final_score for s in (participant.before, participant.after)]
            zeros = [final is not None and final == ZERO for final in finals]
            if zeros[0] != zeros[1]:
                yield Crossed(
                    threshold=Threshold.FINAL_SCORE_ZERO,
                    participant=participant,
                    enters=zeros[1],
                    before=finals[0],
                    after=finals[1],
                )

    def _by_submission(self) -> Iterator[Crossed]:
        known = {(p.tin, p.npi, p.performance_year): p for p in self.participants}
        for moved in self.moved:
            participant = known.get((moved.tin, moved.npi, moved.performance_year))
            if moved.failed_before != moved.failed_after and participant is not None:
                yield Crossed(
                    threshold=Threshold.MINIMUM_SUBMISSION,
                    participant=participant,
                    enters=moved.failed_after,
                    before=moved.before,
                    after=moved.after,
                )

    def _by_factor(self) -> Iterator[Crossed]:
        """Yield whose factor crosses 0 by the cohort's own standing, where both sides have one."""
        for (year, cohort), members in sorted(grouped(self.participants).items()):
            law = self.laws.get(year)
            if law is None or law.before is None or law.after is None:
                continue
            before = _factors([m.before for m in members], cohort, law.before)
            after = _factors([m.after for m in members], cohort, law.after)
            for participant, was, is_now in zip(members, before, after, strict=True):
                if was is not None and is_now is not None and (was < 0) != (is_now < 0):
                    yield Crossed(
                        threshold=Threshold.FACTOR_BELOW_ZERO,
                        participant=participant,
                        enters=is_now < 0,
                        before=was,
                        after=is_now,
                    )


def grouped(participants: Iterable[Participant]) -> Mapping[Group, Sequence[Participant]]:
    """Return the participants by performance year and cohort."""
    groups: defaultdict[Group, list[Participant]] = defaultdict(list)
    for participant in participants:
        groups[participant.performance_year, participant.cohort].append(participant)
    return groups


def ordered(moved: Iterable[Moved]) -> Sequence[Moved]:
    """Order those who moved: for no cause found first, then a score won or lost, then by how much."""

    def place(one: Moved) -> tuple[object, ...]:
        size = -abs(one.change) if one.change is not None else ZERO
        whole = one.extent is Extent.FINAL and one.change is None
        return (not one.unexplained, list(Extent).index(one.extent), not whole, size, one.npi, one.performance_year)

    return sorted(moved, key=place)


def bucket_of(moved: Moved) -> str:
    """Return the bucket in which the change of a final score falls."""
    change = moved.change
    if change is None:
        return LOSES_SCORE if moved.after is None else GAINS_SCORE
    if change == 0:
        return SAME
    below = sum(abs(change) >= edge for edge in _EDGES)
    return (_DOWN if change < 0 else _UP)[below]


def _names(way: str) -> tuple[str, ...]:
    spans = [f"{way} {low} to {high}" for low, high in pairwise(_EDGES)]
    return (f"{way} less than {_EDGES[0]}", *spans, f"{way} {_EDGES[-1]} or more")


_UP, _DOWN = _names("up"), _names("down")
#: The buckets of the change of a final score, from the greatest loss to the greatest gain.
BUCKETS = (LOSES_SCORE, *reversed(_DOWN), SAME, *_UP, GAINS_SCORE)


def _factors(seen: Sequence[SeenScore | None], cohort: str, rulebook: Rulebook) -> Sequence[Decimal | None]:
    """Return each participant's factor by the standing of the cohort; None where too little of it is seen."""
    scores = [score for score in seen if score is not None]
    provenance = Provenance(as_of=_EPOCH, engine=ENGINE, generation="")
    standing = standing_of_cohort(scores, cohort, rulebook, provenance)
    if standing.midpoint is None or not is_covered(standing.size_seen, standing.size_listed, rulebook):
        return [None] * len(seen)
    figures = Standings(midpoint=standing.midpoint, scaling_factor=standing.scaling_factor)
    return [None if s is None else adjustment_factor(s.final_score, figures, rulebook.payment) for s in seen]
