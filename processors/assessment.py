"""Assess a practice and year: scores, obligations and findings at an instant, and when they may change next.

The second of the three pure functions: ``fold(facts, event) -> facts``, ``assess(facts, rulebook, as_of) ->
Assessment``, ``announce(last_announced, assessment, cause) -> events``. It looks at nothing but its arguments.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from decimal import localcontext

from processors.claims import claims_parts, data_year_end, lag_steps
from processors.clinician import (
    Clinician,
    may_report_as_group,
    roster_of,
    scored_with,
)
from processors.data_submission import receipt_troubles
from processors.episodes import ClaimYear
from processors.facts import (
    PracticeYear,
    all_observed,
    observed_in,
    without_reused_ids,
)
from processors.findings import (
    Finding,
    attestation_findings,
    document_findings,
    finding,
    identifier_findings,
    result_findings,
    roster_findings,
    scope_findings,
    symbol_findings,
    trouble_findings,
)
from processors.identity import Npi, Tin
from processors.obligations import SETTLED, Obligation, Status
from processors.owed import clinician_obligations, practice_obligations
from processors.practice import Practice
from processors.progress import Moment, next_of
from processors.quality import QUALITY
from processors.readiness import readiness_findings
from processors.reading import ReadClinician, ReadYear, read_year
from processors.rulebook import Rulebook
from processors.score_tree import ARITHMETIC, Part
from processors.scoring import Score, ScoredClinician, score_clinician


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What was made of one clinician, and of what; the same gives the same section again, ``until`` an instant."""

    read: ReadClinician
    inputs: tuple[object, ...]
    stage: str
    until: datetime | None
    scored: ScoredClinician | None
    obligations: tuple[Obligation, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a practice's facts mean at an instant; ``next_change_at`` is when time alone may change it.

    ``rulebook`` is the digest of the law it rests on, empty where no rulebook knows the year. ``unchanged`` are the
    owners (an NPI, or "" for the TIN) of whom the earlier assessment, if one was given, says the very same.
    """

    tin: Tin
    performance_year: int
    rulebook: str
    scores: tuple[Score, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    findings: tuple[Finding, ...] = ()
    next_change_at: datetime | None = None
    read: ReadYear | None = field(default=None, repr=False, compare=False)
    sections: Mapping[Npi, Section] = field(default_factory=dict, repr=False, compare=False)
    unchanged: frozenset[str] = field(default=frozenset(), repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """What a clinician is assessed with: the practice, its claims' counts, and when."""

    practice: Practice
    claims: Mapping[Npi, Mapping[int, ClaimYear]]
    moment: Moment


def assess(facts: PracticeYear, rulebook: Rulebook, as_of: datetime, earlier: Assessment | None = None) -> Assessment:
    """Return what the facts mean under the rulebook at an instant.

    An earlier assessment under the same rulebook saves work: what rests on the same inputs is taken from it. The result
    is the same without it.
    """
    moment = Moment(rulebook=rulebook, as_of=as_of)
    with localcontext(ARITHMETIC):
        counting, losers = without_reused_ids(facts)
        reused = [finding(loser, "EVENT_ID_REUSED", "event_id") for loser in losers]
        year = read_year(counting, rulebook, None if earlier is None else earlier.read)
        practice = year.practice
        around = _Around(practice=practice, claims=facts.claims, moment=moment)
        sections = {
            npi: _section(read, around, earlier.sections.get(npi) if earlier else None)
            for npi, read in year.clinicians.items()
        }
        own = tuple(practice_obligations(practice, [s.scored for s in sections.values() if s.scored], moment))
        own_findings = (*reused, *_practice_findings(practice, [s.read.clinician for s in sections.values()], rulebook))
    obligations = (*own, *(o for s in sections.values() for o in s.obligations))
    ahead = {*_claims_ahead(facts, rulebook), *(at for o in obligations for at in o.changes_at)}
    assessed = Assessment(
        tin=facts.practice.tin,
        performance_year=rulebook.performance_year,
        rulebook=rulebook.digest,
        scores=tuple(s.scored.score for s in sections.values() if s.scored),
        obligations=tuple(sorted(obligations, key=lambda o: o.key)),
        findings=_distinct((*own_findings, *(f for s in sections.values() for f in s.findings))),
        next_change_at=next_change(practice, {o.status for o in obligations if o.item.by_deadline}, ahead, moment),
        read=year,
        sections=sections,
    )
    return assessed if earlier is None or reused else replace(assessed, unchanged=_unchanged(assessed, earlier))


def _section(read: ReadClinician, around: _Around, earlier: Section | None) -> Section:
    practice, moment = around.practice, around.moment
    claims = _claims(read.clinician, around)
    inputs = (moment.closed, claims, *scored_with(practice))
    if earlier is not None and earlier.read is read and earlier.inputs == inputs:
        in_time = earlier.until is None or moment.as_of < earlier.until
        if earlier.scored is None or (earlier.stage == moment.stage and in_time):
            return earlier
        obligations = tuple(clinician_obligations(earlier.scored, read.items, moment))
        return replace(earlier, stage=moment.stage, until=_until(obligations, moment), obligations=obligations)
    clinician = replace(read.clinician, claims=claims) if claims else read.clinician
    scored = score_clinician(clinician, practice, moment) if clinician.roster is not None else None
    obligations = () if scored is None else tuple(clinician_obligations(scored, read.items, moment))
    return Section(
        read=read,
        inputs=inputs,
        stage=moment.stage,
        until=_until(obligations, moment),
        scored=scored,
        obligations=obligations,
        findings=tuple(_clinician_findings(clinician, moment.rulebook)),
    )


def _until(obligations: Iterable[Obligation], moment: Moment) -> datetime | None:
    """Return the instant from which the obligations may stand otherwise at the same stage."""
    return next_of((at for o in obligations for at in o.changes_at), moment.as_of)


def _claims(clinician: Clinician, around: _Around) -> tuple[Part, ...]:
    """Return what a listed clinician's own claims tell."""
    told, roster = around.claims.get(clinician.facts.npi), clinician.roster
    return () if not told or roster is None else claims_parts(told, roster.cohort, around.moment)


def _unchanged(now: Assessment, earlier: Assessment) -> frozenset[str]:
    """Return the owners of whom the earlier assessment says the very same."""
    same = {npi for npi, section in now.sections.items() if earlier.sections.get(npi) is section}
    if _of_the_tin(now) == _of_the_tin(earlier):
        same.add(Npi(""))
    return frozenset(same)


def _of_the_tin(assessment: Assessment) -> tuple[object, ...]:
    obligations = tuple(o for o in assessment.obligations if o.item.npi is None)
    return obligations, tuple(f for f in assessment.findings if f.npi is None)


def assess_without_rulebook(facts: PracticeYear) -> Assessment:
    """Return the findings about a performance year that no rulebook knows."""
    return Assessment(
        tin=facts.practice.tin,
        performance_year=facts.practice.performance_year,
        rulebook="",
        findings=_distinct(finding(o, "WRONG_YEAR", "performance_year") for o in all_observed(facts)),
    )


def _practice_findings(practice: Practice, clinicians: Sequence[Clinician], rulebook: Rulebook) -> Iterator[Finding]:
    listed = [c for c in clinicians if c.roster is not None]
    cohorts = sorted({roster_of(c).cohort for c in listed})
    documents = [*practice.documents, *(d for c in clinicians for d in c.documents)]
    troubles = receipt_troubles(documents, practice.receipts, rulebook.submission.due_instant)
    yield from trouble_findings((*practice.troubles, *troubles))
    yield from document_findings(practice.documents, cohorts, rulebook)
    yield from attestation_findings(practice.attestations, rulebook)
    yield from identifier_findings(observed_in(practice.facts))
    if not listed:
        yield from roster_findings(observed_in(practice.facts), None, rulebook)
    yield from _group_findings(practice, listed, rulebook)
    yield from _statement_findings(practice)
    yield from scope_findings(practice.facts.reliefs, practice.facts.channels, rulebook)
    yield from _narrow_findings(listed, rulebook)
    of_clinicians = (told for c in clinicians for told in c.facts.readiness)
    yield from readiness_findings(practice.facts.readiness, of_clinicians, rulebook)


def _narrow_findings(listed: Sequence[Clinician], rulebook: Rulebook) -> Iterator[Finding]:
    """Find relief and channels of single clinicians for what the TIN reports for all, unless they hold for each."""
    participating = [c for c in listed if c.participates]
    of_the_tin = {c.category for c in rulebook.submission.levels if c.levels == ("GROUP",)}
    for category in sorted(of_the_tin):
        if not all(category in c.excused for c in participating):
            reliefs = (r for c in participating for r in c.facts.reliefs if category in r.event.categories)
            yield from (finding(r, "SCOPE_TOO_NARROW", "npi") for r in reliefs)
        if not all(category in c.elsewhere for c in participating):
            channels = (d for c in participating for d in c.facts.channels if d.event.category == category)
            yield from (finding(d, "SCOPE_TOO_NARROW", "npi") for d in channels)


def _clinician_findings(clinician: Clinician, rulebook: Rulebook) -> Iterator[Finding]:
    cohorts = [clinician.roster.cohort] if clinician.roster is not None else []
    observed = observed_in(clinician.facts)
    facts = clinician.facts
    yield from trouble_findings(clinician.troubles)
    yield from document_findings(clinician.documents, cohorts, rulebook)
    yield from result_findings(clinician.determinations, cohorts, rulebook)
    yield from scope_findings(facts.reliefs, facts.channels, rulebook)
    yield from symbol_findings(facts.listings, facts.results)
    yield from roster_findings(observed, clinician.roster, rulebook)
    yield from identifier_findings(observed)


def _group_findings(practice: Practice, listed: Iterable[Clinician], rulebook: Rulebook) -> Iterator[Finding]:
    """Find group quality that does not count for a listed clinician, because the practice is not small."""
    if all(may_report_as_group(roster_of(clinician), rulebook) for clinician in listed):
        return
    for document in practice.documents:
        for revision in document.current():
            if revision.event.category == QUALITY:
                yield finding(revision.copies[0], "GROUP_NOT_ALLOWED", "npi")


def _statement_findings(practice: Practice) -> Iterator[Finding]:
    revision = practice.now.interoperability.revision
    if revision is not None:
        for measure_id in practice.now.statements.disagreeing:
            yield finding(revision.copies[0], "STATEMENT_DISAGREES", f"measurements[{measure_id}]")


def _claims_ahead(facts: PracticeYear, rulebook: Rulebook) -> Iterator[datetime]:
    """Yield the steps of the lag in which claims are expected, where there are any."""
    if facts.claims:
        for year_end in (rulebook.terms.year_end, data_year_end(rulebook)):
            yield from (at for at, _ in lag_steps(rulebook, year_end))


def next_change(
    practice: Practice, statuses: Iterable[Status], ahead: Iterable[datetime], moment: Moment
) -> datetime | None:
    """Return the next instant at which time alone may change something.

    That is the deadline, what lies ahead of single items, and while anything that is due by the deadline is open every
    stage, latest start and beginning of a period.
    """
    submission = moment.rulebook.submission
    instants = {submission.due_instant, *ahead}
    if not SETTLED.issuperset(statuses):
        instants |= {stage.at for stage in submission.stages}
        instants |= {at for s in submission.last_starts for at in (s.warns_at, s.passed_at)}
        instants |= set(_period_starts(practice))
    return next_of(instants, moment.as_of)


def _period_starts(practice: Practice) -> Iterator[datetime]:
    starts = [o.event.period_start for o in practice.facts.attestations]
    starts += [o.event.period_start for o in practice.facts.submissions]
    for start in starts:
        if start is not None:
            yield datetime.combine(start, time(), tzinfo=UTC)


def _distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return each finding once, in the order of its key."""
    return tuple(by_key for _, by_key in sorted({f.key: f for f in findings}.items()))
