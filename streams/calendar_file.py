"""The days that a practice must not miss, as a file of iCalendar (RFC 5545) that calendar programs open.

The same view gives the same bytes: an event's UID follows from whom it is for, the year and the day, its DTSTAMP is the
instant that the view stands at. No TIN is in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, Timezone
from icalendar.enums import CLASS, STATUS, TRANSP

from processors.key_dates import DUE, LAST_START, LAST_WEEKDAY, PERIOD_END, KeyDate
from processors.rulebook import Standing

EASTERN = "America/New_York"  # the deadline's own zone: a calendar shows its clock time wherever it is opened
_PRODUCT = "-//asm-streams//calendar//EN"
_MORNING = timedelta(hours=9)
_TITLES = {
    LAST_START: "last day to begin a full period",
    PERIOD_END: "the performance year ends",
    LAST_WEEKDAY: "last weekday before everything is due",
    DUE: "everything is due now",
}
_TO_DO = {
    LAST_START: "A period of {days} days that begins later does not end within the year, and does not count.",
    PERIOD_END: "Only what was done by now can be reported for the year.",
    LAST_WEEKDAY: "Who can help is at work today. No extension for a weekend is known.",
    DUE: "What is received at or after this instant is late.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose calendar it is: ``key`` identifies them (NPI or alias), ``name`` is what people read."""

    key: str
    name: str
    performance_year: int


def calendar_file(
    subject: Subject, days: Iterable[tuple[KeyDate, Sequence[str]]], as_of: datetime, remind: Sequence[int]
) -> bytes:
    """Return the file.

    :param days: each with what is missing for it, a line each.
    :param as_of: the instant at which that was so.
    :param remind: how many days before each a reminder is given.
    """
    dated = list(days)
    about = f"{subject.name}, ASM {subject.performance_year}"
    calendar = Calendar.new(prodid=_PRODUCT, method="PUBLISH", name=about, uid=_uid(subject, "calendar"))
    first = min(day.on for day, _ in dated).replace(month=1, day=1)
    last = max(day.on for day, _ in dated) + timedelta(days=366)
    calendar.add_component(Timezone.from_tzid(EASTERN, first_date=first, last_date=last))
    for day, missing in dated:
        uid = _uid(subject, f"{day.name}/{day.category}")
        event = _event(f"{title_of(day)} ({about})", day, missing, stamped=(uid, as_of))
        for left in sorted(set(remind), reverse=True):
            event.add_component(_alarm(str(event["summary"]), day, left))
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def title_of(day: KeyDate) -> str:
    """Say in a few words what a day is."""
    category = "" if day.category is None else f"{day.category.replace('_', ' ').title()}: "
    return category + _TITLES[day.name]


def is_firm(day: KeyDate) -> bool:
    """Say whether a day rests on more than an assumption of ours."""
    return day.standing is not Standing.ASSUMED


def _uid(subject: Subject, of: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"asm-streams/{subject.key}/{subject.performance_year}/{of}")


def _event(title: str, day: KeyDate, missing: Sequence[str], *, stamped: tuple[UUID, datetime]) -> Event:
    start: date = day.on if day.at is None else day.at.astimezone(ZoneInfo(EASTERN))
    return Event.new(
        uid=stamped[0],
        stamp=stamped[1],
        start=start,
        end=day.on + timedelta(days=1) if day.at is None else None,  # an all-day event ends before its end
        summary=title,
        description="\n".join([_TO_DO[day.name].format(days=day.period_days), *missing, *_rests_on(day)]),
        categories=["ASM", day.name],
        status=STATUS.CONFIRMED if is_firm(day) else STATUS.TENTATIVE,
        transparency=TRANSP.TRANSPARENT,
        classification=CLASS.PRIVATE,
    )


def _alarm(title: str, day: KeyDate, days: int) -> Alarm:
    """Return a reminder so many days before, at nine in the morning; on the day of an instant at nine too."""
    left = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
    alarm = Alarm.new(description=f"{left}: {title}")
    alarm.add("action", "DISPLAY")
    begins = timedelta() if day.at is None else _time_of_day(day.at)
    alarm.add("trigger", _MORNING - begins - timedelta(days=days))
    return alarm


def _time_of_day(at: datetime) -> timedelta:
    local = at.astimezone(ZoneInfo(EASTERN))
    return datetime.combine(date.min, local.time()) - datetime.combine(date.min, time())


def _rests_on(day: KeyDate) -> list[str]:
    sure = "Firm" if is_firm(day) else "Assumed, to be confirmed"
    return [
        f"{sure} (standing {day.standing}; {', '.join(day.cites)}).",
        "An estimate by asm-streams, not a determination by CMS.",
    ]
