"""What a TIN reports for all its clinicians: documents read, PI set and activities judged, relief and channels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

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
from processors.progress import (
    Item,
    Moment,
    Progress,
    has_begun,
    last_start_of,
    overdue_at,
    rejections_of,
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
from processors.quality import QUALITY
from processors.rulebook import Rulebook
from processors.score_tree import Part
from processors.vocabulary import Stage


@dataclass(frozen=True, kw_only=True)
class PracticeReports:
    """What a TIN reports for all in one view, judged when it is asked for."""

    documents: Sequence[Document[SubmissionReceived]]
    attestations: Sequence[Document[AttestationReceived]]
    view: View
    rulebook: Rulebook = field(repr=False)

    @cached_property
    def attested(self) -> Mapping[str, Revision[AttestationReceived]]:
        """The attestation that stands for each activity and statement."""
        return standing_attestations(self.attestations, self.view)

    @cached_property
    def statements(self) -> Statements:
        """The answers to the statements that the interoperability set must hold."""
        return read_statements(standing_set(self.documents, self.view), self.attested, self.rulebook)

    @cached_property
    def interoperability(self) -> SetResult:
        """What the set is worth."""
        return judge_set(standing_set(self.documents, self.view), self.statements, self.rulebook)

    @cached_property
    def activities(self) -> Sequence[ActivityResult]:
        """What each activity is worth."""
        wanted = self.rulebook.activities.activities
        return [judge_activity(a, self.attested.get(a.activity_id), self.rulebook) for a in wanted]

    @cached_property
    def activities_part(self) -> Part:
        """What the activities add to the final score."""
        return activities_part(self.activities, self.rulebook)


@dataclass(frozen=True, kw_only=True)
class Practice:
    """The TIN's documents, and what they are worth in each view that is scored."""

    facts: PracticeFacts
    receipts: Receipts
    documents: Sequence[Document[SubmissionReceived]]
    group_quality: Sequence[Document[SubmissionReceived]]
    attestations: Sequence[Document[AttestationReceived]]
    troubles: Sequence[Trouble]
    reports: Mapping[View, PracticeReports]
    rulebook: Rulebook = field(repr=False)
    excused: frozenset[str]
    elsewhere: frozenset[str]

    @property
    def now(self) -> PracticeReports:
        """What is receipted in time."""
        return self.reports[View.RECEIPTED]

    @cached_property
    def unproven_activities(self) -> frozenset[str]:
        """The activities of which a yes was sent that would count if its receipt were found."""
        return frozenset(
            activity.activity_id
            for activity in self.rulebook.activities.activities
            for revision in _sent(d for d in self.attestations if d.key[1] == activity.activity_id)
            if judge_activity(activity, revision, self.rulebook).done
        )

    @cached_property
    def unproven_sets(self) -> Sequence[SetResult]:
        """What each set that was sent would be worth if its receipt were found."""
        attested = standing_attestations(self.attestations, View.SENT)
        return [
            judge_set(revision, read_statements(revision, attested, self.rulebook), self.rulebook)
            for revision in _sent(d for d in self.documents if d.key[1] == PROMOTING_INTEROPERABILITY)
        ]


def read_practice(facts: PracticeFacts, rulebook: Rulebook) -> Practice:
    """Read what a TIN reports for all; what it is worth is judged when it is asked for."""
    due = rulebook.submission.due_instant
    to_submissions = receipts_by_document(facts.receipts, "submission_id")
    to_attestations = receipts_by_document(facts.receipts, "attestation_id")
    documents, troubles = read_documents(facts.submissions, to_submissions, due)
    attestations, more = read_documents(facts.attestations, to_attestations, due)
    troubles += more + receipt_troubles(attestations, to_attestations, due)
    return Practice(
        facts=facts,
        receipts=to_submissions,
        documents=documents,
        group_quality=[document for document in documents if document.key[1] == QUALITY],
        attestations=attestations,
        troubles=troubles,
        reports={
            view: PracticeReports(documents=documents, attestations=attestations, view=view, rulebook=rulebook)
            for view in (View.RECEIPTED, View.PREPARED)
        },
        rulebook=rulebook,
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


def because(
    category: str, reliefs: Iterable[Observed[ReliefGranted]], channels: Iterable[Observed[ChannelDeclared]]
) -> str | None:
    """Say in words what relief excuses a category, or through which channel it is reported: the last received."""
    granted = [r.event for r in reliefs if category in r.event.categories]
    if granted:
        return f"{granted[-1].reason}, granted {granted[-1].granted_on}"
    declared = [c.event.channel for c in channels if c.event.category == category]
    return declared[-1] if declared else None


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
        for result in practice.now.activities
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


def _activity_progress(result: ActivityResult, practice: Practice, moment: Moment) -> Progress:
    documents = [d for d in practice.attestations if d.key[1] == result.activity.activity_id]
    waiting = [r for d in documents for r in d.waiting() if r.event.answer]
    starts = [r.event.period_start for d in documents for r in d.revisions]
    return Progress(
        because=because(IMPROVEMENT_ACTIVITIES, practice.facts.reliefs, practice.facts.channels),
        overdue_at=overdue_at(waiting, moment.rulebook),
        rejections=rejections_of(r for d in documents for r in d.rejected()),
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
    result = practice.now.interoperability
    prepared = practice.reports[View.PREPARED].interoperability if result.revision is None and waiting else result
    told = result if prepared.revision is None else prepared
    return Progress(
        because=because(PROMOTING_INTEROPERABILITY, practice.facts.reliefs, practice.facts.channels),
        overdue_at=overdue_at(waiting, moment.rulebook),
        rejections=rejections_of(r for d in documents for r in d.rejected()),
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
