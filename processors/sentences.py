"""The sentence: an obligation in one line that can be pasted into a mail.

Who, what is missing exactly, the points at stake and for how many clinicians, how long there is, and what to do next.
Whoever shows an obligation to a person says this, so that the board, a message and the browser never tell it
differently.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from processors.gaps import Gap
from processors.obligations import SETTLED, Status
from processors.outputs import Alert, ObligationChanged

#: Gaps that say no more than the status does.
_SAID_BY_STATUS = frozenset({"NOT_SUBMITTED", "NOT_ATTESTED"})
_STANDS = {
    Status.OPEN: "is not submitted",
    Status.PREPARED: "is prepared, and not sent",
    Status.SENT: "is sent, and not receipted",
    Status.MET: "is submitted and receipted",
    Status.AT_RISK: "is at risk",
    Status.UNPROVEN: "was sent, and nothing proves that it was received in time",
    Status.MISSED: "was not submitted in time",
    Status.LATE: "came after the deadline",
    Status.EXCUSED: "is excused",
    Status.NOT_MONITORED: "is reported by somebody else",
    Status.NOT_REQUIRED: "need not be submitted",
    Status.UNKNOWN: "stands in a way that this version does not know",
}
#: What is not submitted, but attested, done or given, has its own words for that.
_STANDS_OF = {
    "IMPROVEMENT_ACTIVITIES": {
        Status.OPEN: "is not attested",
        Status.MET: "is attested and receipted",
        Status.MISSED: "was not attested in time",
        Status.NOT_REQUIRED: "need not be attested",
    },
    "READINESS": {Status.OPEN: "is not done", Status.MET: "is done", Status.NOT_REQUIRED: "need not be done"},
    "NOTICE": {Status.OPEN: "can be given", Status.MISSED: "can no longer be given", Status.NOT_REQUIRED: "is over"},
}
_HOUR = timedelta(hours=1)
_TITLES_OF = {"READINESS": "Readiness item “{}”"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How the roster names whom an obligation concerns; what it does not say is None."""

    name: str | None = field(default=None, repr=False)
    organization: str | None = None
    practice_alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a sentence says of an obligation; ``affected`` are the NPIs that an item of the TIN may cost points."""

    npi: str | None
    category: str
    title: str
    status: Status
    alert: Alert
    due_at: datetime | None
    points_at_stake: Decimal
    cliff: str | None
    affected: tuple[str, ...]
    missing: tuple[Gap, ...]
    next_step: str

    @classmethod
    def of(cls, said: ObligationChanged) -> "Told":
        """Return what a sentence says of an announced obligation."""
        return cls(
            npi=said.npi,
            category=said.category,
            title=said.title,
            status=said.status,
            alert=said.alert,
            due_at=said.due_at,
            points_at_stake=said.points_at_stake,
            cliff=said.cliff,
            affected=tuple(a.npi for a in said.affected),
            missing=said.missing,
            next_step=said.next_step,
        )


def sentence(told: Told, names: Names, as_of: datetime) -> str:
    """Return the line about an obligation as it stands at an instant.

    What alerted and is settled begins with ``Resolved:``, what alerted and is only less urgent with ``Resolved for
    now:``. It holds no TIN, and no line break whatever the names hold.
    """
    words = [f"{who_of(told, names)}: {what_of(told)}."]
    if told.status not in SETTLED:
        stake, left = stake_of(told, as_of), left_of(told.due_at, as_of)
        said_next = told.next_step.lower().startswith(left)
        words += [missing_of(told.missing), f"{stake}." if said_next else f"{stake}; {left}."]
    words.append(told.next_step)
    settled = told.status in SETTLED
    opening = ("Resolved:" if settled else "Resolved for now:") if told.alert is Alert.RESOLVED else ""
    return " ".join(" ".join([opening, *words]).split())


def who_of(told: Told, names: Names) -> str:
    """Name the clinician, or for an item of the TIN the practice, as the roster does."""
    organization, alias = _plain(names.organization), _plain(names.practice_alias)
    practice = f"{organization} ({alias})" if organization and alias else organization or alias
    if told.npi is None:
        return practice or (f"The practice of NPI {told.affected[0]}" if told.affected else "A practice without a name")
    name = _plain(names.name)
    person = f"{name}, NPI {told.npi}" if name else f"NPI {told.npi}"
    return f"{person}, {practice}" if practice else person


def what_of(told: Told) -> str:
    """Say which item it is, in the rulebook's words, and how it stands."""
    title = _TITLES_OF.get(told.category, "{}").format(told.title)
    return f"{title} {_STANDS_OF.get(told.category, {}).get(told.status, _STANDS[told.status])}"


def missing_of(missing: Iterable[Gap]) -> str:
    """Say what is missing exactly, with its counts; that nothing was submitted is said by the status."""
    return " ".join(_gap_text(gap) for gap in missing if gap.code not in _SAID_BY_STATUS)


def to_do_of(told: Told) -> str:
    """Say what is missing and what to do next, where the rest stands beside it already."""
    return f"{missing_of(told.missing)} {told.next_step}".lstrip()


def stake_of(told: Told, as_of: datetime) -> str:
    """Say the points at stake and for how many clinicians; of a TIN's item the greatest of theirs."""
    if not told.points_at_stake:
        passed = told.due_at is not None and as_of >= told.due_at
        return "No points can be saved any more" if passed else "No points at stake"
    number = 1 if told.npi is not None else len(told.affected)
    clinicians = "1 clinician" if number == 1 else f"each of {number} clinicians"
    most = "" if number == 1 else "Up to "
    amount = f"{told.points_at_stake:.2f}".removesuffix(".00")
    noun = "point" if amount == "1" else "points"
    whole = ", the whole score: without it too little is submitted" if told.cliff else ""
    return f"{most}{amount} {noun} at stake for {clinicians}{whole}"


def left_of(due_at: datetime | None, as_of: datetime) -> str:
    """Say how long there is, in whole days, and in whole hours on the last day.

    A day that lacks the hour by which clocks go forward in March is a day.
    """
    if due_at is None:
        return "no due date"
    left = due_at - as_of
    if left <= timedelta(0):
        return "the deadline has passed"
    if left < _HOUR:
        return "less than an hour left"
    amount, unit = ((left + _HOUR).days, "day") if left.days else (left // _HOUR, "hour")
    return f"{amount} {unit} left" if amount == 1 else f"{amount} {unit}s left"


def _plain(name: str | None) -> str:
    return " ".join((name or "").split())


def _gap_text(gap: Gap) -> str:
    """Say what is missing; its counts are added where the words do not hold them."""
    if gap.have is None or gap.need is None or str(gap.need) in gap.message:
        return gap.message
    return f"{gap.message.removesuffix('.')} ({gap.have} of {gap.need})."
