"""The calendar file as calendar programs read it: parsed again, asserted whole, and read by another reader."""

import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dateutil.tz import tzical
from icalendar import Calendar

from infra.database.engine import create_tables, open_engine
from processors.events import Event
from processors.identity import Tin
from processors.key_dates import key_dates
from schemas.codec import decode, encode
from streams.admission import Rules
from streams.calendar_file import Subject, calendar_file
from streams.in_process import InProcess
from streams.projection import write_rows
from tests.making import DUE, NPI, OTHER_NPI, TIN, YEAR, at, listed, quality, rulebook
from tests.streams.driver import LAW
from tests.streams.test_commands import DONE, REFUSED, SIMULATED, Asm, asm

__all__ = ["asm"]
AS_OF = at("2028-03-20T00:00:00+00:00")
NORTH = Subject(key="north", name="Ode PC", performance_year=YEAR)
EASTERN = "America/New_York"


def written(
    subject: Subject = NORTH, missing: tuple[str, ...] = ("- 005: OPEN",), remind: tuple[int, ...] = (7, 1)
) -> bytes:
    return calendar_file(subject, [(day, missing) for day in key_dates(rulebook())], AS_OF, remind)


def parsed(text: bytes) -> Any:
    return Calendar.from_ical(text)


def events(text: bytes) -> list[Any]:
    return list(parsed(text).walk("VEVENT"))


def shown(event: Any) -> Mapping[str, object]:
    return {
        "summary": str(event["summary"]),
        "start": event.decoded("dtstart"),
        "end": event.decoded("dtend") if "dtend" in event else None,
        "stamp": event.decoded("dtstamp"),
        "status": str(event["status"]),
        "categories": event.categories,
        "alarms": [(str(a["action"]), a.decoded("trigger"), str(a["description"])) for a in event.walk("VALARM")],
    }


def all_day(title: str, on: date, category: str, status: str = "CONFIRMED") -> Mapping[str, object]:
    summary = f"{title} (Ode PC, ASM {YEAR})"
    return {
        "summary": summary,
        "start": on,
        "end": on + timedelta(days=1),
        "stamp": AS_OF,
        "status": status,
        "categories": ["ASM", category],
        "alarms": [
            ("DISPLAY", timedelta(days=-7, hours=9), f"in 7 days: {summary}"),
            ("DISPLAY", timedelta(days=-1, hours=9), f"tomorrow: {summary}"),
        ],
    }


def test_the_file_parsed_again_has_the_five_days_with_their_reminders() -> None:
    due = f"everything is due now (Ode PC, ASM {YEAR})"
    assert [shown(event) for event in events(written())] == [
        all_day("Promoting Interoperability: last day to begin a full period", date(YEAR, 7, 5), "LAST_START"),
        all_day("Improvement Activities: last day to begin a full period", date(YEAR, 10, 3), "LAST_START"),
        all_day("the performance year ends", date(YEAR, 12, 31), "PERIOD_END"),
        all_day("last weekday before everything is due", date(YEAR + 1, 3, 31), "LAST_WEEKDAY"),
        {
            "summary": due,
            "start": DUE,
            "end": None,
            "stamp": AS_OF,
            "status": "TENTATIVE",
            "categories": ["ASM", "DUE"],
            "alarms": [
                ("DISPLAY", timedelta(days=-7, hours=-11), f"in 7 days: {due}"),
                ("DISPLAY", timedelta(days=-1, hours=-11), f"tomorrow: {due}"),
            ],
        },
    ]


def test_each_description_says_what_the_day_means_what_is_missing_and_how_sure_it_is() -> None:
    first, *_, last = [str(event["description"]).splitlines() for event in events(written())]
    assert first == [
        "A period of 180 days that begins later does not end within the year, and does not count.",
        "- 005: OPEN",
        "Firm (standing derived; 42 CFR 512.720).",
        "An estimate by asm-streams, not a determination by CMS.",
    ]
    assert last == [
        "What is received at or after this instant is late.",
        "- 005: OPEN",
        "Assumed, to be confirmed (standing assumed; 42 CFR 512.720).",
        "An estimate by asm-streams, not a determination by CMS.",
    ]


def test_the_deadline_stands_in_its_own_zone_which_the_file_defines() -> None:
    text = written()
    assert b"DTSTART;TZID=America/New_York:20280331T200000\r\n" in text
    zone = tzical(io.StringIO(text.decode())).get(EASTERN)
    assert datetime(YEAR + 1, 3, 31, 20, tzinfo=zone).astimezone(UTC) == DUE
    assert datetime(YEAR, 7, 5, 12, tzinfo=zone).utcoffset() == timedelta(hours=-4)
    assert datetime(YEAR, 12, 31, 12, tzinfo=zone).utcoffset() == timedelta(hours=-5)


def test_lines_are_folded_and_ended_as_the_standard_wants() -> None:
    lines = written().split(b"\r\n")
    assert (lines[0], lines[-2:], max(map(len, lines)) <= 75) == (b"BEGIN:VCALENDAR", [b"END:VCALENDAR", b""], True)
    assert not any(b"\n" in line for line in lines)


def test_the_same_is_written_with_the_same_bytes_and_a_later_view_replaces_its_events() -> None:
    now, later = written(), written(missing=("Nothing is missing.",))
    assert written() == now
    assert later != now
    uids = [str(event["uid"]) for event in events(now)]
    assert [str(event["uid"]) for event in events(later)] == uids
    assert len(set(uids)) == 5


def test_another_s_events_are_others() -> None:
    other = Subject(key="south", name="Ode PC", performance_year=YEAR)
    assert {str(e["uid"]) for e in events(written())} & {str(e["uid"]) for e in events(written(other))} == set()


def test_a_reminder_on_the_day_says_today() -> None:
    (last,) = events(written(remind=(0,)))[-1].walk("VALARM")
    assert (last.decoded("trigger"), str(last["description"]).partition(":")[0]) == (timedelta(hours=-11), "today")


# asm calendar


def fill(path: Path) -> None:
    """Make a database of a practice of two clinicians, of whom one reports a measure."""
    named = {"practice_alias": "north", "organization": "Ode PC"}
    sent: tuple[tuple[str, Event], ...] = (
        ("2026-08-20", listed(event_id="l1", name="Ilse Ode", **named)),
        ("2026-08-20", listed(event_id="l2", npi=OTHER_NPI, name="Uwe Ode", **named)),
        ("2028-02-01", quality(event_id="q1")),
    )
    system = InProcess(LAW, Rules(partitions=1))
    for time, event in sent:
        assert system.send(event, at(time)) is None
    system.play_ticks(AS_OF)
    engine = open_engine(f"sqlite:///{path.absolute()}")
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, [decode(encode(output)) for output in system.outputs])
    engine.dispose()


def described(text: str) -> list[list[str]]:
    """What is missing for each day."""
    return [str(event["description"]).splitlines()[1:-2] for event in events(text.encode())]


def test_the_command_says_for_each_day_what_is_missing_and_the_points_at_stake(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    ran = asm("calendar", "north", **SIMULATED)
    assert (ran.code, ran.err, TIN.digits in ran.out) == (DONE, "", False)
    interoperability, activities, *rest = described(ran.out)
    heading = "Missing (points are those of one clinician, and do not add up):"
    assert interoperability == [
        heading,
        "- Promoting Interoperability set: AT_RISK, 10.00 points at stake, 2 clinicians",
    ]
    assert [line.partition(":")[0] for line in activities] == [
        "Missing (points are those of one clinician, and do not add up)",
        "- Improvement activity ASM_IA_1",
        "- Improvement activity ASM_IA_2",
    ]
    assert [len(lines) for lines in rest] == [8, 8, 8]
    (measure,) = [line for line in rest[-1] if line.startswith("- Measure 236")]
    assert measure.endswith("1 clinician")


def test_a_clinician_s_calendar_is_named_after_the_clinician(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    named = [str(parsed(asm("calendar", who, **SIMULATED).out.encode())["name"]) for who in (NPI, "north")]
    assert named == [f"Ilse Ode, ASM {YEAR}", f"Ode PC, ASM {YEAR}"]
    by_tin = asm("calendar", "-", stdin=f"{TIN.digits}\n", **SIMULATED)
    assert by_tin.out == asm("calendar", "north", **SIMULATED).out


def test_the_file_is_the_same_as_what_is_printed(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    printed = asm("calendar", "north", "--remind", "3", **SIMULATED)
    ran = asm("calendar", "north", "--remind", "3", "-o", "north.ics", **SIMULATED)
    assert (ran.code, ran.out, ran.err) == (DONE, "", "asm: 5 events written to north.ics.\n")
    assert Path("north.ics").read_bytes().decode().replace("\r\n", "\n") == printed.out.replace("\r\n", "\n")
    assert [len(list(e.walk("VALARM"))) for e in events(Path("north.ics").read_bytes())] == [1] * 5


@pytest.mark.parametrize("who", ["nobody", Tin("987654321").digits])
def test_nobody_has_no_calendar(who: str, asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    ran = asm("calendar", who, **SIMULATED)
    assert (ran.code, ran.out) == (REFUSED, "")
