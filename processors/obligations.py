"""What must be submitted, how it stands, and when it is too late: status, stage and alert of each item.

The order in which the statuses are tried stands in :func:`status_of`; which of them alerts from which stage is data
(``compliance.toml``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from processors.data_submission import Revision
from processors.events import AttestationReceived, SubmissionReceived
from processors.gaps import Gap
from processors.identity import Npi, Tin
from processors.rulebook import Rulebook, Standing
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """An instant on the way: LAST_START, PERIOD_END, WINDOW_OPENS, DUE."""

    name: str
    at: datetime
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The law, and the instant at which it is asked; what follows from the two is worked out once."""

    rulebook: Rulebook
    as_of: datetime

    @cached_property
    def closed(self) -> bool:
        """Whether the due instant has come."""
        return self.as_of >= self.rulebook.submission.due_instant

    @cached_property
    def stage(self) -> str:
        """The stage of the approach to the deadline."""
        rules = self.rulebook.submission
        return next((s.stage for s in reversed(rules.stages) if s.at <= self.as_of), rules.first_stage)

    @cached_property
    def alerting(self) -> frozenset[str]:
        """The statuses that alert at the stage."""
        rules = self.rulebook.submission
        order = [rules.first_stage, *(s.stage for s in rules.stages)]
        begun = order[: order.index(self.stage) + 1]
        return frozenset(rule.status for rule in self.rulebook.compliance.alerts if rule.stage in begun)

    @cached_property
    def milestones(self) -> Mapping[str, tuple[Milestone, ...]]:
        """The instants on the way to the deadline, by category; those of a category without a last start by ""."""
        starts = {s.category: s for s in self.rulebook.submission.last_starts}
        return {"": _milestones(None, self.rulebook)} | {c: _milestones(s, self.rulebook) for c, s in starts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A clinician whom an item of the TIN concerns, and the points it may cost."""

    npi: Npi
    points: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to submit: by a clinician, or without ``npi`` by the TIN for all."""

    tin: Tin
    npi: Npi | None
    category: str
    item: str
    title: str
    cites: tuple[str, ...]
    standing: Standing
    from_claims: bool = False

    @property
    def key(self) -> str:
        """What identifies the item among its owner's."""
        return f"{self.category}/{self.item}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What an item may cost: points at stake, the cliff beyond them, and for an item of the TIN whom it affects."""

    points: Decimal = ZERO
    cliff: str | None = None
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an item is.

    ``satisfied``: what counts satisfies it. ``worthless``: something counts and earns nothing; ``stays_at_risk`` says
    that this is so after the deadline too. ``waiting``: the highest stage of what has no receipt yet. ``late``:
    something that was sent came too late. ``begun``: a period is known to have begun. ``needs_nothing``,
    ``excused``, ``elsewhere``: CMS computes it, relief covers it, somebody else reports it. ``gaps`` keep it from
    counting in full, ``doubts`` do not but would not stand an audit.
    """

    satisfied: bool = False
    worthless: bool = False
    stays_at_risk: bool = False
    waiting: Stage | None = None
    late: bool = False
    begun: bool = False
    needs_nothing: bool = False
    excused: bool = False
    elsewhere: bool = False
    gaps: tuple[Gap, ...] = ()
    doubts: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What must be submitted and how it stands; ``alerting`` says that somebody must be told."""

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


def alerts(status: Status, progress: Progress, last_start: LastStart | None, moment: Moment) -> bool:
    """Say whether somebody must be told: by status and stage, or because a latest start comes near."""
    if status in moment.alerting:
        return True
    near = last_start is not None and moment.as_of >= last_start.warns_at and not progress.begun
    return near and status in moment.rulebook.compliance.last_start_alerts


def last_start_of(category: str, rulebook: Rulebook) -> LastStart | None:
    """Return the last day on which a period of the category can begin, where it has one."""
    return rulebook.submission.last_start_of.get(category)


def has_begun(starts: Iterable[date | None], last_start: LastStart | None, as_of: datetime) -> bool:
    """Say whether a period that can still be long enough is known to have begun."""
    if last_start is None:
        return False
    return any(start is not None and start <= last_start.on and start <= as_of.date() for start in starts)


def waiting_stage(
    revisions: Iterable[Revision[SubmissionReceived] | Revision[AttestationReceived]],
) -> Stage | None:
    """Return the highest stage among revisions that wait for a receipt."""
    return max((revision.stage for revision in revisions), key=lambda stage: stage.rank, default=None)


def _milestones(last_start: LastStart | None, rulebook: Rulebook) -> tuple[Milestone, ...]:
    rules = rulebook.submission
    named = [
        ("PERIOD_END", rules.period_end, "period_end"),
        ("WINDOW_OPENS", rules.window_opens, "window_opens"),
    ]
    if last_start is not None:
        named.insert(0, ("LAST_START", last_start.at, "last_starts"))
    named.append(("DUE", rules.due_instant, "due_instant"))
    return tuple(Milestone(name=n, at=at, standing=rules.sources[key].standing) for n, at, key in named)


def obligation(item: Item, progress: Progress, exposure: Exposure, moment: Moment) -> Obligation:
    """Return how an item stands at a moment, and what to do about it."""
    rulebook = moment.rulebook
    last_start = last_start_of(item.category, rulebook)
    status = status_of(progress, last_start, moment)
    timed = not item.from_claims
    return Obligation(
        item=item,
        performance_year=rulebook.performance_year,
        status=status,
        due_at=rulebook.submission.due_instant if timed else None,
        milestones=moment.milestones.get(item.category, moment.milestones[""]) if timed else (),
        stage=moment.stage if timed else rulebook.submission.first_stage,
        alerting=alerts(status, progress, last_start, moment),
        points_at_stake=exposure.points,
        cliff=exposure.cliff,
        affected=exposure.affected,
        missing=() if status in SETTLED else progress.gaps + progress.doubts,
        next_step=_next_step(status, progress, moment),
    )


def _next_step(status: Status, progress: Progress, moment: Moment) -> str:
    if status is Status.AT_RISK:
        return _next_step_at_risk(progress, moment)
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
