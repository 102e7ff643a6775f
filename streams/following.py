"""Assessment in which only the end is asked for: of all before it the alerts are followed, and nothing is said."""

from dataclasses import replace

from processors.assessment import Assessment
from processors.following import Followed, follow
from processors.outputs import Cause
from processors.rulebook import Rulebook
from streams.assessment import Assessor, Law
from streams.state import PartitionState, YearKey, YearState


class FollowingAssessor(Assessor):
    """Folds the journal of one partition into its state, and remembers of what it would say the alerts alone."""

    def __init__(self, state: PartitionState, law: Law) -> None:
        super().__init__(state, law)
        self._followed: dict[YearKey, Followed] = {}

    def as_announced(self, year: YearState) -> YearState:
        """Return a practice and year with what has alerted, as if it had been announced."""
        followed = self._followed.get(_key(year))
        return year if followed is None else replace(year, owners=followed.owners())

    def assessment_of(self, year: YearState, earlier: Assessment | None = None) -> Assessment:
        """Return what the facts of a practice and year mean; what was read to follow it is not read again."""
        followed = self._followed.get(_key(year))
        if earlier is None and followed is not None:
            tin, performance_year = _key(year)
            earlier = Assessment(tin=tin, performance_year=performance_year, rulebook="", read=followed.read)
        return super().assessment_of(year, earlier)

    def _assess(self, year: YearState, cause: Cause) -> None:  # noqa: ARG002 - nobody is told why
        key = _key(year)
        rulebook: Rulebook | None = self._law.rulebooks.get(key[1])
        if rulebook is not None:
            before = self._followed.get(key, Followed())
            self._followed[key] = follow(self._with_claims(year.facts), rulebook, self._as_of(), before)
            year = replace(year, next_change_at=self._followed[key].next_change_at)
        self.state.put_year(year)


def _key(year: YearState) -> YearKey:
    return year.facts.practice.tin, year.facts.practice.performance_year
