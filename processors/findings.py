"""What was received and is wrong or doubtful: findings, each about one event. Nothing here refuses anything."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from processors.cost import COST, is_on_scale
from processors.data_submission import Document, Revision, Trouble
from processors.determinations import Determinations
from processors.eligibility import Roster
from processors.events import (
    AttestationReceived,
    ChannelDeclared,
    Event,
    Observed,
    ParticipantListed,
    ReliefGranted,
    ResultDetermined,
    SubmissionReceived,
)
from processors.gaps import Gap
from processors.identity import Npi, Tin, is_npi, is_tin
from processors.improvement_activities import judge_activity
from processors.periods import is_whole_year, leaves_year
from processors.promoting_interoperability import PROMOTING_INTEROPERABILITY, Statements, judge_set
from processors.quality import QUALITY, scored_row
from processors.reasons import REASONS
from processors.rulebook import Rulebook
from processors.rulebook.sections import QualityMeasure
from processors.vocabulary import ParticipantList, ResultStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRef:
    """Which event a finding is about."""

    source: str
    event_id: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a received event that a person should know; ``field`` says where in it."""

    tin: Tin
    npi: Npi | None
    performance_year: int | None
    event: EventRef
    code: str
    field: str | None
    message: str
    cites: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies the finding: the event, the code, and where."""
        return self.event.source, self.event.event_id, self.code, self.field or ""


Problem = tuple[str, str | None, str | None]  # code, field, message where the catalogue's does not do


def finding(about: Observed[Event], code: str, field: str | None = None, message: str | None = None) -> Finding:
    """Make a finding about an event; without a message the catalogue's sentence for the code is used."""
    event = about.event
    return Finding(
        tin=event.tin,
        npi=getattr(event, "npi", None),
        performance_year=getattr(event, "performance_year", None),
        event=EventRef(source=event.source, event_id=event.event_id, origin=about.origin),
        code=code,
        field=field,
        message=message or REASONS[code].meaning,
        cites=REASONS[code].cites,
    )


def document_findings(
    documents: Iterable[Document[SubmissionReceived]], cohorts: Sequence[str], rulebook: Rulebook
) -> Iterator[Finding]:
    """Find what is wrong with the submissions that a reader still acts on; ``cohorts`` are those of the entity."""
    for document in documents:
        for revision in document.current():
            for code, where, message in _submission_problems(revision, cohorts, rulebook):
                yield finding(revision.copies[0], code, where, message)


def attestation_findings(documents: Iterable[Document[AttestationReceived]], rulebook: Rulebook) -> Iterator[Finding]:
    """Find what is wrong with the attestations that a reader still acts on."""
    for document in documents:
        for revision in document.current():
            for code, where, message in _attestation_problems(revision, rulebook):
                yield finding(revision.copies[0], code, where, message)


def trouble_findings(troubles: Iterable[Trouble]) -> Iterator[Finding]:
    """Turn what is wrong with revisions, stages and receipts into findings; a rejection names its errors."""
    return (finding(t.about, t.code, t.field, _message(t)) for t in troubles)


def _message(trouble: Trouble) -> str | None:
    errors = getattr(trouble.about.event, "errors", ())
    if trouble.code != "RECEIPT_REJECTED" or not errors:
        return None
    return f"{REASONS[trouble.code].meaning} {'; '.join(f'{error.code} at {error.path}' for error in errors)}."


def roster_findings(
    observed: Sequence[Observed[Event]], roster: Roster | None, rulebook: Rulebook
) -> Iterator[Finding]:
    """Find what is wrong with who the events are about; ``observed`` are all of one clinician's."""
    if roster is None:
        yield from (finding(o, "NOT_ON_ROSTER") for o in observed)
        return
    listing = next(o for o in observed if o.event is roster.listing)
    if roster.cohort not in {c.code for c in rulebook.terms.cohorts}:
        yield finding(listing, "UNKNOWN_COHORT", "cohort")
    if roster.listing.small_practice and roster.listing.solo is None:
        yield finding(listing, "SOLO_UNKNOWN", "solo")
    if roster.listing.solo and not roster.listing.small_practice:
        yield finding(listing, "SOLO_DISAGREES", "solo")


def result_findings(determinations: Determinations, cohorts: Sequence[str], rulebook: Rulebook) -> Iterator[Finding]:
    """Find the results of CMS that count for nobody here: of an unknown measure, another cohort, or off the scale."""
    cohort_of = {m.measure_id: m.cohort for m in rulebook.quality.measures}
    cohort_of |= {m.measure_id: m.cohort for m in rulebook.cost.cost_measures}
    given = [(name, part.told, "cost_measure") for name, part in sorted(determinations.costs.items())]
    given += [(name, part.told, "claims_measure") for name, part in sorted(determinations.claims.items())]
    for measure_id, told, where in given:
        if measure_id not in cohort_of:
            yield finding(told, "UNKNOWN_MEASURE", where)
        elif cohorts and cohort_of[measure_id] not in cohorts:
            yield finding(told, "MEASURE_OF_OTHER_COHORT", where)
    for cost in determinations.costs.values():
        if cost.value.score is not None and not is_on_scale(cost.value.score, rulebook):
            yield finding(cost.told, "RESULT_OUT_OF_RANGE", "cost_measure.score")


def scope_findings(
    reliefs: Iterable[Observed[ReliefGranted]], channels: Iterable[Observed[ChannelDeclared]], rulebook: Rulebook
) -> Iterator[Finding]:
    """Find relief and channels whose categories nobody knows: they excuse and silence nothing."""
    known = {COST, *(c.category for c in rulebook.submission.levels)}
    for relief in reliefs:
        if set(relief.event.categories) - known:
            yield finding(relief, "UNKNOWN_CATEGORY", "categories")
    for channel in channels:
        if channel.event.category not in known:
            yield finding(channel, "UNKNOWN_CATEGORY", "category")


def symbol_findings(
    listings: Iterable[Observed[ParticipantListed]], results: Iterable[Observed[ResultDetermined]]
) -> Iterator[Finding]:
    """Find words of CMS whose list or status is a symbol that this version does not know."""
    yield from (finding(o, "UNKNOWN_SYMBOL", "list") for o in listings if o.event.list is ParticipantList.UNKNOWN)
    yield from (finding(o, "UNKNOWN_SYMBOL", "status") for o in results if o.event.status is ResultStatus.UNKNOWN)


def identifier_findings(observed: Sequence[Observed[Event]]) -> Iterator[Finding]:
    """Find the first event with an identifier that only a test file can hold."""
    for item in observed:
        npi = getattr(item.event, "npi", None)
        if not is_tin(item.event.tin.digits) or (npi is not None and not is_npi(npi)):
            yield finding(item, "TEST_IDENTIFIER", "npi" if is_tin(item.event.tin.digits) else "tin")
            return


def _submission_problems(
    revision: Revision[SubmissionReceived], cohorts: Sequence[str], rulebook: Rulebook
) -> Iterator[Problem]:
    event = revision.event
    levels = {c.category: c.levels for c in rulebook.submission.levels}
    if event.category not in {QUALITY, PROMOTING_INTEROPERABILITY}:
        yield "UNKNOWN_CATEGORY", "category", None
        return
    if ("INDIVIDUAL" if event.npi else "GROUP") not in levels[event.category]:
        yield "WRONG_LEVEL", "npi", None
    if leaves_year(event.period_start, event.period_end, rulebook):
        yield "PERIOD_OUTSIDE_YEAR", "period_start", None
    rows = Counter((m.measure_id, m.stratum) for m in event.measurements)
    yield from (
        ("DUPLICATE_MEASUREMENT", f"measurements[{m}]", None) for (m, _), n in sorted(rows.items(), key=str) if n > 1
    )
    if event.category == QUALITY:
        yield from _quality_problems(revision, cohorts, rulebook)
    else:
        yield from _interoperability_problems(revision, rulebook)


def _quality_problems(
    revision: Revision[SubmissionReceived], cohorts: Sequence[str], rulebook: Rulebook
) -> Iterator[Problem]:
    event = revision.event
    if not is_whole_year(event.period_start, event.period_end, rulebook):
        yield "PERIOD_NOT_WHOLE_YEAR", "period_start", None
    if event.collection_type is None:
        yield "COLLECTION_TYPE_MISSING", "collection_type", None
    known = {m.measure_id: m for m in rulebook.quality.measures}
    for measure_id in sorted({m.measure_id for m in event.measurements}):
        code = _measure_problem(revision, known.get(measure_id), cohorts, rulebook)
        if code is not None:
            yield code, f"measurements[{measure_id}]", None


def _measure_problem(
    revision: Revision[SubmissionReceived],
    measure: QualityMeasure | None,
    cohorts: Sequence[str],
    rulebook: Rulebook,
) -> str | None:
    if measure is None:
        return "UNKNOWN_MEASURE"
    if cohorts and measure.cohort not in cohorts:
        return "MEASURE_OF_OTHER_COHORT"
    collection_type = revision.event.collection_type
    if collection_type is not None and collection_type not in measure.collection_types:
        return "COLLECTION_TYPE_NOT_ALLOWED"
    return "STRATUM_MISSING" if scored_row(revision, measure.measure_id, rulebook) is None else None


def _interoperability_problems(revision: Revision[SubmissionReceived], rulebook: Rulebook) -> Iterator[Problem]:
    known = known_interoperability_ids(rulebook)
    for measure_id in sorted({m.measure_id for m in revision.event.measurements} - known):
        yield "UNKNOWN_MEASURE", f"measurements[{measure_id}]", None
    result = judge_set(revision, Statements(answers={}, disagreeing=()), rulebook)
    told = {"PERIOD_TOO_SHORT": "period_end", "CEHRT_ID_MISSING": "cehrt_id", "CEHRT_ID_INVALID": "cehrt_id"}
    yield from ((gap.code, told[gap.code], gap.message) for gap in result.gaps if gap.code in told)
    yield from ((fault.code, f"measurements[{fault.subject}]", fault.message) for fault in result.faults)


def known_interoperability_ids(rulebook: Rulebook) -> frozenset[str]:
    """Return every measure, exclusion, level and statement id that a set may hold."""
    rules = rulebook.interoperability
    ids = {i for m in rules.measures for i in (m.measure_id, *m.exclusions, *m.levels)}
    ids |= {s.measure_id for s in rules.attestations} | set(rules.unscored_measures) | set(rules.bonus.measures)
    return frozenset(ids | {level for levels in rules.bonus_levels for level in levels})


def _attestation_problems(revision: Revision[AttestationReceived], rulebook: Rulebook) -> Iterator[Problem]:
    event = revision.event
    activity = next((a for a in rulebook.activities.activities if a.activity_id == event.activity_id), None)
    statements = {s.measure_id for s in rulebook.interoperability.attestations}
    if activity is None and event.activity_id not in statements:
        yield "UNKNOWN_ACTIVITY", "activity_id", None
    if leaves_year(event.period_start, event.period_end, rulebook):
        yield "PERIOD_OUTSIDE_YEAR", "period_start", None
    if activity is None or not event.answer:
        return
    result = judge_activity(activity, revision, rulebook)
    problems: tuple[Gap, ...] = (*(g for g in result.gaps if g.code == "PERIOD_TOO_SHORT"), *result.doubts)
    fields = {"PERIOD_TOO_SHORT": "period_end", "ELEMENTS_MISSING": "elements"}
    yield from ((p.code, fields.get(p.code, "arrangement"), p.message) for p in problems)
    if event.covers_all_participants is False:
        yield "NOT_ALL_PARTICIPANTS", "covers_all_participants", None
