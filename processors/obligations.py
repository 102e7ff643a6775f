"""What must be submitted, how it stands, and when it is too late: status, stage and alert of each item.

The order in which the statuses are tried stands in :func:`status_of`; which of them alerts from which stage is data
(``compliance.toml``).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from processors.gaps import Gap
from processors.identity import Npi
from processors.progress import Item, Milestone, Moment, Progress, changes_ahead, last_start_of
from processors.rulebook.sections import LastStart
from processors.score_tree import ZERO
from processors.vocabulary import Stage


class Status(StrEnum):
    """How an obligation stands."""

    OPEN = "OPEN"
    PREPARED = "PREPARED"
    SENT = "SENT"
    MET = "MET"
    AT_RISK = "AT_RISK"
    UNPROVEN = "UNPROVEN"
    MISSED = "MISSED"
    LATE = "LATE"
    EXCUSED = "EXCUSED"
    NOT_MONITORED = "NOT_MONITORED"
    NOT_REQUIRED = "NOT_REQUIRED"
    UNKNOWN = "UNKNOWN"


SETTLED = frozenset({Status.MET, Status.EXCUSED, Status.NOT_MONITORED, Status.NOT_REQUIRED})


_NEXT_STEPS = {
    Status.OPEN: "Report it, and have it receipted before the deadline.",
    Status.PREPARED: "Send what is prepared, and keep the receipt.",
    Status.SENT: "Ask the receiver for the receipt; without one it does not count.",
    Status.MET: "Nothing to do.",
    Status.UNPROVEN: "Find the receipt: proof that it was received before the deadline still counts.",
    Status.MISSED: "The deadline has passed: nothing that is sent now counts.",
    Status.LATE: "It came after the deadline; only proof of an earlier receipt would count.",
    Status.EXCUSED: "Nothing to do: excused.",
    Status.NOT_MONITORED: "Nothing to do here: somebody else reports it, as declared.",
    Status.NOT_REQUIRED: "Nothing to send.",
}


_BECAUSE = {Status.EXCUSED: "excused", Status.NOT_MONITORED: "somebody else reports it, as declared"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A clinician whom an item of the TIN concerns, and the points it may cost."""

    npi: Npi
    points: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What an item may cost: points at stake, the cliff beyond them, and for an item of the TIN whom it affects."""

    points: Decimal = ZERO
    cliff: str | None = None
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What must be submitted and how it stands; ``alerting`` says that somebody must be told.

    ``changes_at`` are the instants of its own at which it may stand otherwise.
    """

    item: Item
    performance_year: int
    status: Status
    due_at: datetime | None
    milestones: tuple[Milestone, ...]
    stage: str
    alerting: bool
    points_at_stake: Decimal
    cliff: str | None
    affected: tuple[Affected, ...]
    missing: tuple[Gap, ...]
    next_step: str
    changes_at: tuple[datetime, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies the obligation within its TIN and year."""
        return self.item.npi or "", self.item.category, self.item.item


def status_of(progress: Progress, last_start: LastStart | None, moment: Moment) -> Status:
    """Return the status: what satisfies goes first, then what excuses, then how far the rest is."""
    if progress.satisfied and (moment.closed or not progress.doubts):
        return Status.MET
    if progress.excused:
        return Status.EXCUSED
    if progress.elsewhere:
        return Status.NOT_MONITORED
    if progress.needs_nothing:
        return Status.NOT_REQUIRED
    return _status_closed(progress) if moment.closed else _status_open(progress, last_start, moment.as_of)


def stand(item: Item, progress: Progress, moment: Moment) -> tuple[Status, bool]:
    """Return how an item stands, and whether somebody must be told."""
    if item.by_deadline:
        last_start = last_start_of(item.category, moment.rulebook)
        status = status_of(progress, last_start, moment)
        return status, alerts(status, progress, last_start, moment)
    if progress.satisfied:
        return Status.MET, False
    if progress.excused or progress.needs_nothing:
        return Status.EXCUSED if progress.excused else Status.NOT_REQUIRED, False
    passed = item.due_at is not None and moment.as_of >= item.due_at
    return Status.MISSED if passed else Status.OPEN, item.due_at is not None


def alerts(status: Status, progress: Progress, last_start: LastStart | None, moment: Moment) -> bool:
    """Say whether somebody must be told: by status and stage, or because a latest start comes near."""
    if status in moment.alerting or is_overdue(status, progress, moment):
        return True
    near = last_start is not None and moment.as_of >= last_start.warns_at and not progress.begun
    return near and status in moment.rulebook.compliance.last_start_alerts


def is_overdue(status: Status, progress: Progress, moment: Moment) -> bool:
    """Say whether a receipt is missed of what was sent."""
    return status is Status.SENT and progress.overdue_at is not None and moment.as_of >= progress.overdue_at


def obligation(item: Item, progress: Progress, exposure: Exposure, moment: Moment) -> Obligation:
    """Return how an item stands at a moment, and what to do about it."""
    rulebook = moment.rulebook
    status, alerting = stand(item, progress, moment)
    timed = item.by_deadline
    return Obligation(
        item=item,
        performance_year=rulebook.performance_year,
        status=status,
        due_at=rulebook.submission.due_instant if timed else item.due_at,
        milestones=moment.milestones.get(item.category, moment.milestones[""]) if timed else (),
        stage=moment.stage if timed else rulebook.submission.first_stage,
        alerting=alerting,
        points_at_stake=exposure.points,
        cliff=exposure.cliff,
        affected=exposure.affected,
        missing=() if status in SETTLED else _missing(status, progress, moment),
        next_step=_next_step(item, status, progress, moment),
        changes_at=tuple(changes_ahead(item, progress)),
    )


def _missing(status: Status, progress: Progress, moment: Moment) -> tuple[Gap, ...]:
    missing = progress.gaps + progress.rejections + progress.doubts
    if not is_overdue(status, progress, moment):
        return missing
    days = moment.rulebook.compliance.receipt_overdue_days
    return (*missing, Gap(code="RECEIPT_OVERDUE", message=f"Sent more than {days} days ago, and not receipted."))


def _next_step(item: Item, status: Status, progress: Progress, moment: Moment) -> str:
    if status is Status.AT_RISK:
        return _next_step_at_risk(progress, moment)
    if status is Status.OPEN:
        again = "Correct what the receiver rejected, and send it again before the deadline."
        return again if progress.rejections else item.to_do or _NEXT_STEPS[status]
    if progress.because is not None and status in _BECAUSE:
        return f"Nothing to do: {_BECAUSE[status]} ({progress.because})."
    return _NEXT_STEPS[status]


def _next_step_at_risk(progress: Progress, moment: Moment) -> str:
    if moment.closed:
        return "The deadline has passed: nothing that is sent now counts."
    if progress.satisfied:
        return "It counts; complete the evidence, or it does not stand an audit."
    if progress.worthless:
        return "Correct what is missing and send it again before the deadline."
    return "Attest a period that has run, or begin one: the last day for a full period has passed."


def _status_open(progress: Progress, last_start: LastStart | None, as_of: datetime) -> Status:
    if progress.worthless or progress.satisfied:
        return Status.AT_RISK
    if progress.waiting is not None:
        return Status(progress.waiting.value)
    passed = last_start is not None and as_of >= last_start.passed_at
    return Status.AT_RISK if passed and not progress.begun else Status.OPEN


def _status_closed(progress: Progress) -> Status:
    if progress.worthless and progress.stays_at_risk:
        return Status.AT_RISK
    if progress.waiting is Stage.SENT:
        return Status.UNPROVEN
    return Status.LATE if progress.late else Status.MISSED
