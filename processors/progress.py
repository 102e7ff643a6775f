"""An item that must be submitted or done, how far it is, and the moment at which that is asked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from processors.data_submission import Revision
from processors.events import AttestationReceived, SubmissionReceived
from processors.gaps import Gap
from processors.identity import Npi, Tin
from processors.rulebook import Rulebook, Standing
from processors.rulebook.sections import LastStart
from processors.vocabulary import Stage


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
class Item:
    """One thing to submit or to do: by a clinician, or without ``npi`` by the TIN for all.

    ``by_deadline``: it is submitted in the window, past its stages; what is not has a ``due_at`` of its own, or none,
    and says in ``to_do`` what the next step is.
    """

    tin: Tin
    npi: Npi | None
    category: str
    item: str
    title: str
    cites: tuple[str, ...]
    standing: Standing
    by_deadline: bool = True
    due_at: datetime | None = None
    to_do: str | None = None

    @property
    def key(self) -> str:
        """What identifies the item among its owner's."""
        return f"{self.category}/{self.item}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an item is.

    ``satisfied``: what counts satisfies it. ``worthless``: something counts and earns nothing; ``stays_at_risk`` says
    that this is so after the deadline too. ``waiting``: the highest stage of what has no receipt yet. ``late``:
    something that was sent came too late. ``begun``: a period is known to have begun. ``needs_nothing``,
    ``excused``, ``elsewhere``: CMS computes it, relief covers it, somebody else reports it, ``because`` of what.
    ``overdue_at``: from when on a receipt is missed of what was sent; ``rejections`` are what a receiver found wrong in
    what it did not take. ``gaps`` keep it from counting in full, ``doubts`` do not but would not stand an audit.
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
    because: str | None = None
    overdue_at: datetime | None = None
    rejections: tuple[Gap, ...] = ()
    gaps: tuple[Gap, ...] = ()
    doubts: tuple[Gap, ...] = ()


def next_of(instants: Iterable[datetime], as_of: datetime) -> datetime | None:
    """Return the first of some instants after another."""
    return min((at for at in instants if at > as_of), default=None)


def changes_ahead(item: Item, progress: Progress) -> Iterator[datetime]:
    """Yield the instants of its own at which an item may stand otherwise."""
    yield from (at for at in (item.due_at, progress.overdue_at) if at is not None)


def overdue_at(
    revisions: Iterable[Revision[SubmissionReceived] | Revision[AttestationReceived]], rulebook: Rulebook
) -> datetime | None:
    """Return from when on a receipt is missed among revisions that wait for one: so long after the first was sent."""
    sent = (c.received_at for r in revisions for c in r.copies if r.stage is Stage.SENT and c.event.stage is Stage.SENT)
    first = min(sent, default=None)
    return None if first is None else first + timedelta(days=rulebook.compliance.receipt_overdue_days)


def rejections_of(
    revisions: Iterable[Revision[SubmissionReceived] | Revision[AttestationReceived]],
) -> tuple[Gap, ...]:
    """Return what receivers found wrong in revisions that they rejected."""
    return tuple(
        Gap(code="RECEIPT_REJECTED", message=f"The receiver rejected it: {error.code} at {error.path}.")
        for revision in revisions
        for error in revision.errors
    )


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
