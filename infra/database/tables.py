"""The tables of the projection: what was last said of each thing, all that was ever said of it, and how far it is read.

A view: ``asm project --rebuild`` makes the same rows again from the topics. The key of a row is its thing; its
revision only rises. ``*_history`` has every revision. TIN and NPI stand in clear: encrypt the database at rest.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from infra.database.columns import DOCUMENT, Instant, Points

#: Raised by hand whenever a table changes; another number in the database asks for a rebuild.
LAYOUT = 5


class _Said(SQLModel):
    """What stands on every output."""

    revision: int
    emitted_id: str
    as_of: datetime = Field(sa_type=Instant)
    cause_type: str
    cause_source: str
    cause_event_id: str
    cause_journal_offset: int = Field(sa_type=BigInteger)
    rulebook: str
    vintage: str
    engine: int
    generation: str


class _OfAParticipant(SQLModel):
    tin: str = Field(primary_key=True)
    npi: str = Field(primary_key=True)
    performance_year: int = Field(primary_key=True)


class _Score(_Said, _OfAParticipant):  # the key comes first: SQLite reads a row up to the last column that is wanted
    cohort: str
    final_score: Decimal | None = Field(sa_type=Points)
    prepared_score: Decimal | None = Field(sa_type=Points)
    lowest_reachable: Decimal | None = Field(sa_type=Points)
    highest_reachable: Decimal | None = Field(sa_type=Points)
    previous: Decimal | None = Field(sa_type=Points)
    standing: str
    estimate: bool
    name: str | None
    organization: str | None
    practice_alias: str | None = Field(index=True)
    payment: Any = Field(sa_type=DOCUMENT)
    part_b_paid_cents: int | None = Field(sa_type=BigInteger)
    moved: Any = Field(sa_type=DOCUMENT)
    tree: Any = Field(sa_type=DOCUMENT)


class Score(_Score, table=True):
    """A participant's score as last announced."""

    __table_args__ = (
        Index("ix_score_npi", "npi"),
        Index("ix_score_as_of", "as_of"),
        Index("ix_score_cohort", "tin", "performance_year", "npi", "cohort"),  # the board's filter reads no row
    )


class ScoreHistory(_Score, table=True):
    """Every announced score."""

    __tablename__ = "score_history"
    __table_args__ = (Index("ix_score_history_npi", "npi"),)
    revision: int = Field(primary_key=True)


class _OfAnObligation(SQLModel):
    obligation_id: str = Field(primary_key=True)


class _Obligation(_Said, _OfAnObligation):
    tin: str = Field(index=True)
    npi: str | None = Field(index=True)
    performance_year: int
    category: str
    item: str
    title: str
    status: str
    due_at: datetime | None = Field(sa_type=Instant)
    stage: str
    alert: str
    alert_id: str
    points_at_stake: Decimal = Field(sa_type=Points)
    cliff: str | None
    next_step: str
    standing: str
    milestones: Any = Field(sa_type=DOCUMENT)
    affected: Any = Field(sa_type=DOCUMENT)
    missing: Any = Field(sa_type=DOCUMENT)
    cites: Any = Field(sa_type=DOCUMENT)


#: All that the board counts, filters and orders by: only the rows of one page are read.
_BOARD = ("due_at", "alert", "points_at_stake", "obligation_id", "tin", "npi", "performance_year", "stage")


class Obligation(_Obligation, table=True):
    """Something that must be submitted, as it stands; without ``npi`` the TIN must act."""

    __table_args__ = (
        Index("ix_obligation_as_of", "as_of"),
        Index("ix_obligation_board", "status", *_BOARD),
    )


class ObligationHistory(_Obligation, table=True):
    """Every announced state of an obligation."""

    __tablename__ = "obligation_history"
    revision: int = Field(primary_key=True)


class _OfAFinding(SQLModel):
    finding_id: str = Field(primary_key=True)


class _Finding(_Said, _OfAFinding):
    tin: str = Field(index=True)
    npi: str | None = Field(index=True)
    performance_year: int | None
    event_source: str
    event_id: str
    event_origin: str
    code: str
    field: str | None
    message: str
    state: str
    cites: Any = Field(sa_type=DOCUMENT)


class Finding(_Finding, table=True):
    """Something wrong or doubtful about a received event."""


class FindingHistory(_Finding, table=True):
    """Every announced state of a finding."""

    __tablename__ = "finding_history"
    revision: int = Field(primary_key=True)


class _OfACohort(SQLModel):
    cohort: str = Field(primary_key=True)
    performance_year: int = Field(primary_key=True)


class _Standing(_OfACohort):
    revision: int
    as_of: datetime = Field(sa_type=Instant)
    rulebook: str
    vintage: str
    engine: int
    generation: str
    size_seen: int
    size_listed: int
    payments_known: int
    midpoint: Decimal | None = Field(sa_type=Points)
    scaling_factor: Decimal | None = Field(sa_type=Points)
    standing: str
    quantiles: Any = Field(sa_type=DOCUMENT)


class Standing(_Standing, table=True):
    """Where a cohort stands in a year, as last said."""


class StandingHistory(_Standing, table=True):
    """Every announced standing of a cohort."""

    __tablename__ = "standing_history"
    revision: int = Field(primary_key=True)


class Refusal(SQLModel, table=True):
    """A record that was refused; its payload is with the operators (dead letters)."""

    origin: str = Field(primary_key=True)
    source: str | None
    event_id: str | None
    received_at: datetime = Field(sa_type=Instant)
    reason: str
    field: str | None
    detail: str
    payload_sha256: str
    attempts: int


class Health(SQLModel, table=True):
    """The state of the system itself, by the wall clock."""

    subject: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    state: str
    since: datetime = Field(sa_type=Instant)
    detail: str


class Acknowledgement(SQLModel, table=True):
    """Who takes care of an alert until when, as last said."""

    alert_id: str = Field(primary_key=True)
    until: datetime = Field(sa_type=Instant)
    by: str
    reason: str
    instant: datetime = Field(sa_type=Instant)


class ReadPosition(SQLModel, table=True):
    """How far a partition of a topic is in the tables; written in the transaction of its rows."""

    __tablename__ = "read_position"
    topic: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    next_offset: int = Field(sa_type=BigInteger)


class Layout(SQLModel, table=True):
    """Which tables these are."""

    number: int = Field(primary_key=True)
