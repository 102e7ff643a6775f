"""What reading a foreign file gives: events, each with when it was received and where it stood, and refusals."""

from dataclasses import dataclass
from datetime import datetime

from processors.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An event, when it was received (None: now), and where it stood in the file."""

    event: Event
    time: datetime | None
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What could not be made into an event: a code of ``docs/reasons.md``, where it stood, and what is wrong."""

    reason: str
    where: str
    detail: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something that the reader should know and that refuses nothing."""

    where: str
    detail: str


Reading = Read | Refused | Noted
