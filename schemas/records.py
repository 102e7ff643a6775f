"""The records of this system's own running, which the core never sees."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HealthSubject(StrEnum):
    """What a word about health is about."""

    UNKNOWN = "UNKNOWN"
    WATERMARK = "WATERMARK"
    FEED = "FEED"
    TOPIC = "TOPIC"
    REFUSALS = "REFUSALS"
    HEARTBEAT = "HEARTBEAT"


class HealthState(StrEnum):
    """Whether it still holds."""

    UNKNOWN = "UNKNOWN"
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSet:
    """The simulated clock shows an instant."""

    instant: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused record, for the feed that sent it."""

    origin: str
    source: str | None = None
    event_id: str | None = None
    received_at: datetime
    reason: str
    field: str | None = None
    detail: str
    payload_sha256: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A refused record with its payload, for operators only; no payload where it holds an identifier in clear."""

    origin: str
    source: str | None = None
    event_id: str | None = None
    received_at: datetime
    reason: str
    field: str | None = None
    detail: str
    payload: bytes | None = dataclasses.field(repr=False)
    payload_sha256: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecorded:
    """Who did what to this system, when, why, and to which things."""

    actor: str
    command: str
    scope: str
    reason: str
    instant: datetime
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged:
    """The state of this system itself, by the wall clock."""

    subject: HealthSubject
    name: str
    state: HealthState
    since: datetime
    detail: str
