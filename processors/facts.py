"""What is known: a fold of frozen events that does not care in which order, or how often, they arrive.

Facts are sets. Of each distinct event the earliest receipt is kept, so folding the same events with the same receipt
times in any order, with repeats, gives equal facts. What *counts* among them is derived later, by the rulebook.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from processors.events import (
    AttestationReceived,
    BeneficiaryLinked,
    ChannelDeclared,
    ClaimReceived,
    Event,
    LedgerEvent,
    Observed,
    ParticipantListed,
    ParticipantRemoved,
    ReadinessReported,
    ReceiptReceived,
    ReliefGranted,
    ResultDetermined,
    SubmissionReceived,
    YearEvent,
)
from processors.identity import Npi, Tin
from processors.vocabulary import ClaimAction

E = TypeVar("E", bound=Event)
R = TypeVar("R", "PracticeFacts", "ClinicianFacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeFacts:
    """What was said of a TIN for a performance year, for all who bill under it."""

    tin: Tin
    performance_year: int
    submissions: tuple[Observed[SubmissionReceived], ...] = ()
    receipts: tuple[Observed[ReceiptReceived], ...] = ()
    attestations: tuple[Observed[AttestationReceived], ...] = ()
    readiness: tuple[Observed[ReadinessReported], ...] = ()
    channels: tuple[Observed[ChannelDeclared], ...] = ()
    reliefs: tuple[Observed[ReliefGranted], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicianFacts:
    """What was said of one clinician under a TIN for a performance year."""

    tin: Tin
    npi: Npi
    performance_year: int
    listings: tuple[Observed[ParticipantListed], ...] = ()
    removals: tuple[Observed[ParticipantRemoved], ...] = ()
    submissions: tuple[Observed[SubmissionReceived], ...] = ()
    results: tuple[Observed[ResultDetermined], ...] = ()
    readiness: tuple[Observed[ReadinessReported], ...] = ()
    channels: tuple[Observed[ChannelDeclared], ...] = ()
    reliefs: tuple[Observed[ReliefGranted], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeYear:
    """A TIN in a performance year with its clinicians: what is assessed together."""

    practice: PracticeFacts
    clinicians: Mapping[Npi, ClinicianFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A beneficiary's claims as one TIN's feeds know them.

    Of each claim (source, claim id) only the highest version is kept; of that version every distinct content, so that
    a conflict can be seen. The links say which tokens are the same beneficiary's.
    """

    tin: Tin
    beneficiary: str
    claims: tuple[Observed[ClaimReceived], ...] = ()
    links: tuple[Observed[BeneficiaryLinked], ...] = ()


_PRACTICE_FIELDS: Mapping[type[object], str] = {
    SubmissionReceived: "submissions",
    ReceiptReceived: "receipts",
    AttestationReceived: "attestations",
    ReadinessReported: "readiness",
    ChannelDeclared: "channels",
    ReliefGranted: "reliefs",
}
_CLINICIAN_FIELDS: Mapping[type[object], str] = {
    ParticipantListed: "listings",
    ParticipantRemoved: "removals",
    SubmissionReceived: "submissions",
    ResultDetermined: "results",
    ReadinessReported: "readiness",
    ChannelDeclared: "channels",
    ReliefGranted: "reliefs",
}


def empty_year(tin: Tin, performance_year: int) -> PracticeYear:
    """Return the facts of a practice and year of which nothing is known."""
    return PracticeYear(practice=PracticeFacts(tin=tin, performance_year=performance_year), clinicians={})


def npi_of(event: YearEvent) -> Npi | None:
    """Return the clinician that the event is about, or None where it is about the TIN."""
    if isinstance(event, ReceiptReceived | AttestationReceived):
        return None
    return event.npi


def fold(facts: PracticeYear, observed: Observed[YearEvent]) -> PracticeYear:
    """Add one event to the facts of its TIN and performance year; the same object comes back where nothing is new."""
    npi = npi_of(observed.event)
    if npi is None:
        practice = _fold_into(facts.practice, _PRACTICE_FIELDS, observed)
        return facts if practice is facts.practice else replace(facts, practice=practice)
    known = facts.clinicians.get(npi)
    before = known or ClinicianFacts(tin=observed.event.tin, npi=npi, performance_year=observed.event.performance_year)
    after = _fold_into(before, _CLINICIAN_FIELDS, observed)
    return facts if after is known else replace(facts, clinicians={**facts.clinicians, npi: after})


def ledgers_of(event: LedgerEvent) -> tuple[str, ...]:
    """Return the beneficiary tokens whose ledgers the event belongs to."""
    if isinstance(event, ClaimReceived):
        return (event.beneficiary,)
    return (event.from_token, event.to_token)


def fold_ledger(ledger: Ledger, observed: Observed[LedgerEvent]) -> Ledger:
    """Add a claim or a link to a beneficiary's ledger; the same object comes back where nothing is new."""
    if isinstance(observed.event, BeneficiaryLinked):
        links = _with(ledger.links, cast("Observed[BeneficiaryLinked]", observed))
        return ledger if links is ledger.links else replace(ledger, links=links)
    claims = _with_claim(ledger.claims, cast("Observed[ClaimReceived]", observed))
    return ledger if claims is ledger.claims else replace(ledger, claims=claims)


def first_contents(ledger: Ledger) -> Mapping[tuple[str, str], Observed[ClaimReceived]]:
    """Return by (source, claim id) the content of the highest version that was received first."""
    return {(c.event.source, c.event.claim_id): c for c in sorted(ledger.claims, key=_claim_order, reverse=True)}


def standing_claims(ledger: Ledger) -> tuple[Observed[ClaimReceived], ...]:
    """Return the claims that stand: the highest version of each, unless that cancels it."""
    first = {id(content) for content in first_contents(ledger).values()}
    return tuple(c for c in ledger.claims if id(c) in first and c.event.action is not ClaimAction.CANCEL)


def conflicting_claims(ledger: Ledger) -> tuple[Observed[ClaimReceived], ...]:
    """Return the contents that do not count because another content of the same claim version was received first."""
    first = first_contents(ledger)
    return tuple(c for c in ledger.claims if first[c.event.source, c.event.claim_id] is not c)


def _fold_into(record: R, field_names: Mapping[type[object], str], observed: Observed[YearEvent]) -> R:
    name = field_names[type(observed.event)]
    present = getattr(record, name)
    merged: Any = _with(present, observed)
    changes: dict[str, Any] = {name: merged}
    return record if merged is present else replace(record, **changes)


def _with(present: tuple[Observed[E], ...], new: Observed[E]) -> tuple[Observed[E], ...]:
    """Add an event to a set of them; of one event the earliest receipt is kept."""
    for place, known in enumerate(present):
        if known.digest == new.digest:
            if _receipt(known) <= _receipt(new):
                return present
            return _sorted((*present[:place], *present[place + 1 :], new))
    return _sorted((*present, new))


def _with_claim(
    present: tuple[Observed[ClaimReceived], ...], new: Observed[ClaimReceived]
) -> tuple[Observed[ClaimReceived], ...]:
    claim = (new.event.source, new.event.claim_id)
    same = [c for c in present if (c.event.source, c.event.claim_id) == claim]
    version = same[0].event.version if same else None
    if version is not None and version > new.event.version:
        return present
    if version is None or version < new.event.version:
        return _sorted((*(c for c in present if c not in same), new))
    twin = next((c for c in same if c.content == new.content), None)
    if twin is not None and _claim_order(twin) <= _claim_order(new):
        return present
    return _sorted((*(c for c in present if c is not twin), new))


def _sorted(observed: Iterable[Observed[E]]) -> tuple[Observed[E], ...]:
    return tuple(sorted(observed, key=lambda o: (o.received_at, o.digest)))


def _receipt(observed: Observed[Event]) -> tuple[datetime, str]:
    return observed.received_at, observed.origin


def _claim_order(claim: Observed[ClaimReceived]) -> tuple[datetime, str, str]:
    return claim.received_at, claim.content, claim.digest
