"""The pages' templates: escaped always, and a name that is not given is an error."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from streams.wording import ESTIMATE, dollars, percent, points, show_instant, stake

FOLDER = Path(__file__).parent
_EASTERN = ZoneInfo("America/New_York")


def environment() -> Environment:
    """Return the environment of the pages."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "points": lambda value: points(None if value is None else Decimal(value)).replace("-", "−"),
        "instant": show_instant,
        "day": day,
        "clock": lambda instant: instant.astimezone(_EASTERN).strftime("%H:%M %Z"),
        "words": words,
        "percent": lambda factor: percent(None if factor is None else Decimal(factor)),
        "dollars": dollars,
        "number": number,
        "spaced": spaced,
        "stake": stake,
        "left": left,
    }
    made.globals |= {"ESTIMATE": ESTIMATE}
    return made


def day(instant: datetime | None) -> str:
    """Show the day of an instant in the zone of the deadline."""
    if instant is None:
        return "–"
    shown = instant.astimezone(_EASTERN)
    return f"{shown:%b} {shown.day}, {shown:%Y}"


def words(code: str) -> str:
    """Show a code as words: ``HEART_FAILURE`` is Heart failure, ``T_7`` is T-7."""
    if code.startswith("T_"):
        return code.replace("_", "-")
    return code.replace("_", " ").capitalize()


def spaced(name: str) -> str:
    """Show a record's name as words: ``SubmissionReceived`` is Submission received."""
    return re.sub(r"(?<=[a-z])[A-Z]", lambda capital: f" {capital[0].lower()}", name)


def number(value: object) -> str:
    """Show a number that went into a score, to six digits."""
    return f"{Decimal(str(value)):.6g}" if isinstance(value, Decimal | float) else str(value)


def left(days: int | None) -> str:
    """Show how many days are left."""
    if days is None:
        return "no due date"
    if days < 0:
        return "past due"
    return {0: "due today", 1: "1 day left"}.get(days, f"{days} days left")
