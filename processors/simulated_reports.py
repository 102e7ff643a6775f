"""What a simulated practice submits, attests and is receipted for, after its manner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from processors.events import Arrangement, AttestationReceived, Measurement, ReceiptReceived, SubmissionReceived
from processors.identity import Npi
from processors.promoting_interoperability import PROMOTING_INTEROPERABILITY
from processors.quality import QUALITY
from processors.rulebook import Rulebook
from processors.simulated_world import SimulatedPractice, Timed
from processors.vocabulary import AttestationAction, ReceiptOutcome, Stage, SubmissionAction

Document = SubmissionReceived | AttestationReceived
Told = Iterator[Timed[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a practice's reports are made: who, by what chance, under which law."""

    practice: SimulatedPractice
    chance: Random
    rulebook: Rulebook

    def before_due(self, least: int, most: int) -> datetime:
        """Return an instant at least so many and less than so many days before the due instant; negative: after."""
        seconds = self.chance.randrange(least * 86400, most * 86400)
        return self.rulebook.submission.due_instant - timedelta(seconds=seconds)

    def in_year(self, month: int) -> datetime:
        """Return an instant in a month of the performance year."""
        first = self.rulebook.terms.year_start.replace(month=month)
        return datetime.combine(first, time(8), tzinfo=UTC) + timedelta(hours=self.chance.randrange(24 * 27))

    def happens(self, percent: int) -> bool:
        """Say whether something happens that does so in so many of a hundred cases."""
        return self.chance.randrange(100) < percent


def reports_of(desk: Desk) -> Told:
    """Yield all that a practice reports for the year, and what the receiver answers."""
    documents: list[Document] = [*_quality(desk), _interoperability(desk), *_activities(desk)]
    for document in documents:
        if desk.practice.manner == "forgetful" and desk.happens(60):
            continue
        if isinstance(document, SubmissionReceived) and document.category == QUALITY and desk.happens(50):
            yield from _prepared_in_the_year(desk, document)
        yield from _reported(desk, document)


def _quality(desk: Desk) -> Iterator[SubmissionReceived]:
    """One submission a clinician, or one of the TIN where a small practice reports as a group."""
    group = desk.practice.is_small(desk.rulebook) and desk.happens(25)
    npis: list[Npi | None] = [None] if group else [c.npi for c in desk.practice.clinicians]
    measures = [m for m in desk.rulebook.quality.measures if m.cohort == desk.practice.cohort and m.collection_types]
    for npi in npis:
        rows = tuple(_row(desk, m.measure_id, inverse=m.inverse) for m in measures if "ECQM" in m.collection_types)
        yield _submission(desk, QUALITY, npi, rows)
        registry = tuple(
            _row(desk, m.measure_id, inverse=m.inverse) for m in measures if m.collection_types == ("CQM",)
        )
        if registry:
            yield replace(_submission(desk, QUALITY, npi, registry), collection_type="CQM")


def _row(desk: Desk, measure_id: str, *, inverse: bool) -> Measurement:
    eligible = desk.chance.randrange(12, 260)
    met = eligible * (desk.chance.randrange(0, 12) if inverse else desk.chance.randrange(45, 100)) // 100
    strata = {s.measure_id: s.stratum for s in desk.rulebook.quality.scored_strata}
    return Measurement(
        measure_id=measure_id,
        stratum=strata.get(measure_id),
        eligible_population=eligible,
        performance_met=met,
        performance_not_met=eligible - met,
        exclusions=0,
        exceptions=0,
    )


def _submission(desk: Desk, category: str, npi: Npi | None, rows: tuple[Measurement, ...]) -> SubmissionReceived:
    terms = desk.rulebook.terms
    return SubmissionReceived(
        event_id="",
        source=f"ehr-{desk.practice.alias}",
        submission_id=f"{desk.practice.alias}-{category[:2].lower()}-{npi or 'group'}-{len(rows)}",
        revision=1,
        action=SubmissionAction.SUBMIT,
        tin=desk.practice.tin,
        npi=npi,
        performance_year=desk.rulebook.performance_year,
        category=category,
        collection_type="ECQM" if category == QUALITY else None,
        period_start=terms.year_start,
        period_end=terms.year_end,
        stage=Stage.PREPARED,
        measurements=rows,
    )


def _interoperability(desk: Desk) -> SubmissionReceived:
    rules = desk.rulebook.interoperability
    told: dict[str, bool | int] = {s.measure_id: True for s in rules.attestations}
    for measure in rules.measures:
        if measure.measure_id not in {m for option in rules.exchange_options[1:] for m in option}:
            told[measure.measure_id] = True if measure.kind == "ANSWER" else desk.chance.randrange(60, 101)
            told |= dict.fromkeys(measure.levels[:1], True)
    rows = tuple(
        Measurement(measure_id=name, answer=True)
        if value is True
        else Measurement(measure_id=name, numerator=int(value), denominator=100)
        for name, value in told.items()
    )
    letters = "".join(desk.chance.choices(rules.cehrt_id_alphabet, k=rules.cehrt_id_length - 5))
    cehrt_id = rules.cehrt_id_prefixes[0] + letters
    return replace(_submission(desk, PROMOTING_INTEROPERABILITY, None, rows), cehrt_id=cehrt_id)


def _activities(desk: Desk) -> Iterator[AttestationReceived]:
    start = desk.rulebook.terms.year_start.replace(month=3)
    for activity in desk.rulebook.activities.activities:
        arrangement = Arrangement(
            counterparty_type="PRIMARY_CARE", written=True, signed_by_both=True, effective_date=start
        )
        missing = desk.practice.manner == "sloppy" and desk.happens(50)
        yield AttestationReceived(
            event_id="",
            source=f"practice-{desk.practice.alias}",
            attestation_id=f"{desk.practice.alias}-{activity.activity_id}",
            revision=1,
            action=AttestationAction.ATTEST,
            tin=desk.practice.tin,
            performance_year=desk.rulebook.performance_year,
            activity_id=activity.activity_id,
            answer=True,
            stage=Stage.PREPARED,
            attested_by="practice manager",
            period_start=start,
            period_end=desk.rulebook.terms.year_end,
            elements=activity.elements[: activity.elements_min - missing],
            arrangement=arrangement if activity.needs_arrangement else None,
            covers_all_participants=True,
        )


def _prepared_in_the_year(desk: Desk, document: SubmissionReceived) -> Told:
    """The same with the counts so far, at the end of some quarters."""
    for revision, month in enumerate((4, 7, 10), 1):
        rows = tuple(_so_far(row, month) for row in document.measurements)
        early = replace(document, measurements=rows, revision=revision)
        yield Timed(desk.in_year(month), _named(early, "prepared"))


def _so_far(row: Measurement, month: int) -> Measurement:
    met, not_met = ((n or 0) * month // 12 for n in (row.performance_met, row.performance_not_met))
    return replace(row, eligible_population=met + not_met, performance_met=met, performance_not_met=not_met)


def _reported(desk: Desk, document: Document) -> Told:
    """The document as it was sent, after the practice's manner; its revision is above those of the year."""
    document = replace(document, revision=4)
    manner = desk.practice.manner
    if manner == "late" and desk.happens(70):
        yield from _receipted(document, desk.before_due(-3, 0))
    elif manner == "unproven":
        sent_at = desk.before_due(2, 40)
        yield Timed(sent_at, _named(replace(document, stage=Stage.SENT), "sent"))
        if desk.happens(40):  # the proof turns up in April
            yield Timed(desk.before_due(-20, -2), _receipt(document, sent_at + timedelta(minutes=1)))
    elif manner == "sloppy":
        yield from _receipted(_spoiled(desk, document), desk.before_due(30, 60))
        if desk.happens(70):
            yield from _receipted(replace(document, revision=5), desk.before_due(3, 28))
    else:
        yield from _receipted(document, desk.before_due(5, 75))


def _receipted(document: Document, at: datetime) -> Told:
    """A document that was sent and the receiver's answer; the answer is known first as often as not."""
    yield Timed(at, _named(replace(document, stage=Stage.SENT), "sent"))
    yield Timed(at + timedelta(hours=2), _receipt(document, at + timedelta(seconds=5)))


def _receipt(document: Document, receipted_at: datetime) -> ReceiptReceived:
    is_submission = isinstance(document, SubmissionReceived)
    document_id = document.submission_id if isinstance(document, SubmissionReceived) else document.attestation_id
    named: Mapping[str, Any] = {"submission_id" if is_submission else "attestation_id": document_id}
    return ReceiptReceived(
        event_id=f"receipt-{document_id}-{document.revision}",
        source="qpp-receipts",
        tin=document.tin,
        performance_year=document.performance_year,
        revision=document.revision,
        outcome=ReceiptOutcome.ACCEPTED,
        confirmation=f"QPP-{document_id}-{document.revision}",
        receipted_at=receipted_at,
        **named,
    )


def _spoiled(desk: Desk, document: Document) -> Document:
    """The document with one of the mistakes that people make."""
    if isinstance(document, AttestationReceived):
        return replace(document, answer=desk.happens(50))
    if document.category == PROMOTING_INTEROPERABILITY:
        return replace(document, cehrt_id=None)
    first, *rest = document.measurements
    mistakes = (
        replace(first, eligible_population=2 * (first.eligible_population or 0)),  # half of the cases: incomplete
        replace(first, measure_id="999"),
        replace(first, measure_id="134" if first.measure_id != "134" else "236"),
    )
    return replace(document, measurements=(desk.chance.choice(mistakes), *rest))


def _named(document: Document, what: str) -> Document:
    document_id = document.submission_id if isinstance(document, SubmissionReceived) else document.attestation_id
    return replace(document, event_id=f"{document_id}-{document.revision}-{what}")
