"""Assess a practice and year: scores, obligations and findings at an instant, and when they may change next.

The second of the three pure functions: ``fold(facts, event) -> facts``, ``assess(facts, rulebook, as_of) ->
Assessment``, ``announce(last_announced, assessment, cause) -> events``. It looks at nothing but its arguments.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from decimal import localcontext
from typing import Any, TypeVar

from processors.clinician import (
    Clinician,
    read_clinician,
    roster_of,
)
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
from processors.identity import Tin
from processors.obligations import (
    SETTLED,
    Moment,
    Obligation,
)
from processors.owed import clinician_obligations, practice_obligations
from processors.practice import Practice, read_practice
from processors.quality import QUALITY
from processors.rulebook import Rulebook
from processors.score_tree import ARITHMETIC
from processors.scoring import Score, score_clinician

F = TypeVar("F", PracticeFacts, ClinicianFacts)


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
        judged = [score_clinician(c, practice, moment) for c in clinicians if c.roster is not None]
        obligations = (
            *(o for j in judged for o in clinician_obligations(j, moment)),
            *practice_obligations(practice, judged, moment),
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
