"""Assess a practice and year: scores, obligations and findings at an instant, and when they may change next.

The second of the three pure functions: ``fold(facts, event) -> facts``, ``assess(facts, rulebook, as_of) ->
Assessment``, ``announce(last_announced, assessment, cause) -> events``. It looks at nothing but its arguments.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from decimal import Decimal, localcontext
from typing import Any, TypeVar

from processors.clinician import (
    Clinician,
    late_for,
    measures_of,
    read_clinician,
    roster_of,
    score,
    score_tree,
    unscored_tree,
    waiting_for,
)
from processors.cost import cost_measure_of
from processors.data_submission import View, receipt_troubles
from processors.events import Event, Observed
from processors.facts import ClinicianFacts, PracticeFacts, PracticeYear
from processors.findings import (
    Finding,
    attestation_findings,
    document_findings,
    finding,
    identifier_findings,
    roster_findings,
    trouble_findings,
)
from processors.gaps import Gap
from processors.identity import Npi, Tin
from processors.obligations import (
    SETTLED,
    Affected,
    Exposure,
    Item,
    Moment,
    Obligation,
    Progress,
    obligation,
    waiting_stage,
)
from processors.outlook import outlook_of
from processors.practice import Practice, activity_items, interoperability_item, read_practice
from processors.quality import QUALITY
from processors.reachable import Outlook, Stake, highest_reachable, lowest_reachable, stake_of
from processors.rulebook import Rulebook, Standing
from processors.rulebook.sections import QualityMeasure
from processors.score_tree import ARITHMETIC, ZERO, Part, has_reason, standing_of

COST = "COST"
F = TypeVar("F", PracticeFacts, ClinicianFacts)
_ESTIMATED = frozenset({"HISTORICAL_BENCHMARK", "AWAITING_CMS", "NO_REFERENCE", "CMS_ESTIMATE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A clinician's score at an instant: as if the window closed now, as prepared, and what can still be reached."""

    tin: Tin
    npi: Npi
    performance_year: int
    cohort: str
    final_score: Decimal | None
    prepared_score: Decimal | None
    lowest_reachable: Decimal | None
    highest_reachable: Decimal | None
    tree: Part
    standing: Standing
    estimate: bool
    name: str | None
    organization: str | None
    practice_alias: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a practice's facts mean at an instant; ``next_change_at`` is when time alone may change it.

    ``rulebook`` is the digest of the law it rests on, empty where no rulebook knows the year.
    """

    tin: Tin
    performance_year: int
    rulebook: str
    scores: tuple[Score, ...]
    obligations: tuple[Obligation, ...]
    findings: tuple[Finding, ...]
    next_change_at: datetime | None


def assess(facts: PracticeYear, rulebook: Rulebook, as_of: datetime) -> Assessment:
    """Return what the facts mean under the rulebook at an instant."""
    moment = Moment(rulebook=rulebook, as_of=as_of)
    with localcontext(ARITHMETIC):
        counting, reused = _without_reused_ids(facts)
        practice = read_practice(counting.practice, rulebook)
        clinicians = [read_clinician(c, practice, rulebook) for _, c in sorted(counting.clinicians.items())]
        judged = [_Judged.of(c, practice, moment) for c in clinicians if c.roster is not None]
        obligations = (
            *(o for j in judged for o in _clinician_obligations(j, moment)),
            *_practice_obligations(practice, judged, moment),
        )
        findings = (*reused, *_findings(practice, clinicians, rulebook))
    return Assessment(
        tin=facts.practice.tin,
        performance_year=rulebook.performance_year,
        rulebook=rulebook.digest,
        scores=tuple(j.score for j in judged),
        obligations=tuple(sorted(obligations, key=lambda o: o.key)),
        findings=_distinct(findings),
        next_change_at=_next_change(practice, obligations, moment),
    )


def assess_without_rulebook(facts: PracticeYear) -> Assessment:
    """Return the findings about a performance year that no rulebook knows."""
    return Assessment(
        tin=facts.practice.tin,
        performance_year=facts.practice.performance_year,
        rulebook="",
        scores=(),
        obligations=(),
        findings=_distinct(finding(o, "WRONG_YEAR", "performance_year") for o in _all_observed(facts)),
        next_change_at=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A listed clinician, the score, and the outlook of one who participates."""

    clinician: Clinician
    score: Score
    outlook: Outlook | None

    @classmethod
    def of(cls, clinician: Clinician, practice: Practice, moment: Moment) -> "_Judged":
        rulebook = moment.rulebook
        if not clinician.participates or not measures_of(clinician, rulebook):
            tree = unscored_tree(clinician, rulebook)
            return cls(clinician=clinician, score=_score(clinician, tree, rulebook), outlook=None)
        now, prepared = (score(clinician, practice, view, rulebook) for view in (View.RECEIPTED, View.PREPARED))
        outlook = outlook_of(clinician, practice, moment)
        scored = replace(
            _score(clinician, score_tree(clinician, now, rulebook), rulebook),
            final_score=now.final,
            prepared_score=prepared.final,
            lowest_reachable=_clamped(lowest_reachable(outlook, rulebook), rulebook),
            highest_reachable=_clamped(highest_reachable(outlook, rulebook), rulebook),
        )
        return cls(clinician=clinician, score=scored, outlook=outlook)

    def stake(self, item: str, rulebook: Rulebook) -> Stake:
        return Stake(points=ZERO) if self.outlook is None else stake_of(item, self.outlook, rulebook)


def _score(clinician: Clinician, tree: Part, rulebook: Rulebook) -> Score:
    listing = roster_of(clinician).listing
    return Score(
        tin=clinician.facts.tin,
        npi=clinician.facts.npi,
        performance_year=rulebook.performance_year,
        cohort=listing.cohort,
        final_score=None,
        prepared_score=None,
        lowest_reachable=None,
        highest_reachable=None,
        tree=tree,
        standing=standing_of(tree),
        estimate=has_reason(tree, _ESTIMATED),
        name=listing.name,
        organization=listing.organization,
        practice_alias=listing.practice_alias,
    )


def _clamped(raw: Decimal | None, rulebook: Rulebook) -> Decimal | None:
    return None if raw is None else min(raw, rulebook.final_score.range.highest)


def _clinician_obligations(judged: _Judged, moment: Moment) -> Iterator[Obligation]:
    clinician, rulebook = judged.clinician, moment.rulebook
    roster = roster_of(clinician)
    for measure in rulebook.quality.measures:
        if measure.cohort == roster.cohort or measure.cohort in roster.former_cohorts:
            item = _quality_item(measure, clinician, rulebook)
            current = judged.outlook is not None and measure.cohort == roster.cohort
            progress = _measure_progress(measure, clinician, rulebook) if current else Progress(needs_nothing=True)
            yield obligation(item, progress, _exposure(judged.stake(measure.measure_id, rulebook)), moment)
    cost = cost_measure_of(roster.cohort, rulebook)
    if cost is not None:
        source = rulebook.cost.sources["cost_measures"]
        item = Item(
            tin=clinician.facts.tin,
            npi=clinician.facts.npi,
            category=COST,
            item=cost.measure_id,
            title=cost.title,
            cites=source.cites,
            standing=source.standing,
            from_claims=True,
        )
        excused = judged.outlook is not None and COST in clinician.excused
        progress = Progress(needs_nothing=True, excused=excused)
        yield obligation(item, progress, _exposure(judged.stake(cost.measure_id, rulebook)), moment)


def _quality_item(measure: QualityMeasure, clinician: Clinician, rulebook: Rulebook) -> Item:
    source = rulebook.quality.sources["measures"]
    return Item(
        tin=clinician.facts.tin,
        npi=clinician.facts.npi,
        category=QUALITY,
        item=measure.measure_id,
        title=f"Measure {measure.measure_id}: {measure.title}",
        cites=source.cites,
        standing=source.standing,
        from_claims=not measure.collection_types,
    )


def _measure_progress(measure: QualityMeasure, clinician: Clinician, rulebook: Rulebook) -> Progress:
    reading = clinician.quality[View.RECEIPTED]
    judged, known = reading.judged[measure.measure_id], measure.measure_id in reading.units
    inputs = judged.part.inputs
    reason = judged.part.reasons[0]
    have = sum(int(inputs.get(k, 0)) for k in ("performance_met", "performance_not_met", "exclusions", "exceptions"))
    gap = Gap(
        code=reason.code,
        message=reason.message,
        subject=measure.measure_id,
        have=have if known else None,
        need=int(inputs["eligible_population"]) if known else None,
    )
    return Progress(
        satisfied=known and judged.complete,
        worthless=known and not judged.complete,
        stays_at_risk=True,
        waiting=waiting_stage(waiting_for(measure, clinician, rulebook)),
        late=bool(late_for(measure, clinician, rulebook)),
        needs_nothing=not measure.collection_types,
        excused=QUALITY in clinician.excused,
        elsewhere=QUALITY in clinician.elsewhere,
        gaps=() if known and judged.complete else (gap,),
    )


def _exposure(stake: Stake) -> Exposure:
    return Exposure(points=stake.points, cliff=stake.cliff)


def _practice_obligations(practice: Practice, judged: Sequence[_Judged], moment: Moment) -> Iterator[Obligation]:
    if not judged:
        return
    participating = [j for j in judged if j.outlook is not None]
    for item, progress in (*activity_items(practice, moment), interoperability_item(practice, moment)):
        affected = tuple(
            Affected(npi=j.clinician.facts.npi, points=j.stake(item.item, moment.rulebook).points)
            for j in participating
        )
        most = max((a.points for a in affected), default=ZERO)
        needed = progress if participating else Progress(needs_nothing=True)
        yield obligation(item, needed, Exposure(points=most, affected=affected), moment)


def _findings(practice: Practice, clinicians: Sequence[Clinician], rulebook: Rulebook) -> Iterator[Finding]:
    listed = [c for c in clinicians if c.roster is not None]
    cohorts = sorted({roster_of(c).cohort for c in listed})
    documents = [*practice.documents, *(d for c in clinicians for d in c.documents)]
    troubles = receipt_troubles(documents, practice.receipts, rulebook.submission.due_instant)
    yield from trouble_findings((*practice.troubles, *troubles))
    yield from document_findings(practice.documents, cohorts, rulebook)
    yield from attestation_findings(practice.attestations, rulebook)
    yield from identifier_findings(_observed(practice.facts))
    if not listed:
        yield from roster_findings(_observed(practice.facts), None, rulebook)
    for clinician in clinicians:
        own = [roster_of(clinician).cohort] if clinician.roster is not None else []
        yield from trouble_findings(clinician.troubles)
        yield from document_findings(clinician.documents, own, rulebook)
        yield from roster_findings(_observed(clinician.facts), clinician.roster, rulebook)
        yield from identifier_findings(_observed(clinician.facts))
    yield from _group_findings(practice, listed)
    yield from _statement_findings(practice)


def _group_findings(practice: Practice, listed: Iterable[Clinician]) -> Iterator[Finding]:
    """Find group quality that does not count for a listed clinician, because the practice is not small."""
    if all(clinician.group_documents is practice.documents for clinician in listed):
        return
    for document in practice.documents:
        for revision in document.current():
            if revision.event.category == QUALITY:
                yield finding(revision.copies[0], "GROUP_NOT_ALLOWED", "npi")


def _statement_findings(practice: Practice) -> Iterator[Finding]:
    revision = practice.sets[View.RECEIPTED].revision
    if revision is not None:
        for measure_id in practice.statements[View.RECEIPTED].disagreeing:
            yield finding(revision.copies[0], "STATEMENT_DISAGREES", f"measurements[{measure_id}]")


def _next_change(practice: Practice, obligations: Iterable[Obligation], moment: Moment) -> datetime | None:
    """Return the next instant at which time alone may change something.

    That is the deadline, and while anything is open every stage, latest start and beginning of a period ahead.
    """
    submission = moment.rulebook.submission
    instants = {submission.due_instant}
    if any(o.status not in SETTLED for o in obligations):
        instants |= {stage.at for stage in submission.stages}
        instants |= {at for s in submission.last_starts for at in (s.warns_at, s.passed_at)}
        instants |= set(_period_starts(practice))
    return min((at for at in instants if at > moment.as_of), default=None)


def _period_starts(practice: Practice) -> Iterator[datetime]:
    starts = [o.event.period_start for o in practice.facts.attestations]
    starts += [o.event.period_start for o in practice.facts.submissions]
    for start in starts:
        if start is not None:
            yield datetime.combine(start, time(), tzinfo=UTC)


def _observed(facts: PracticeFacts | ClinicianFacts) -> list[Observed[Event]]:
    names = [name for name in type(facts).__slots__ if isinstance(getattr(facts, name), tuple)]
    return [observed for name in names for observed in getattr(facts, name)]


def _all_observed(facts: PracticeYear) -> Iterator[Observed[Event]]:
    yield from _observed(facts.practice)
    for _, clinician in sorted(facts.clinicians.items()):
        yield from _observed(clinician)


def _without_reused_ids(facts: PracticeYear) -> tuple[PracticeYear, list[Finding]]:
    """Leave out the events whose (source, event id) was used before with another content."""
    first: dict[tuple[str, str], Observed[Event]] = {}
    several = False
    for observed in _all_observed(facts):
        key = (observed.event.source, observed.event.event_id)
        known = first.setdefault(key, observed)
        several = several or known.content != observed.content
        if (observed.received_at, observed.content) < (known.received_at, known.content):
            first[key] = observed
    if not several:
        return facts, []
    losers = [o for o in _all_observed(facts) if first[o.event.source, o.event.event_id].content != o.content]
    dropped = {id(loser) for loser in losers}
    counting = PracticeYear(
        practice=_dropping(facts.practice, dropped),
        clinicians={npi: _dropping(clinician, dropped) for npi, clinician in facts.clinicians.items()},
    )
    return counting, [finding(loser, "EVENT_ID_REUSED", "event_id") for loser in losers]


def _dropping(facts: F, dropped: set[int]) -> F:
    kept: dict[str, Any] = {
        name: tuple(o for o in getattr(facts, name) if id(o) not in dropped)
        for name in type(facts).__slots__
        if isinstance(getattr(facts, name), tuple)
    }
    return replace(facts, **kept)


def _distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return each finding once, in the order of its key."""
    return tuple(by_key for _, by_key in sorted({f.key: f for f in findings}.items()))
