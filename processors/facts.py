"""What is known: a fold of frozen events that does not care in which order, or how often, they arrive.

Facts are sets. Of each distinct event the earliest receipt is kept, so folding the same events with the same receipt
times in any order, with repeats, gives equal facts. What *counts* among them is derived later, by the rulebook.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from processors.episodes import ClaimYear
from processors.events import (
    AttestationReceived,
    ChannelDeclared,
    Event,
    Observed,
    ParticipantListed,
    ParticipantRemoved,
    ReadinessReported,
    ReceiptReceived,
    ReliefGranted,
    ResultDetermined,
    SubmissionReceived,
    YearEvent,
)
from processors.identity import Npi, Tin

E = TypeVar("E", bound=Event)
R = TypeVar("R", "PracticeFacts", "ClinicianFacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeFacts:
    """What was said of a TIN for a performance year, for all who bill under it."""

    tin: Tin
    performance_year: int
    submissions: tuple[Observed[SubmissionReceived], ...] = ()
    receipts: tuple[Observed[ReceiptReceived], ...] = ()
    attestations: tuple[Observed[AttestationReceived], ...] = ()
    readiness: tuple[Observed[ReadinessReported], ...] = ()
    channels: tuple[Observed[ChannelDeclared], ...] = ()
    reliefs: tuple[Observed[ReliefGranted], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicianFacts:
    """What was said of one clinician under a TIN for a performance year."""

    tin: Tin
    npi: Npi
    performance_year: int
    listings: tuple[Observed[ParticipantListed], ...] = ()
    removals: tuple[Observed[ParticipantRemoved], ...] = ()
    submissions: tuple[Observed[SubmissionReceived], ...] = ()
    results: tuple[Observed[ResultDetermined], ...] = ()
    readiness: tuple[Observed[ReadinessReported], ...] = ()
    channels: tuple[Observed[ChannelDeclared], ...] = ()
    reliefs: tuple[Observed[ReliefGranted], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeYear:
    """A TIN in a performance year with its clinicians: what is assessed together.

    ``claims`` is what the TIN's own claims come to, by clinician and calendar year.
    """

    practice: PracticeFacts
    clinicians: Mapping[Npi, ClinicianFacts]
    claims: Mapping[Npi, Mapping[int, ClaimYear]] = field(default_factory=dict)


_PRACTICE_FIELDS: Mapping[type[object], str] = {
    SubmissionReceived: "submissions",
    ReceiptReceived: "receipts",
    AttestationReceived: "attestations",
    ReadinessReported: "readiness",
    ChannelDeclared: "channels",
    ReliefGranted: "reliefs",
}
_CLINICIAN_FIELDS: Mapping[type[object], str] = {
    ParticipantListed: "listings",
    ParticipantRemoved: "removals",
    SubmissionReceived: "submissions",
    ResultDetermined: "results",
    ReadinessReported: "readiness",
    ChannelDeclared: "channels",
    ReliefGranted: "reliefs",
}
_EVENT_FIELDS: Mapping[type[object], tuple[str, ...]] = {
    PracticeFacts: tuple(_PRACTICE_FIELDS.values()),
    ClinicianFacts: tuple(_CLINICIAN_FIELDS.values()),
}


def empty_year(tin: Tin, performance_year: int) -> PracticeYear:
    """Return the facts of a practice and year of which nothing is known."""
    return PracticeYear(practice=PracticeFacts(tin=tin, performance_year=performance_year), clinicians={})


def npi_of(event: YearEvent) -> Npi | None:
    """Return the clinician that the event is about, or None where it is about the TIN."""
    if isinstance(event, ReceiptReceived | AttestationReceived):
        return None
    return event.npi


def fold(facts: PracticeYear, observed: Observed[YearEvent]) -> PracticeYear:
    """Add one event to the facts of its TIN and performance year; the same object comes back where nothing is new."""
    npi = npi_of(observed.event)
    if npi is None:
        practice = _fold_into(facts.practice, _PRACTICE_FIELDS, observed)
        return facts if practice is facts.practice else replace(facts, practice=practice)
    known = facts.clinicians.get(npi)
    before = known or ClinicianFacts(tin=observed.event.tin, npi=npi, performance_year=observed.event.performance_year)
    after = _fold_into(before, _CLINICIAN_FIELDS, observed)
    return facts if after is known else replace(facts, clinicians={**facts.clinicians, npi: after})


def observed_in(facts: PracticeFacts | ClinicianFacts) -> list[Observed[Event]]:
    """Return every event of one record, kind by kind."""
    return [observed for name in _EVENT_FIELDS[type(facts)] for observed in getattr(facts, name)]


def all_observed(facts: PracticeYear) -> Iterator[Observed[Event]]:
    """Yield every event of a practice and year."""
    yield from observed_in(facts.practice)
    for _, clinician in sorted(facts.clinicians.items()):
        yield from observed_in(clinician)


def without_reused_ids(facts: PracticeYear) -> tuple[PracticeYear, list[Observed[Event]]]:
    """Leave out the events whose (source, event id) was used before with another content, and return them."""
    told = list(all_observed(facts))
    contents = {(o.event.source, o.event.event_id, o.content) for o in told}
    if len(contents) == len({(source, event_id) for source, event_id, _ in contents}):
        return facts, []
    first: dict[tuple[str, str], Observed[Event]] = {}
    for observed in told:
        known = first.setdefault((observed.event.source, observed.event.event_id), observed)
        if (observed.received_at, observed.content) < (known.received_at, known.content):
            first[observed.event.source, observed.event.event_id] = observed
    losers = [o for o in told if first[o.event.source, o.event.event_id].content != o.content]
    dropped = {id(loser) for loser in losers}
    counting = replace(
        facts,
        practice=_dropping(facts.practice, dropped),
        clinicians={npi: _dropping(clinician, dropped) for npi, clinician in facts.clinicians.items()},
    )
    return counting, losers


def _dropping(facts: R, dropped: set[int]) -> R:
    kept: dict[str, Any] = {
        name: tuple(o for o in getattr(facts, name) if id(o) not in dropped) for name in _EVENT_FIELDS[type(facts)]
    }
    return replace(facts, **kept)


def _fold_into(record: R, field_names: Mapping[type[object], str], observed: Observed[YearEvent]) -> R:
    name = field_names[type(observed.event)]
    present = getattr(record, name)
    merged: Any = _with(present, observed)
    changes: dict[str, Any] = {name: merged}
    return record if merged is present else replace(record, **changes)


def _with(present: tuple[Observed[E], ...], new: Observed[E]) -> tuple[Observed[E], ...]:
    """Add an event to a set of them; of one event the earliest receipt is kept."""
    for place, known in enumerate(present):
        if known.digest == new.digest:
            if _receipt(known) <= _receipt(new):
                return present
            return _sorted((*present[:place], *present[place + 1 :], new))
    return _sorted((*present, new))


def _sorted(observed: Iterable[Observed[E]]) -> tuple[Observed[E], ...]:
    return tuple(sorted(observed, key=lambda o: (o.received_at, o.digest)))


def _receipt(observed: Observed[Event]) -> tuple[datetime, str]:
    return observed.received_at, observed.origin
