"""What counts among the documents that were sent (42 CFR 512.720): revisions, stages, receipts, the deadline.

A *document* is all that was said under one submission id (or attestation id) of one entity and category. Several
*views* of it matter: what was receipted in time, and what would stand if everything sent, or prepared, were receipted.
All are derived from the set of observations, so the order of arrival does not matter.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from processors.events import (
    AttestationReceived,
    DocumentEvent,
    Observed,
    ReceiptError,
    ReceiptReceived,
    SubmissionReceived,
)
from processors.vocabulary import AttestationAction, ReceiptOutcome, Stage, SubmissionAction

D = TypeVar("D", SubmissionReceived, AttestationReceived)
Key = tuple[str, ...]
Receipts = Mapping[str, Sequence[Observed[ReceiptReceived]]]

_WITHDRAWS = {SubmissionAction.WITHDRAW, AttestationAction.WITHDRAW}
_UNKNOWN_ACTIONS = {SubmissionAction.UNKNOWN, AttestationAction.UNKNOWN}
_WAITING = {Stage.PREPARED, Stage.SENT}


class View(Enum):
    """Which revisions are taken to stand: what was receipted in time, and what waits from this stage on besides."""

    RECEIPTED = Stage.RECEIPTED
    SENT = Stage.SENT
    PREPARED = Stage.PREPARED

    def shows(self, revision: "Revision[D]") -> bool:
        """Say whether a revision is taken to stand."""
        return revision.accepted or (revision.pending and revision.stage.rank >= self.value.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision(Generic[D]):
    """One revision of a document.

    ``copies`` are the events that say the content that stands (of several contents the first received), ``stage`` is
    the highest that any of them reached in time, of a late one at all, ``receipted_at`` the instant of acceptance by
    the receiver or None, ``proof`` the word of it, ``late`` says that it was accepted, or if never accepted first sent,
    at or after the due instant: what was only prepared by then is late once it is sent.
    """

    number: int
    copies: tuple[Observed[D], ...]
    stage: Stage
    receipted_at: datetime | None
    rejected: bool
    late: bool
    errors: tuple[ReceiptError, ...] = ()
    proof: Observed[D] | Observed[ReceiptReceived] | None = None

    @property
    def event(self) -> D:
        """What the revision says, as first received."""
        return self.copies[0].event

    @property
    def withdraws(self) -> bool:
        """Whether the revision takes the document back."""
        return self.event.action in _WITHDRAWS

    @property
    def accepted(self) -> bool:
        """Whether the receiver has it, in time."""
        return self.receipted_at is not None and not self.late

    @property
    def pending(self) -> bool:
        """Whether it was prepared or sent in time and neither accepted nor rejected."""
        return self.receipted_at is None and self.stage in _WAITING and not (self.rejected or self.late)

    @property
    def order(self) -> tuple[datetime, str]:
        """What decides between documents, the greatest stands: instant of acceptance or first word, then event id."""
        instant = self.receipted_at or self.copies[0].received_at
        return instant, max(copy.event.event_id for copy in self.copies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[D]):
    """All that was said under one id: its revisions, ascending."""

    key: Key
    revisions: tuple[Revision[D], ...]

    @property
    def accepted_number(self) -> int | None:
        """The highest revision that the receiver has, in time."""
        return max((r.number for r in self.revisions if r.accepted), default=None)

    def standing(self, view: View) -> Revision[D] | None:
        """Return the revision that stands in a view, or None: none counts, or the document is withdrawn."""
        counting = [r for r in self.revisions if view.shows(r)]
        return None if not counting or counting[-1].withdraws else counting[-1]

    def waiting(self) -> list[Revision[D]]:
        """Return the reporting revisions above the accepted one that wait for a receipt."""
        accepted = self.accepted_number
        return [
            r for r in self.revisions if r.pending and not r.withdraws and (accepted is None or r.number > accepted)
        ]

    def late(self) -> list[Revision[D]]:
        """Return the reporting revisions that were sent and came too late."""
        return [r for r in self.revisions if r.late and not r.withdraws and r.stage is not Stage.PREPARED]

    def rejected(self) -> list[Revision[D]]:
        """Return the highest revision where the receiver rejected it."""
        return [r for r in self.revisions[-1:] if r.rejected and not r.withdraws]

    def current(self) -> list[Revision[D]]:
        """Return the revisions that a reader still acts on: the one that stands, and the highest."""
        numbers = {self.accepted_number, self.revisions[-1].number}
        return [r for r in self.revisions if r.number in numbers and not r.withdraws]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something wrong with an event before the law is asked: a code, and the event it is about."""

    code: str
    about: Observed[DocumentEvent] | Observed[ReceiptReceived]
    field: str | None = None


def read_documents(
    observed: Iterable[Observed[D]], receipts: Receipts, due: datetime
) -> tuple[list[Document[D]], list[Trouble]]:
    """Read the documents among the observed events, each receipt applied to the revision that it proves.

    ``receipts`` are by document id; ``due`` is the instant from which on everything is late.
    """
    grouped: dict[Key, dict[int, list[Observed[D]]]] = defaultdict(lambda: defaultdict(list))
    troubles: list[Trouble] = []
    for item in observed:
        troubles += _symbol_troubles(item)
        if item.event.action not in _UNKNOWN_ACTIONS:
            grouped[_document_key(item.event)][item.event.revision].append(item)
    documents = []
    for key in sorted(grouped):
        contents = {number: _first_content(copies) for number, copies in sorted(grouped[key].items())}
        proofs = _proofs(contents, receipts.get(key[-1], ()))
        revisions = tuple(_revision(n, copies, proofs[n], due) for n, copies in contents.items())
        documents.append(Document(key=key, revisions=revisions))
        for revision in revisions:
            troubles += _revision_troubles(revision, grouped[key][revision.number], due)
    return documents, troubles


def receipt_troubles(
    documents: Iterable[Document[SubmissionReceived] | Document[AttestationReceived]],
    receipts: Receipts,
    due: datetime,
) -> list[Trouble]:
    """Find the receipts that prove nothing known, whose instant has no confirmation, that reject, or that are late."""
    known: dict[str, list[Mapping[int, Sequence[Observed[DocumentEvent]]]]] = defaultdict(list)
    for document in documents:
        known[document.key[-1]].append({r.number: r.copies for r in document.revisions})
    troubles = []
    for document_id, answers in receipts.items():
        for receipt in answers:
            if all(_proven(contents, receipt) is None for contents in known[document_id]):
                troubles.append(Trouble(code="RECEIPT_UNMATCHED", about=receipt))
            troubles += _receipt_troubles(receipt, due)
    return troubles


def _document_key(event: DocumentEvent) -> Key:
    """Two events speak of one document where entity, category (or activity) and the document's id agree."""
    if isinstance(event, SubmissionReceived):
        return (event.npi or "", event.category, event.submission_id)
    return ("", event.activity_id, event.attestation_id)


def _first_content(copies: Sequence[Observed[D]]) -> tuple[Observed[D], ...]:
    """Of several contents of one revision the one received first stands (tie: the smaller content digest)."""
    content = min(copies, key=lambda c: (c.received_at, c.content)).content
    return tuple(sorted((c for c in copies if c.content == content), key=lambda c: (c.received_at, c.digest)))


def _proofs(
    contents: Mapping[int, tuple[Observed[D], ...]], receipts: Iterable[Observed[ReceiptReceived]]
) -> Mapping[int, list[Observed[ReceiptReceived]]]:
    proofs: dict[int, list[Observed[ReceiptReceived]]] = defaultdict(list)
    for receipt in receipts:
        number = _proven(contents, receipt)
        if number is not None:
            proofs[number].append(receipt)
    return proofs


def _proven(
    contents: Mapping[int, Sequence[Observed[DocumentEvent]]], receipt: Observed[ReceiptReceived]
) -> int | None:
    """Return the revision that a receipt answers: the one it names, else the highest sent before its instant."""
    if receipt.event.revision is not None:
        return receipt.event.revision if receipt.event.revision in contents else None
    instant = _instant(receipt)
    sent = [
        number
        for number, copies in contents.items()
        if any(c.event.stage.rank >= Stage.SENT.rank and c.received_at < instant for c in copies)
    ]
    return max(sent, default=None)


def _revision(
    number: int, copies: tuple[Observed[D], ...], proofs: Sequence[Observed[ReceiptReceived]], due: datetime
) -> Revision[D]:
    rejections = [p for p in proofs if p.event.outcome is ReceiptOutcome.REJECTED and _instant(p) < due]
    last = max(rejections, key=lambda p: (_instant(p), p.digest), default=None)
    rejected_at = None if last is None else _instant(last)
    proof = _acceptance(copies, proofs, rejected_at, due)
    receipted_at = None if proof is None else _instant(proof)
    timely = [c for c in copies if _copy_instant(c) < due]
    late = _is_late(copies, timely) if receipted_at is None else receipted_at >= due
    return Revision(
        number=number,
        copies=copies,
        stage=max((c.event.stage for c in (copies if late else timely or copies)), key=lambda stage: stage.rank),
        receipted_at=receipted_at,
        rejected=rejected_at is not None and receipted_at is None,
        late=late,
        errors=last.event.errors if last is not None and receipted_at is None else (),
        proof=proof,
    )


def _is_late(copies: Iterable[Observed[D]], timely: Iterable[Observed[D]]) -> bool:
    """Say whether a revision that nobody accepted came too late: sent, and not in time; or not even prepared then."""
    reached = max((c.event.stage.rank for c in timely), default=None)
    sent = any(c.event.stage.rank >= Stage.SENT.rank for c in copies)
    return reached is None or (sent and reached < Stage.SENT.rank)


def _acceptance(
    copies: Iterable[Observed[D]],
    proofs: Iterable[Observed[ReceiptReceived]],
    rejected_at: datetime | None,
    due: datetime,
) -> Observed[D] | Observed[ReceiptReceived] | None:
    """Return the earliest word of acceptance after the last rejection: in time before late, then the receiver's own."""
    words: list[Observed[D] | Observed[ReceiptReceived]] = [c for c in copies if c.event.stage is Stage.RECEIPTED]
    words += [p for p in proofs if p.event.outcome is ReceiptOutcome.ACCEPTED]
    after = [w for w in words if rejected_at is None or _instant(w) >= rejected_at]
    return min(after, key=lambda w: (_instant(w) >= due, not _is_receivers(w), _instant(w), w.digest), default=None)


def _instant(word: Observed[DocumentEvent] | Observed[ReceiptReceived]) -> datetime:
    """Return the receiver's instant where a confirmation comes with it, else the broker's append time."""
    told = word.event.receipted_at if _is_receivers(word) else None
    return word.received_at if told is None else told


def _is_receivers(word: Observed[DocumentEvent] | Observed[ReceiptReceived]) -> bool:
    return word.event.confirmation is not None and word.event.receipted_at is not None


def _symbol_troubles(item: Observed[DocumentEvent]) -> list[Trouble]:
    names = {"action": item.event.action in _UNKNOWN_ACTIONS, "stage": item.event.stage is Stage.UNKNOWN}
    return [Trouble(code="UNKNOWN_SYMBOL", about=item, field=name) for name, unknown in names.items() if unknown]


def _revision_troubles(revision: Revision[D], all_copies: Iterable[Observed[D]], due: datetime) -> list[Trouble]:
    troubles = [Trouble(code="CONFLICT", about=c) for c in all_copies if c not in revision.copies]
    for copy in revision.copies:
        if _copy_instant(copy) >= due:
            troubles.append(Trouble(code="LATE", about=copy))
        if copy.event.receipted_at is not None and copy.event.confirmation is None:
            troubles.append(Trouble(code="RECEIPT_WITHOUT_CONFIRMATION", about=copy, field="confirmation"))
    return troubles


def _copy_instant(copy: Observed[DocumentEvent]) -> datetime:
    return _instant(copy) if copy.event.stage is Stage.RECEIPTED else copy.received_at


def _receipt_troubles(receipt: Observed[ReceiptReceived], due: datetime) -> list[Trouble]:
    event = receipt.event
    wrong = {
        "RECEIPT_WITHOUT_CONFIRMATION": event.confirmation is None,
        "RECEIPT_REJECTED": event.outcome is ReceiptOutcome.REJECTED,
        "UNKNOWN_SYMBOL": event.outcome is ReceiptOutcome.UNKNOWN,
        "LATE": _instant(receipt) >= due,
    }
    return [Trouble(code=code, about=receipt) for code, holds in wrong.items() if holds]
