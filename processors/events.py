"""The events that arrive, as frozen values: what a feed, a receiver or CMS says about a TIN.

The words are those of the contract (``schemas/<Record>/v1.avsc``); the classes are what the core reasons about. Codes
that regulators extend (measures, activities, categories, cohorts, collection types) are text that the rulebook checks;
the closed vocabularies stand in ``vocabulary.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

from processors.identity import Npi, Tin
from processors.vocabulary import (
    AttestationAction,
    ClaimAction,
    ClaimType,
    Disposition,
    ParticipantList,
    ReadinessState,
    ReceiptOutcome,
    ResultStatus,
    Stage,
    SubmissionAction,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One service line; money in cents."""

    line_number: int
    service_date: date
    npi: Npi | None = None
    rendering_tin: Tin | None = None
    specialty: str | None = None
    hcpcs: str | None = None
    modifiers: tuple[str, ...] = ()
    place_of_service: str | None = None
    service_zip: str | None = None
    units: Decimal = Decimal(1)
    charge_cents: int | None = None
    allowed_cents: int | None = None
    paid_cents: int | None = None
    diagnosis_pointers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventName:
    """What identifies an event, wherever it lies."""

    source: str
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReceived:
    """One claim with its lines, as known to the feed of this TIN; the highest ``version`` stands."""

    event_id: str
    source: str
    tin: Tin
    claim_id: str = field(repr=False)
    version: int
    action: ClaimAction
    disposition: Disposition
    claim_type: ClaimType
    beneficiary: str = field(repr=False)
    from_date: date
    through_date: date
    billing_tin: Tin | None = None
    diagnoses: tuple[str, ...] = field(default=(), repr=False)
    area: str | None = None
    lines: tuple[ClaimLine, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeneficiaryLinked:
    """Two tokens of one beneficiary: a re-issued MBI, or a new key."""

    event_id: str
    source: str
    tin: Tin
    from_token: str = field(repr=False)
    to_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Who carried a submission to its receiver."""

    type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What is reported for one measure, or for one stratum of it; counts, or a yes/no."""

    measure_id: str
    stratum: str | None = None
    specification: str | None = None
    eligible_population: int | None = None
    performance_met: int | None = None
    performance_not_met: int | None = None
    exclusions: int | None = None
    exceptions: int | None = None
    numerator: int | None = None
    denominator: int | None = None
    answer: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionReceived:
    """Measures for one entity (a clinician, or without ``npi`` the TIN as a group) and one category."""

    event_id: str
    source: str
    submission_id: str
    revision: int
    action: SubmissionAction
    tin: Tin
    performance_year: int
    category: str
    period_start: date
    period_end: date
    stage: Stage
    npi: Npi | None = None
    collection_type: str | None = None
    cehrt_id: str | None = None
    confirmation: str | None = None
    receipted_at: datetime | None = None
    submitter: Submitter | None = None
    measurements: tuple[Measurement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptError:
    """What a receiver found wrong, and where."""

    path: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptReceived:
    """A receiver's answer to a submission or an attestation; without ``revision`` it answers what was last sent."""

    event_id: str
    source: str
    tin: Tin
    performance_year: int
    outcome: ReceiptOutcome
    receipted_at: datetime
    submission_id: str | None = None
    attestation_id: str | None = None
    revision: int | None = None
    confirmation: str | None = None
    errors: tuple[ReceiptError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """A collaborative care arrangement with a primary care practice (IA-2)."""

    counterparty_type: str
    written: bool
    signed_by_both: bool
    effective_date: date
    counterparty_ref: str | None = None
    same_tin: bool | None = None
    shares_patients: bool | None = None
    ended_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed an attestation, by reference, and when."""

    role: str
    signer_ref: str = field(repr=False)
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A file that stays with its custodian, by digest."""

    kind: str
    sha256: str
    custodian: str
    description: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationReceived:
    """A yes or no that somebody stands for: an improvement activity or an interoperability attestation of a TIN."""

    event_id: str
    source: str
    attestation_id: str
    revision: int
    action: AttestationAction
    tin: Tin
    performance_year: int
    activity_id: str
    answer: bool
    stage: Stage
    attested_by: str = field(default="", repr=False)
    period_start: date | None = None
    period_end: date | None = None
    elements: tuple[str, ...] = ()
    arrangement: Arrangement | None = None
    signature: Signature | None = None
    covers_all_participants: bool | None = None
    confirmation: str | None = None
    receipted_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessReported:
    """How far an item of the readiness checklist is."""

    event_id: str
    source: str
    tin: Tin
    performance_year: int
    item_id: str
    state: ReadinessState
    npi: Npi | None = None
    by: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDeclared:
    """Somebody else reports this category: do not cry."""

    event_id: str
    source: str
    tin: Tin
    performance_year: int
    category: str
    channel: str
    npi: Npi | None = None
    responsible: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantListed:
    """CMS's roster names a clinician under a TIN for a performance year."""

    event_id: str
    source: str
    tin: Tin
    npi: Npi
    performance_year: int
    cohort: str
    eligible: bool
    small_practice: bool
    list: ParticipantList
    exception: str | None = None
    solo: bool | None = None
    specialty: str | None = None
    area: str | None = None
    episode_count: int | None = None
    list_id: str | None = None
    published_on: date | None = None
    name: str | None = field(default=None, repr=False)
    organization: str | None = field(default=None, repr=False)
    practice_alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantRemoved:
    """CMS took a clinician off its list."""

    event_id: str
    source: str
    tin: Tin
    npi: Npi
    performance_year: int
    list_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostMeasure:
    """CMS's cost result for one episode-based measure; money in cents, ``score`` on CMS's 1–10."""

    measure_id: str
    episodes: int
    cost_per_episode_cents: int | None = None
    national_median_cents: int | None = None
    standard_deviation_cents: int | None = None
    score: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsMeasure:
    """CMS's result for a quality measure that it computes from claims; ``rate`` in the unit of its benchmark."""

    measure_id: str
    rate: Decimal
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """CMS's two indicators of how complex a clinician's patients are."""

    average_hcc: Decimal
    dual_share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalResult:
    """CMS's own final score, and the adjustment factor once it is known."""

    final_score: Decimal
    adjustment_factor: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDetermined:
    """What CMS computed for a participant; any of its parts, merged part by part."""

    event_id: str
    source: str
    tin: Tin
    npi: Npi
    performance_year: int
    status: ResultStatus
    cost_measure: CostMeasure | None = None
    claims_measure: ClaimsMeasure | None = None
    complexity: Complexity | None = None
    part_b_paid_cents: int | None = None
    final: FinalResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefGranted:
    """CMS excuses categories for an extreme and uncontrollable circumstance (42 CFR 512.780)."""

    event_id: str
    source: str
    tin: Tin
    performance_year: int
    categories: tuple[str, ...]
    reason: str
    granted_on: date
    npi: Npi | None = None


Event = (
    ClaimReceived
    | BeneficiaryLinked
    | SubmissionReceived
    | ReceiptReceived
    | AttestationReceived
    | ReadinessReported
    | ChannelDeclared
    | ParticipantListed
    | ParticipantRemoved
    | ResultDetermined
    | ReliefGranted
)
LedgerEvent = ClaimReceived | BeneficiaryLinked
YearEvent = (
    SubmissionReceived
    | ReceiptReceived
    | AttestationReceived
    | ReadinessReported
    | ChannelDeclared
    | ParticipantListed
    | ParticipantRemoved
    | ResultDetermined
    | ReliefGranted
)
DocumentEvent = SubmissionReceived | AttestationReceived

E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Generic[E_co]):
    """An event as it was received.

    ``received_at`` is the broker's append time of the inbound record, ``origin`` its ``topic/partition/offset``;
    ``digest`` stands for all the event says, ``content`` for what it says apart from who said it (source, event id,
    submitter) and how far it got (stage, confirmation, receipt instant).
    """

    event: E_co
    received_at: datetime
    origin: str
    digest: str
    content: str


@dataclass(frozen=True, slots=True)
class BatchClosed:
    """Mark in the journal: admission copied a batch up to here."""


@dataclass(frozen=True, slots=True)
class ClockTicked:
    """Mark in the journal: all that was received before ``as_of`` stands above this line."""

    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LawPromoted:
    """Mark in the journal: from this line on the live generation assesses under this law.

    ``generation`` is the one whose law it is, empty where it is the deployment's again; ``fold`` is a digest of what
    decides over the fold; ``rulebooks`` maps a performance year to the digest of its rulebook.
    """

    recalculation: str
    generation: str
    engine: int
    fold: str
    rulebooks: Mapping[str, str]


Mark = BatchClosed | ClockTicked | LawPromoted
Inputs = Mapping[str, int | Decimal]
