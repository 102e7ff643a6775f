"""The shapes of the API's answers, for its description; what is absent is left out of an answer."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PracticeName(_Shape):
    """A practice: its id in addresses (the roster's alias, else an opaque one), and its name."""

    id: str
    name: str | None = None


class ClinicianName(_Shape):
    """A clinician."""

    npi: str
    name: str | None = None


class Gap(_Shape):
    """What exactly is missing."""

    code: str
    message: str
    subject: str | None = None
    need: float | None = None
    have: float | None = None


class Milestone(_Shape):
    """An instant on the way to the deadline, and how sure it is."""

    name: str
    at: datetime
    standing: str


class ObligationShape(_Shape):
    """Something that must be submitted, as it stands; without ``npi`` the practice must act."""

    npi: str | None = None
    performance_year: int
    category: str
    item: str
    title: str
    status: str
    stage: str
    alert: str
    alert_id: str
    due_at: datetime | None = None
    days_left: int | None = Field(None, description="Whole days, rounded down; negative once it has passed.")
    left: str = Field(description="How long there is, in words.")
    points_at_stake: float = Field(description="Points of the final score; of a practice's item the greatest.")
    cliff: str | None = None
    affected: int = Field(description="How many clinicians a practice's item concerns.")
    missing: list[Gap]
    next_step: str
    todo: str = Field(description="What is missing and what to do, in one line.")
    cites: list[str]
    standing: str
    milestones: list[Milestone]
    as_of: datetime


class Item(ObligationShape):
    """A row of the board."""

    practice: PracticeName
    clinician: ClinicianName | None = None
    cohort: str | None = None
    sentence: str = Field(description="The row in one line that can be pasted into a mail.")


class BoardTotals(_Shape):
    """What all pages of the board come to."""

    items: int
    firing: int
    practices: int
    undated: int
    soonest_due_at: datetime | None = None
    soonest_left: str | None = None


class Board(_Shape):
    """One page of missing submissions: soonest due, then what alerts, then the costliest."""

    as_of: datetime | None = None
    now: datetime
    totals: BoardTotals
    items: list[Item]
    next_cursor: str | None = None


class Why(_Shape):
    """A reason, where it stands, and how sure that is."""

    code: str
    message: str
    cites: list[str]
    standing: str


class EventName(_Shape):
    """An event, as its feed names it."""

    source: str
    event_id: str


class ScorePart(_Shape):
    """A part of a score with its reasons, its numbers and the events that told it."""

    code: str
    title: str
    value: float | None = None
    max: float | None = None
    weight: float | None = None
    parts: list["ScorePart"]
    reasons: list[Why]
    inputs: dict[str, float]
    told_by: list[EventName]


class PaymentRange(_Shape):
    """The range of the payment factor under one assumption about the peers."""

    name: str
    low_factor: float
    high_factor: float
    low_cents: int | None = None
    high_cents: int | None = None
    above_risk_level: bool


class Exposure(_Shape):
    """What a year may earn or cost."""

    npi: str
    performance_year: int
    payment_year: int
    risk_level: float
    basis: str
    depends_on: str
    size_seen: int | None = None
    size_listed: int | None = None
    part_b_paid_cents: int | None = None
    ranges: list[PaymentRange]


class NextStep(_Shape):
    """What to do, the first thing first."""

    npi: str | None = None
    category: str
    item: str
    title: str
    status: str
    alert: str
    points_at_stake: float
    cliff: str | None = None
    due_at: datetime | None = None
    next_milestone: str | None = None
    next_at: datetime | None = None
    days_left: int | None = None
    todo: str
    sentence: str


class FindingShape(_Shape):
    """What was received and is wrong or doubtful."""

    npi: str | None = None
    code: str
    field: str | None = None
    message: str
    remedy: str | None = None
    cites: list[str]
    event_source: str
    event_id: str
    as_of: datetime


class CauseShape(EventName):
    """What made the system say it."""

    type: str


class Moved(_Shape):
    """A part whose value changed."""

    code: str
    before: float | None = None
    after: float | None = None


class Change(_Shape):
    """One announced score, what caused it, and which parts moved."""

    revision: int
    as_of: datetime
    final_score: float | None = None
    prepared_score: float | None = None
    lowest_reachable: float | None = None
    highest_reachable: float | None = None
    cause: CauseShape
    moved: list[Moved]


class _Points(_Shape):
    cohort: str
    final_score: float | None = None
    prepared_score: float | None = None
    lowest_reachable: float | None = None
    highest_reachable: float | None = None
    standing: str


class Participation(_Points):
    """A clinician under one practice in one year."""

    practice: PracticeName
    performance_year: int
    estimate: bool
    as_of: datetime
    vintage: str
    rulebook: str
    engine: int
    generation: str
    revision: int
    tree: ScorePart
    exposure: list[Exposure]
    obligations: list[ObligationShape]
    next: list[NextStep]
    findings: list[FindingShape]
    history: list[Change]


class ClinicianShape(ClinicianName):
    """A clinician under each practice that you may see."""

    as_of: datetime | None = None
    now: datetime
    performance_year: int
    years: list[int]
    participations: list[Participation]


class Member(_Points):
    """A clinician of a practice."""

    npi: str
    name: str | None = None
    items: int
    firing: int


class PracticeShape(PracticeName):
    """A practice with its clinicians and what it must submit itself."""

    as_of: datetime | None = None
    now: datetime
    performance_year: int
    clinicians: list[Member]
    obligations: list[ObligationShape]
    findings: list[FindingShape]


class PracticeRow(PracticeName):
    """A practice, and what is open there."""

    performance_year: int
    cohorts: list[str]
    clinicians: int
    items: int
    firing: int
    points_at_stake: float | None = None


class Practices(_Shape):
    """One page of practices by name."""

    as_of: datetime | None = None
    total: int
    items: list[PracticeRow]
    next_cursor: str | None = None


class CellShape(_Shape):
    """How many final scores lie from ``low`` up to ``high``; without ``count`` too few to be told."""

    low: float
    high: float
    count: int | None = None


class QuantileShape(_Shape):
    """The final score under which so many percent lie."""

    percent: int
    final_score: float


class Whole(_Shape):
    """Where the whole cohort stands, as far as it is seen."""

    size_seen: int
    size_listed: int
    payments_known: int
    midpoint: float | None = None
    scaling_factor: float | None = None
    quantiles: list[QuantileShape]
    standing: str


class CohortShape(_Shape):
    """A cohort in a year."""

    cohort: str
    performance_year: int
    cell_min: int
    cells: list[CellShape]
    whole: Whole | None = None
    covered: bool


class Cohorts(_Shape):
    """The cohorts."""

    as_of: datetime | None = None
    cohorts: list[CohortShape]


class Coded(_Shape):
    """How many times a feed got a code, what it means, what to do."""

    source: str | None = None
    code: str
    times: int
    latest: datetime
    example: str
    meaning: str | None = None
    remedy: str | None = None
    cites: list[str]


class Feeds(_Shape):
    """What was refused and what was found wrong, by feed."""

    as_of: datetime | None = None
    refusals_shown: bool = Field(description="False: refusals belong to no practice, and you see some practices only.")
    refusals: list[Coded]
    findings: list[Coded]


class HealthRow(_Shape):
    """What was last said of a part of the system."""

    subject: str
    name: str
    state: str
    since: datetime
    detail: str


class Health(_Shape):
    """The system's own health."""

    as_of: datetime | None = None
    now: datetime
    health: list[HealthRow]
