"""What differs between two sides, in words: who moves and how far, which obligations open or close, and why."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from processors.events import EventName
from processors.identity import Npi, Tin
from processors.obligations import Status
from processors.rulebook.entries import Difference

NO_CAUSE_FOUND, ENGINE_VERSION = "NO_CAUSE_FOUND", "ENGINE"


class Extent(StrEnum):
    """How far what was said of a score differs."""

    FINAL = "FINAL"  # the final score
    FIGURES = "FIGURES"  # another figure: of a part or that went into it, prepared, reachable, of the payment factor
    WORDS = "WORDS"  # no figure: reasons, citations, how sure they are


class Stands(StrEnum):
    """How an obligation stands, as far as it opens or closes."""

    DONE = "DONE"  # nothing to do, or not owed
    OPEN = "OPEN"  # something can and must still be done
    LOST = "LOST"  # nothing that is done now counts


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTold:
    """An event that one side has and the other has not, and where it came from."""

    name: EventName
    type: str
    origin: str
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsTold:
    """The claims and links between two offsets of the journal: how many, and the last."""

    count: int
    last: EventName
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An instant of the law that lies between two sides' clocks."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something moved: a change that does it alone, or (``together``) with the others of which the same is said.

    ``effect`` are the points by which it, or all of them together, moves the final score (None where there is none on a
    side), ``parts`` the codes of the parts of the score whose value is another then.
    """

    kind: str
    effect: Decimal | None = None
    parts: tuple[str, ...] = ()
    together: bool = False
    rule: Difference | None = None
    event: EventTold | None = None
    claims: ClaimsTold | None = None
    passed: tuple[Passed, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMoved:
    """A part of a score whose value is another."""

    code: str
    title: str
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A participant and year of which two sides say something else; ``failed``: the minimum submission is not there."""

    tin: Tin
    npi: Npi
    performance_year: int
    cohort: str
    practice_alias: str | None
    extent: Extent
    before: Decimal | None
    after: Decimal | None
    failed_before: bool
    failed_after: bool
    parts: tuple[PartMoved, ...]
    causes: tuple[Cause, ...]

    @property
    def change(self) -> Decimal | None:
        """By how many points the final score differs; None where a side has none."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def unexplained(self) -> bool:
        """Say whether no cause was found for it."""
        return any(cause.kind == NO_CAUSE_FOUND for cause in self.causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationMoved:
    """An obligation that opens, closes or is lost; a status is None where a side does not know it."""

    tin: Tin
    npi: Npi | None
    performance_year: int
    cohort: str
    practice_alias: str | None
    category: str
    item: str
    before: Status | None
    after: Status | None
    stands: Stands
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What differs of a practice and year."""

    moved: tuple[Moved, ...] = ()
    obligations: tuple[ObligationMoved, ...] = ()
