"""Who moves between two sides, and why: what was said of a practice and year, compared part by part with its causes.

What is compared is what each side announced. What its facts and law give is assessed anew, and must be the same: where
it is not, something moved that no value of the law, no event, no claim and no tick explains, and that is a defect.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from processors.alternatives import Alternatives, Change, ChangeKind, Side
from processors.announced import NOTHING, AnnouncedScore
from processors.announcements import Digest
from processors.assessment import Assessment
from processors.causes import IMPOSSIBLE, causes_of
from processors.engine import ENGINE
from processors.events import EventName
from processors.facts import PracticeYear
from processors.identity import Npi
from processors.movement import (
    ENGINE_VERSION,
    NO_CAUSE_FOUND,
    Cause,
    Compared,
    EventTold,
    Extent,
    Moved,
    ObligationMoved,
    PartMoved,
    Passed,
    Stands,
)
from processors.obligations import SETTLED, Obligation, Status
from processors.output_views import score_view, withdrawn_score
from processors.reachable import MINIMUM_SUBMISSION
from processors.rulebook import Rulebook
from processors.score_tree import has_reason, walk
from processors.scoring import Score

_NOTHING_COUNTS_ANY_MORE = frozenset({Status.MISSED, Status.LATE})
_FAILED = frozenset({MINIMUM_SUBMISSION})
Key = tuple[str, str, str]
Outcome = Callable[[Assessment | None], object]


def compare(alternatives: Alternatives, digest: Digest) -> Compared:
    """Return what two sides say otherwise of a practice and year, with the causes.

    Where the sides hold the same and said the same of each score, nothing is assessed.
    """
    names = sorted(alternatives.a.owners.keys() | alternatives.b.owners.keys())
    differing = [npi for npi in names if _digest_said(alternatives.a, npi) != _digest_said(alternatives.b, npi)]
    if not differing and not alternatives.changes:
        return Compared()
    comparison = _Comparison(alternatives, digest)
    moved = tuple(comparison.moved(Npi(npi)) for npi in differing)
    return Compared(moved=moved, obligations=tuple(comparison.obligations()))


class _Comparison:
    def __init__(self, alternatives: Alternatives, digest: Digest) -> None:
        self._between = alternatives
        self._digest = digest
        self._before, self._after = alternatives.before, alternatives.after

    def moved(self, npi: Npi) -> Moved:
        said = [_said(side, npi) for side in (self._between.a, self._between.b)]
        meant = [_score_of(assessment, npi) for assessment in (self._before, self._after)]
        finals = [None if each is None else each.final_score for each in said]
        extent = self._extent(said, meant)
        practice = self._between.a.facts.practice
        return Moved(
            tin=practice.tin,
            npi=npi,
            performance_year=practice.performance_year,
            cohort=next((s.cohort for s in reversed(said) if s is not None), ""),
            practice_alias=self._alias(npi),
            extent=extent,
            before=finals[0],
            after=finals[1],
            failed_before=_failed(meant[0]),
            failed_after=_failed(meant[1]),
            parts=tuple(_parts_moved(said, meant)),
            causes=(*self._unexplained(npi, extent), *self._causes(npi, _OUTCOMES[extent](npi))),
        )

    def obligations(self) -> Iterator[ObligationMoved]:
        """Yield the obligations that open, close or are lost, by what the facts of each side mean."""
        before, after = _by_key(self._before), _by_key(self._after)
        for key in sorted(before.keys() | after.keys()):
            was, is_now = before.get(key), after.get(key)
            if stands_as(was) is not stands_as(is_now):
                yield self._obligation_moved(key, was, is_now)

    def _obligation_moved(self, key: Key, was: Obligation | None, is_now: Obligation | None) -> ObligationMoved:
        item = (is_now or was).item  # type: ignore[union-attr]  # one of them is there
        scores = [s for a in (self._before, self._after) if a is not None for s in a.scores]
        concerned = [s for s in scores if item.npi in {None, s.npi}]
        return ObligationMoved(
            tin=item.tin,
            npi=item.npi,
            performance_year=self._between.a.facts.practice.performance_year,
            cohort=concerned[-1].cohort if concerned else "",
            practice_alias=self._alias(item.npi),
            category=item.category,
            item=item.item,
            before=None if was is None else was.status,
            after=None if is_now is None else is_now.status,
            stands=stands_as(is_now),
            causes=self._causes(item.npi, lambda a: stands_as(_by_key(a).get(key))),
        )

    def _extent(self, said: list[AnnouncedScore | None], meant: list[Score | None]) -> Extent:
        finals = [None if each is None else each.final_score for each in said]
        if finals[0] != finals[1]:
            return Extent.FINAL
        same = _values(said[0]) == _values(said[1]) and _figures(meant[0]) == _figures(meant[1])
        return Extent.WORDS if same else Extent.FIGURES

    def _alias(self, npi: Npi | None) -> str | None:
        return alias_of(self._between.b.facts, npi) or alias_of(self._between.a.facts, npi)

    def _causes(self, npi: Npi | None, outcome: Outcome) -> tuple[Cause, ...]:
        between = self._between

        def of(chosen: frozenset[Change]) -> object:
            found = between.with_only(chosen)
            return IMPOSSIBLE if found is IMPOSSIBLE else outcome(found)

        found = causes_of(between.changes, of)
        alone = [self._cause(change, frozenset({change}), npi) for change in found.alone]
        together = frozenset(found.together)
        return (*alone, *(self._cause(change, together, npi, together=True) for change in found.together))

    def _cause(self, change: Change, chosen: frozenset[Change], npi: Npi | None, *, together: bool = False) -> Cause:
        score, was = _score_of(self._between.with_only(chosen), npi), _score_of(self._before, npi)
        values, before = _values_of(score), _values_of(was)
        final, final_before = values.get("final_score"), before.get("final_score")
        return Cause(
            kind=change.kind,
            effect=None if final is None or final_before is None else final - final_before,
            parts=tuple(code for code in dict.fromkeys((*values, *before)) if values.get(code) != before.get(code)),
            together=together,
            rule=self._between.law.differences.get(change.name),
            event=self._event(change),
            passed=self._passed() if change.kind is ChangeKind.CLOCK else (),
            detail=self._detail(change.kind),
        )

    def _detail(self, kind: ChangeKind) -> str:
        a, b = self._between.a, self._between.b
        if kind is ChangeKind.CLOCK:
            return " to ".join("no tick yet" if s.as_of is None else s.as_of.isoformat() for s in (a, b))
        if kind is ChangeKind.RULEBOOK:
            return f"the law of {'A' if self._between.law.before is None else 'B'} does not know the year"
        return ""

    def _event(self, change: Change) -> EventTold | None:
        if change.kind is not ChangeKind.EVENT:
            return None
        before, after = self._between.events[change.name]
        observed: Any = before if after is None else after
        event = observed.event
        name = EventName(source=event.source, event_id=event.event_id)
        return EventTold(name=name, type=type(event).__name__, origin=observed.origin, added=after is not None)

    def _passed(self) -> tuple[Passed, ...]:
        ends = [side.as_of for side in (self._between.a, self._between.b) if side.as_of is not None]
        rulebook = self._between.law.before or self._between.law.after
        if len(ends) < 2 or rulebook is None:
            return ()
        return tuple(p for p in _instants(rulebook) if min(ends) < p.at <= max(ends))

    def _unexplained(self, npi: Npi, extent: Extent) -> Iterator[Cause]:
        """Say of each side that told something else than its facts and law give."""
        sides = (("A", self._between.a, self._before), ("B", self._between.b, self._after))
        for name, side, assessment in sides:
            said = _said(side, npi)
            meant = self._meant(assessment, npi, said)
            told = None if said is None else said.final_score if extent is Extent.FINAL else said.digest
            gives = meant[0] if extent is Extent.FINAL else meant[1]
            if told != gives:
                yield _no_cause(name, side, said, meant[0])

    def _meant(
        self, assessment: Assessment | None, npi: Npi, said: AnnouncedScore | None
    ) -> tuple[Decimal | None, str | None]:
        score = _score_of(assessment, npi)
        if score is None and said is not None and assessment is not None:
            score = withdrawn_score(assessment, npi, said)
        return (None, None) if score is None else (score.final_score, self._digest(score_view(score)))


def alias_of(facts: PracticeYear, npi: Npi | None) -> str | None:
    """Return the practice's alias as the roster last gave it for a clinician, or for any where none is named."""
    listings = (
        listing
        for name, clinician in sorted(facts.clinicians.items())
        if npi in {None, name}
        for listing in reversed(clinician.listings)
    )
    return next((listing.event.practice_alias for listing in listings if listing.event.practice_alias), None)


def stands_as(obligation: Obligation | None) -> Stands:
    """Say how an obligation stands, as far as it opens or closes; one that is not there is not owed."""
    if obligation is None or obligation.status in SETTLED:
        return Stands.DONE
    return Stands.LOST if obligation.status in _NOTHING_COUNTS_ANY_MORE else Stands.OPEN


def _no_cause(name: str, side: Side, said: AnnouncedScore | None, gives: Decimal | None) -> Cause:
    told = None if said is None else said.final_score
    effect = None if told is None or gives is None else told - gives
    if side.engine != ENGINE:
        detail = f"{name} was assessed by engine version {side.engine}; version {ENGINE} gives {_shown(gives)}"
        return Cause(kind=ENGINE_VERSION, effect=effect, detail=detail)
    detail = f"{name} says {_shown(told)}, and its own facts and law give {_shown(gives)}"
    if told == gives:
        detail = f"{name} says otherwise than its own facts and law give, at the same final score"
    return Cause(kind=NO_CAUSE_FOUND, effect=effect, detail=detail)


def _shown(final_score: Decimal | None) -> str:
    return "no final score" if final_score is None else f"{final_score:.2f}"


def _said(side: Side, npi: str) -> AnnouncedScore | None:
    return side.owners.get(npi, NOTHING).score


def _digest_said(side: Side, npi: str) -> str | None:
    said = _said(side, npi)
    return None if said is None else said.digest


def _score_of(assessment: Assessment | None, npi: str | None) -> Score | None:
    return None if assessment is None else next((s for s in assessment.scores if s.npi == npi), None)


def _by_key(assessment: Assessment | None) -> dict[Key, Obligation]:
    return {} if assessment is None else {o.key: o for o in assessment.obligations}


def _values(said: AnnouncedScore | None) -> dict[str, Decimal | None]:
    return {} if said is None else dict(said.values)


def _values_of(score: Score | None) -> dict[str, Decimal | None]:
    return {} if score is None else {part.code: part.value for part in walk(score.tree)}


def _figures(score: Score | None) -> object:
    if score is None:
        return None
    reachable = (score.prepared_score, score.lowest_reachable, score.highest_reachable)
    inputs = {part.code: part.inputs for part in walk(score.tree)}
    return (score.final_score, *reachable, score.payment, _values_of(score), inputs)


def _final(score: Score | None) -> object:
    return None if score is None else score.final_score


_OUTCOMES: dict[Extent, Callable[[Npi], Outcome]] = {
    Extent.FINAL: lambda npi: lambda assessment: _final(_score_of(assessment, npi)),
    Extent.FIGURES: lambda npi: lambda assessment: _figures(_score_of(assessment, npi)),
    Extent.WORDS: lambda npi: lambda assessment: _score_of(assessment, npi),
}


def _failed(score: Score | None) -> bool:
    return score is not None and has_reason(score.tree, _FAILED)


def _parts_moved(said: list[AnnouncedScore | None], meant: list[Score | None]) -> Iterator[PartMoved]:
    before, after = (_values(each) for each in said)
    titles = {part.code: part.title for score in meant if score is not None for part in walk(score.tree)}
    for code in dict.fromkeys((*titles, *sorted(before), *sorted(after))):
        if before.get(code) != after.get(code):
            yield PartMoved(code=code, title=titles.get(code, code), before=before.get(code), after=after.get(code))


def _instants(rulebook: Rulebook) -> Iterator[Passed]:
    """Yield the instants of a year that are the same for everybody, each under one name."""
    submission = rulebook.submission
    named = [(submission.window_opens, "WINDOW_OPENS"), *((stage.at, stage.stage) for stage in submission.stages)]
    for start in submission.last_starts:
        named += [(start.warns_at, f"LAST_START_WARNS {start.category}")]
        named += [(start.passed_at, f"LAST_START_PASSED {start.category}")]
    yield from (Passed(name=name, at=at) for at, name in sorted(named))
