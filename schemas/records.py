"""The records of this system's own running, which the core never sees."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from processors.outputs import Alert


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


class NoticeState(StrEnum):
    """How far a notice is: about to be sent, received, or surely not received."""

    UNKNOWN = "UNKNOWN"
    PREPARED = "PREPARED"
    TOLD = "TOLD"
    NOT_TOLD = "NOT_TOLD"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAcknowledged:
    """Somebody takes care of an alert: nobody is told of it again until an instant."""

    alert_id: str
    until: datetime
    by: str
    reason: str
    instant: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticedAlert:
    """What a notice tells of one alert; ``before`` is the stage at which it was told of before."""

    alert_id: str
    since: datetime
    labels: Mapping[str, str]
    before: str | None = None
    sentence: str = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecorded:
    """What was told whom of a practice's alerts at a stage: firing ones, or resolved ones."""

    notice_id: str
    channel: str
    state: NoticeState
    practice: str
    stage: str
    alert: Alert
    instant: datetime
    alerts: tuple[NoticedAlert, ...] = ()
