"""What a TIN reports for all its clinicians: documents read, PI set and activities judged, relief and channels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from processors.data_submission import (
    D,
    Document,
    Receipts,
    Revision,
    Trouble,
    View,
    read_documents,
    receipt_troubles,
)
from processors.events import (
    AttestationReceived,
    ChannelDeclared,
    Observed,
    ReceiptReceived,
    ReliefGranted,
    SubmissionReceived,
)
from processors.facts import PracticeFacts
from processors.improvement_activities import (
    IMPROVEMENT_ACTIVITIES,
    ActivityResult,
    activities_part,
    judge_activity,
    standing_attestations,
)
from processors.obligations import (
    Item,
    Moment,
    Progress,
    has_begun,
    last_start_of,
    waiting_stage,
)
from processors.promoting_interoperability import (
    PROMOTING_INTEROPERABILITY,
    SetResult,
    Statements,
    judge_set,
    read_statements,
    standing_set,
)
from processors.rulebook import Rulebook
from processors.score_tree import Part
from processors.vocabulary import Stage

#: What is scored: as it counts now, and as if all that was prepared were receipted.
_SCORED = (View.RECEIPTED, View.PREPARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """The TIN's documents and what they are worth in each view that is scored.

    ``unproven_activities`` are those of which a yes was sent that would count if its receipt were found,
    ``unproven_sets`` what each set that was sent would be worth.
    """

    facts: PracticeFacts
    receipts: Receipts
    documents: Sequence[Document[SubmissionReceived]]
    attestations: Sequence[Document[AttestationReceived]]
    troubles: Sequence[Trouble]
    sets: Mapping[View, SetResult]
    statements: Mapping[View, Statements]
    activities: Mapping[View, Sequence[ActivityResult]]
    activity_parts: Mapping[View, Part]
    unproven_activities: frozenset[str]
    unproven_sets: Sequence[SetResult]
    excused: frozenset[str]
    elsewhere: frozenset[str]


def read_practice(facts: PracticeFacts, rulebook: Rulebook) -> Practice:
    """Read and judge what a TIN reports for all."""
    due = rulebook.submission.due_instant
    to_submissions = receipts_by_document(facts.receipts, "submission_id")
    to_attestations = receipts_by_document(facts.receipts, "attestation_id")
    documents, troubles = read_documents(facts.submissions, to_submissions, due)
    attestations, more = read_documents(facts.attestations, to_attestations, due)
    troubles += more + receipt_troubles(attestations, to_attestations, due)
    attested = {view: standing_attestations(attestations, view) for view in View}
    statements = {view: read_statements(_set(documents, view), attested[view], rulebook) for view in _SCORED}
    activities = {
        view: [judge_activity(a, attested[view].get(a.activity_id), rulebook) for a in rulebook.activities.activities]
        for view in _SCORED
    }
    return Practice(
        facts=facts,
        receipts=to_submissions,
        documents=documents,
        attestations=attestations,
        troubles=troubles,
        sets={view: judge_set(_set(documents, view), statements[view], rulebook) for view in _SCORED},
        statements=statements,
        activities=activities,
        activity_parts={view: activities_part(activities[view], rulebook) for view in _SCORED},
        unproven_activities=frozenset(
            activity.activity_id
            for activity in rulebook.activities.activities
            for revision in _sent(d for d in attestations if d.key[1] == activity.activity_id)
            if judge_activity(activity, revision, rulebook).done
        ),
        unproven_sets=[
            judge_set(revision, read_statements(revision, attested[View.SENT], rulebook), rulebook)
            for revision in _sent(d for d in documents if d.key[1] == PROMOTING_INTEROPERABILITY)
        ],
        excused=excused_categories(facts.reliefs),
        elsewhere=declared_categories(facts.channels),
    )


def receipts_by_document(
    receipts: Iterable[Observed[ReceiptReceived]], field: str
) -> Mapping[str, list[Observed[ReceiptReceived]]]:
    """Group receipts by the document that they name in a field."""
    grouped: dict[str, list[Observed[ReceiptReceived]]] = defaultdict(list)
    for receipt in receipts:
        document_id = getattr(receipt.event, field)
        if document_id is not None:
            grouped[document_id].append(receipt)
    return grouped


def excused_categories(reliefs: Iterable[Observed[ReliefGranted]]) -> frozenset[str]:
    """Return the categories that relief covers (42 CFR 512.780); it has no automatic effect on points."""
    return frozenset(category for relief in reliefs for category in relief.event.categories)


def declared_categories(channels: Iterable[Observed[ChannelDeclared]]) -> frozenset[str]:
    """Return the categories that somebody else reports, as declared."""
    return frozenset(channel.event.category for channel in channels)


def activity_items(practice: Practice, moment: Moment) -> list[tuple[Item, Progress]]:
    """Return how far each improvement activity of the TIN is."""
    rules = moment.rulebook.activities
    return [
        (
            Item(
                tin=practice.facts.tin,
                npi=None,
                category=IMPROVEMENT_ACTIVITIES,
                item=result.activity.activity_id,
                title=f"Improvement activity {result.activity.activity_id}: {result.activity.title}",
                cites=rules.sources["activities"].cites,
                standing=rules.sources["activities"].standing,
            ),
            _activity_progress(result, practice, moment),
        )
        for result in practice.activities[View.RECEIPTED]
    ]


def interoperability_item(practice: Practice, moment: Moment) -> tuple[Item, Progress]:
    """Return how far the Promoting Interoperability set of the TIN is."""
    source = moment.rulebook.interoperability.sources["measures"]
    item = Item(
        tin=practice.facts.tin,
        npi=None,
        category=PROMOTING_INTEROPERABILITY,
        item=PROMOTING_INTEROPERABILITY,
        title="Promoting Interoperability set",
        cites=source.cites,
        standing=source.standing,
    )
    return item, _set_progress(practice, moment)


def _sent(documents: Iterable[Document[D]]) -> list[Revision[D]]:
    """Return the revisions that were sent in time and wait for a receipt."""
    return [r for d in documents for r in d.waiting() if r.stage is Stage.SENT]


def _set(documents: Iterable[Document[SubmissionReceived]], view: View) -> Revision[SubmissionReceived] | None:
    return standing_set(documents, view)


def _activity_progress(result: ActivityResult, practice: Practice, moment: Moment) -> Progress:
    documents = [d for d in practice.attestations if d.key[1] == result.activity.activity_id]
    waiting = [r for d in documents for r in d.waiting() if r.event.answer]
    starts = [r.event.period_start for d in documents for r in d.revisions]
    return Progress(
        satisfied=result.done,
        worthless=result.revision is not None and not result.done,
        stays_at_risk=result.revision is not None and result.revision.event.answer,
        waiting=waiting_stage(waiting),
        late=any(r.event.answer for d in documents for r in d.late()),
        begun=has_begun(starts, last_start_of(IMPROVEMENT_ACTIVITIES, moment.rulebook), moment.as_of),
        excused=IMPROVEMENT_ACTIVITIES in practice.excused,
        elsewhere=IMPROVEMENT_ACTIVITIES in practice.elsewhere,
        gaps=result.gaps,
        doubts=result.doubts if result.done else (),
    )


def _set_progress(practice: Practice, moment: Moment) -> Progress:
    documents = [d for d in practice.documents if d.key[1] == PROMOTING_INTEROPERABILITY]
    waiting = [r for d in documents for r in d.waiting()]
    result, prepared = practice.sets[View.RECEIPTED], practice.sets[View.PREPARED]
    told = result if result.revision is not None or prepared.revision is None else prepared
    return Progress(
        satisfied=result.share > 0,
        worthless=result.revision is not None and result.share == 0,
        stays_at_risk=True,
        waiting=waiting_stage(waiting),
        late=any(d.late() for d in documents),
        begun=has_begun(
            _set_starts(practice, documents, moment),
            last_start_of(PROMOTING_INTEROPERABILITY, moment.rulebook),
            moment.as_of,
        ),
        excused=PROMOTING_INTEROPERABILITY in practice.excused,
        elsewhere=PROMOTING_INTEROPERABILITY in practice.elsewhere,
        gaps=told.gaps + told.faults,
    )


def _set_starts(
    practice: Practice, documents: Iterable[Document[SubmissionReceived]], moment: Moment
) -> list[date | None]:
    statements = {s.measure_id for s in moment.rulebook.interoperability.attestations}
    starts: list[date | None] = [r.event.period_start for d in documents for r in d.revisions]
    attested = [d for d in practice.attestations if d.key[1] in statements]
    return starts + [r.event.period_start for d in attested for r in d.revisions]
