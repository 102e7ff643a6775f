"""What is said: score, obligation and finding as they go out, each a state under an envelope that says why."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from processors.findings import EventRef
from processors.gaps import Gap
from processors.identity import Npi, Tin
from processors.obligations import Affected, Status
from processors.progress import Milestone
from processors.score_tree import Part


class Alert(StrEnum):
    """Whether somebody must be told of an obligation, and whether that is over."""

    NONE = "NONE"
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"
    UNKNOWN = "UNKNOWN"


class FindingState(StrEnum):
    """Whether a finding still holds."""

    OPEN = "OPEN"
    CLEARED = "CLEARED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What made the system say it: an event, a tick (its ``as_of`` is the event id), or a batch's last claim.

    A recalculation's type is ``RECALCULATION``, and its id names it and both rulebooks (:func:`recalculated`).
    """

    type: str
    source: str
    event_id: str
    journal_offset: int
    batch_size: int | None = None


RECALCULATION = "RECALCULATION"


def recalculated(cause: Cause, before: str, after: str) -> Cause:
    """Return a recalculation's cause with the digests of the rulebook before and after, for one performance year."""
    return replace(cause, event_id=f"{cause.event_id} {before} {after}")


def recalculation_of(cause: Cause) -> str | None:
    """Return which recalculation is a cause, or None where it is none."""
    return cause.event_id.split(" ", 1)[0] if cause.type == RECALCULATION else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What stands on every output of one announcement."""

    cause: Cause
    as_of: datetime
    rulebook: str
    vintage: str
    engine: int
    generation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentScenario:
    """The range of the adjustment factor under a named assumption about the cohort."""

    name: str
    low_factor: Decimal
    high_factor: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChanged:
    """A participant's score, each time it changes."""

    emitted_id: str
    revision: int
    cause: Cause
    as_of: datetime
    rulebook: str
    vintage: str
    engine: int
    generation: str
    tin: Tin
    npi: Npi
    performance_year: int
    cohort: str
    final_score: Decimal | None = None
    prepared_score: Decimal | None = None
    lowest_reachable: Decimal | None = None
    highest_reachable: Decimal | None = None
    previous: Decimal | None = None
    moved: tuple[str, ...] = ()
    payment: tuple[PaymentScenario, ...] | None = None
    part_b_paid_cents: int | None = None
    tree: Part
    standing: str
    estimate: bool
    name: str | None = field(default=None, repr=False)
    organization: str | None = field(default=None, repr=False)
    practice_alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationChanged:
    """How something that must be submitted stands, each time that changes."""

    emitted_id: str
    revision: int
    cause: Cause
    as_of: datetime
    rulebook: str
    vintage: str
    engine: int
    generation: str
    obligation_id: str
    tin: Tin
    npi: Npi | None = None
    performance_year: int
    category: str
    item: str
    title: str
    status: Status
    due_at: datetime | None = None
    milestones: tuple[Milestone, ...]
    stage: str
    alert: Alert
    alert_id: str
    points_at_stake: Decimal
    cliff: str | None = None
    affected: tuple[Affected, ...]
    missing: tuple[Gap, ...]
    next_step: str
    cites: tuple[str, ...]
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChanged:
    """Something wrong or doubtful about a received event, when it is found and when it clears."""

    emitted_id: str
    revision: int
    cause: Cause
    as_of: datetime
    rulebook: str
    vintage: str
    engine: int
    generation: str
    tin: Tin
    npi: Npi | None = None
    performance_year: int | None = None
    event: EventRef
    code: str
    field: str | None = None
    message: str
    cites: tuple[str, ...]
    state: FindingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """The final score under which so many percent of a cohort lie."""

    percent: int
    final_score: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingChanged:
    """Where a cohort stands, each time that changes: what the scores that are seen come to."""

    revision: int
    cohort: str
    performance_year: int
    as_of: datetime
    rulebook: str
    vintage: str
    engine: int
    generation: str
    size_seen: int
    size_listed: int
    payments_known: int
    midpoint: Decimal | None = None
    scaling_factor: Decimal | None = None
    quantiles: tuple[Quantile, ...]
    standing: str


Output = ScoreChanged | ObligationChanged | FindingChanged
View = TypeVar("View", ScoreChanged, ObligationChanged, FindingChanged)
