"""The records of recalculation: generations, and what is done to give the live one another law."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GenerationState(StrEnum):
    """What became of a generation: it was started, it has caught up with the journal once, it is deleted."""

    UNKNOWN = "UNKNOWN"
    STARTED = "STARTED"
    CAUGHT_UP = "CAUGHT_UP"
    ABANDONED = "ABANDONED"


class GenerationWay(StrEnum):
    """How a generation comes to its facts: from those of the live one, or by folding the journal."""

    UNKNOWN = "UNKNOWN"
    QUICK = "QUICK"
    FULL = "FULL"


class Announce(StrEnum):
    """Whether people are told of alerts that change with a recalculation."""

    UNKNOWN = "UNKNOWN"
    CHANGED = "CHANGED"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRecorded:
    """A generation, started, caught up, or abandoned; ``rulebooks`` maps a performance year to a digest."""

    generation: str
    state: GenerationState
    way: GenerationWay
    engine: int
    rulebooks: Mapping[str, str]
    until: datetime | None = None
    actor: str
    reason: str
    instant: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalculationStarted:
    """The live generation is being given another law."""

    recalculation: str
    generation: str
    rollback: bool
    announce: Announce
    before: Mapping[str, str]
    promoted_before: str
    after: Mapping[str, str]
    partitions: int
    actor: str
    reason: str
    instant: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionRecalculated:
    """A partition of the live generation is under the promoted law, and what differs is said."""

    recalculation: str
    partition: int
    journal_offset: int
    participants: int
    movers: int
    scores: int
    obligations: int
    findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalculationCompleted:
    """The live generation is under another law in every partition."""

    recalculation: str
    generation: str
    actor: str
    reason: str
    participants: int
    movers: int
    scores: int
    obligations: int
    findings: int
    instant: datetime
