"""Follow which alerts fire and are resolved: what is left of assessing where only the end is asked for.

Whoever wants no more than the last state of a history needs of all before it the alerts alone, since only they depend
on what was said before. Statuses need no score, so that following costs a small part of assessing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import localcontext

from processors.announced import Announced, AnnouncedObligation, Owners
from processors.assessment import next_change
from processors.facts import PracticeYear, without_reused_ids
from processors.obligations import Status, stand
from processors.output_views import alert_after, troubles_after
from processors.outputs import Alert
from processors.owed import Owed, reported_items
from processors.progress import Moment, changes_ahead, next_of
from processors.reading import ReadClinician, ReadYear, read_year
from processors.rulebook import Rulebook
from processors.score_tree import ARITHMETIC

#: An item by its owner (an NPI, or "" for the TIN), its category and its code.
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """How an owner's items stand at a stage until an instant, which of them alert, and what that rests on."""

    rests_on: object
    rest: tuple[object, ...]
    statuses: frozenset[Status]
    ahead: frozenset[datetime]
    until: datetime | None
    alerting: Mapping[Place, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A practice and year as last followed: what was read, what has alerted, and when time may change something."""

    facts: PracticeYear | None = None
    counting: PracticeYear | None = None
    read: ReadYear | None = None
    stage: str | None = None
    stands: Mapping[str, _Stand] = field(default_factory=dict)
    heard: Mapping[Place, AnnouncedObligation] = field(default_factory=dict)
    next_change_at: datetime | None = None

    def owners(self) -> Owners:
        """Return what has alerted as announcements would remember it, by owner."""
        owners: defaultdict[str, dict[str, AnnouncedObligation]] = defaultdict(dict)
        for (owner, category, item), said in self.heard.items():
            owners[owner][f"{category}/{item}"] = said
        return {owner: Announced(obligations=said) for owner, said in owners.items()}


def follow(facts: PracticeYear, rulebook: Rulebook, as_of: datetime, earlier: Followed) -> Followed:
    """Return what has alerted after the facts at an instant, given what had before.

    It is what announcing every assessment would have remembered of the alerts.
    """
    moment = Moment(rulebook=rulebook, as_of=as_of)
    with localcontext(ARITHMETIC):
        counting = earlier.counting if facts is earlier.facts else None
        counting = counting or without_reused_ids(facts)[0]
        year = read_year(counting, rulebook, earlier.read)
        known = earlier.stands if earlier.stage == moment.stage else {}
        stands = {"": _of_the_tin(year, known.get(""), moment)}
        stands |= {npi: _of_a_clinician(read, known.get(npi), moment) for npi, read in year.clinicians.items()}
    changed = {owner for owner in stands.keys() | earlier.stands if stands.get(owner) is not earlier.stands.get(owner)}
    before = {place for owner in changed if owner in earlier.stands for place in earlier.stands[owner].alerting}
    alerting = {p: fires for owner in changed if owner in stands for p, fires in stands[owner].alerting.items()}
    statuses = {status for each in stands.values() for status in each.statuses}
    ahead = {at for each in stands.values() for at in each.ahead}
    return Followed(
        facts=facts,
        counting=counting,
        read=year,
        stage=moment.stage,
        stands=stands,
        heard=_heard(earlier.heard, before, alerting),
        next_change_at=next_change(year.practice, statuses, ahead, moment),
    )


def _of_the_tin(year: ReadYear, earlier: _Stand | None, moment: Moment) -> _Stand:
    """Say how what the TIN reports stands; it rests on the practice, the instant, and who takes part in it how."""
    listed = [read for read in year.clinicians.values() if read.clinician.roster is not None]
    rest = (moment.as_of, *(read.part for read in listed))
    if earlier is not None and earlier.rests_on is year.practice and earlier.rest == rest:
        return earlier
    reported = reported_items(year.practice, [read.clinician for read in listed], moment)
    return _stand(reported, (year.practice, rest), moment)


def _of_a_clinician(read: ReadClinician, earlier: _Stand | None, moment: Moment) -> _Stand:
    """Say how a clinician's items stand; at one stage the same reading stands the same."""
    if earlier is not None and earlier.rests_on is read and (earlier.until is None or moment.as_of < earlier.until):
        return earlier
    return _stand(read.items, (read, ()), moment)


def _stand(owed: Iterable[Owed], of: tuple[object, tuple[object, ...]], moment: Moment) -> _Stand:
    alerting, statuses, ahead = {}, set(), set()
    for item, progress in owed:
        if not item.by_deadline and item.due_at is None:  # it never alerts
            continue
        status, fires = stand(item, progress, moment)
        alerting[item.npi or "", item.category, item.item] = fires
        ahead |= set(changes_ahead(item, progress))
        if item.by_deadline:
            statuses.add(status)
    return _Stand(
        rests_on=of[0],
        rest=of[1],
        statuses=frozenset(statuses),
        ahead=frozenset(ahead),
        until=next_of(ahead, moment.as_of),
        alerting=alerting,
    )


def _heard(
    heard: Mapping[Place, AnnouncedObligation], before: Iterable[Place], alerting: Mapping[Place, bool]
) -> Mapping[Place, AnnouncedObligation]:
    """Return what has alerted, after some places ``before`` are now ``alerting``, or are owed no more and so over."""
    changed = {place: now for place, fires in alerting.items() if (now := _after(heard.get(place), fires)) is not None}
    for place in before:
        last = heard.get(place)
        if place not in alerting and last is not None and last.alert is Alert.FIRING:
            changed[place] = AnnouncedObligation(digest="", revision=0, alert=Alert.RESOLVED, troubles=last.troubles)
    return {**heard, **changed} if changed else heard


def _after(last: AnnouncedObligation | None, alerting: bool) -> AnnouncedObligation | None:  # noqa: FBT001 - a value
    """Return what is remembered of an item from now on, or None where it is what was remembered, or nothing yet."""
    if alerting == (last is not None and last.alert is Alert.FIRING):
        return None
    alert, troubles = alert_after(last, alerting=alerting), troubles_after(last, alerting=alerting)
    return AnnouncedObligation(digest="", revision=0, alert=alert, troubles=troubles)
