"""The board of missing submissions, as the pages, the CSV file and the API show it."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from infra.database.board import Missing, Wanted, board, totals
from infra.database.sentences import sentence_of, told_of
from infra.database.tables import Obligation
from processors.sentences import left_of, to_do_of
from streams.console.visit import NotThere, Reading, Visit

_DAY_SECONDS = 86400
_TIN = re.compile(r"\d{2}-?\d{7}")
_COLUMNS = (
    "due_at",
    "days_left",
    "performance_year",
    "cohort",
    "practice_id",
    "practice",
    "npi",
    "clinician",
    "category",
    "item",
    "title",
    "status",
    "stage",
    "alert",
    "points_at_stake",
    "cliff",
    "affected",
    "sentence",
    "standing",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CannotBe(ValueError):
    """A question that cannot be asked, and why."""


def _absent(value: object) -> object:
    return None if value == "" else value


_EMPTY = BeforeValidator(_absent)  # a form sends what is left empty
Code = Annotated[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")] | None, _EMPTY]
Name = Annotated[Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,80}$")] | None, _EMPTY]
Whole = Annotated[Annotated[int, Field(ge=0, le=9999)] | None, _EMPTY]
_NUMBER = WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1000})
Points = Annotated[Annotated[Decimal, Field(ge=0, le=1000), _NUMBER] | None, _EMPTY]


class Asked(BaseModel):
    """What somebody asks of the board; what is left empty asks nothing."""

    cohort: Code = Field(None, description="Only this cohort.")
    practice: Name = Field(None, description="Only this practice, by its id.")
    who: Name = Field(None, description="A part of a name, or a whole NPI or practice alias; never a TIN.")
    stage: Code = Field(None, description="Only items at this stage of the approach, such as T_7.")
    alert: Code = Field(None, description="FIRING: only what alerts.")
    year: Whole = Field(None, description="Performance year.")
    points: Points = Field(None, description="At least so many points at stake.")
    within: Whole = Field(None, description="Due in the next so many days.")

    def in_words(self) -> str:
        """Say what is asked, for the record."""
        given = self.model_dump(exclude_none=True)
        return "; ".join(f"{name} {value}" for name, value in given.items()) or "everything"

    def query(self) -> dict[str, str]:
        """Return what is asked as it stands in an address."""
        return {name: str(value) for name, value in self.model_dump(exclude_none=True).items()}


def wanted_of(visit: Visit, asked: Asked) -> Wanted:
    """Return which items are meant, of those that the person may see.

    :raises CannotBe: a TIN stands in the question.
    :raises NotThere: the practice is not there, or not theirs.
    """
    if asked.who is not None and _TIN.fullmatch(asked.who.strip()):
        raise CannotBe("A TIN does not belong in an address: name the practice by its alias, or a clinician by NPI.")
    tins = visit.sight.tins
    if asked.practice is not None:
        tins = visit.sight.tins_of(asked.practice)
        if not tins:
            raise NotThere
    return Wanted(
        until=None if asked.within is None else visit.now + timedelta(days=asked.within),
        since=None if asked.within is None else visit.now,
        cohort=asked.cohort,
        year=asked.year,
        tins=tins,
        stage=asked.stage,
        alert=asked.alert,
        least_points=asked.points,
        text=None if asked.who is None else asked.who.strip(),
    )


def board_page(visit: Visit, asked: Asked, limit: int, cursor: str | None) -> Reading:
    """Return one page of the board with what all of it comes to, and where the next page begins."""
    wanted, offset = wanted_of(visit, asked), offset_of(cursor)
    found = [item_document(visit, m) for m in board(visit.session, wanted, limit + 1, offset)]
    counted = totals(visit.session, wanted)
    document = {
        "as_of": visit.as_of,
        "now": visit.now,
        "totals": {
            "items": counted.items,
            "firing": counted.firing,
            "practices": counted.practices,
            "undated": counted.undated,
            "soonest_due_at": counted.soonest,
            "soonest_left": None if counted.soonest is None else left_of(counted.soonest, visit.now),
        },
        "items": found[:limit],
        "next_cursor": cursor_of(offset + limit) if len(found) > limit else None,
    }
    return Reading(document=document, items=concerned(found[:limit]))


def board_csv(visit: Visit, asked: Asked) -> Reading:
    """Return the whole board as CSV (RFC 4180); a cell that a spreadsheet would run as a formula is quoted."""
    found = [item_document(visit, m) for m in board(visit.session, wanted_of(visit, asked))]
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(_COLUMNS)
    rows.writerows(_cells(row) for row in found)
    return Reading(document={"csv": written.getvalue()}, items=concerned(found))


def item_document(visit: Visit, missing: Missing) -> dict[str, Any]:
    """Return an item of the board in plain values, without its TIN."""
    named = {
        "practice": {
            "id": visit.sight.practice_id(missing.obligation.tin, missing.practice_alias),
            "name": missing.organization or missing.practice_alias,
        },
        "clinician": None if missing.obligation.npi is None else {"npi": missing.obligation.npi, "name": missing.name},
        "cohort": missing.cohort,
        "sentence": sentence_of(missing, visit.now),
    }
    return named | obligation_document(missing.obligation, visit.now)


_KEPT = (
    "performance_year",
    "category",
    "item",
    "title",
    "status",
    "stage",
    "alert",
    "alert_id",
    "due_at",
    "points_at_stake",
    "cliff",
    "missing",
    "next_step",
    "cites",
    "standing",
    "milestones",
    "as_of",
)


def obligation_document(obligation: Obligation, now: datetime) -> dict[str, Any]:
    """Return an obligation in plain values, without TIN, with what to do and how many days are left."""
    return {name: getattr(obligation, name) for name in _KEPT} | {
        "npi": obligation.npi,
        "days_left": days_left(obligation.due_at, now),
        "affected": len(obligation.affected),
        "left": left_of(obligation.due_at, now),
        "todo": to_do_of(told_of(obligation)),
    }


def concerned(rows: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return of whom rows tell: clinicians by NPI, practices by their id, each once."""
    return tuple(dict.fromkeys(row["npi"] or row["practice"]["id"] for row in rows))


def days_left(due_at: datetime | None, now: datetime) -> int | None:
    """Return the whole days until an instant, rounded down; negative once it has passed."""
    return None if due_at is None else int((due_at - now).total_seconds() // _DAY_SECONDS)


def cursor_of(offset: int) -> str:
    """Return the name of the page that begins at a row."""
    return f"p{offset}"


def offset_of(cursor: str | None) -> int:
    """Return the first row of the page that a cursor names, which is of the form that addresses allow."""
    return 0 if cursor is None else int(cursor[1:])


def _cells(row: dict[str, Any]) -> Iterator[str]:
    clinician = row["clinician"] or {"npi": None, "name": None}
    flat = row | {
        "practice_id": row["practice"]["id"],
        "practice": row["practice"]["name"],
        "npi": clinician["npi"],
        "clinician": clinician["name"],
    }
    for name in _COLUMNS:
        value = flat[name]
        if isinstance(value, datetime):
            yield value.isoformat()
        elif isinstance(value, Decimal):
            yield f"{value.normalize():f}"
        else:
            text = "" if value is None else str(value)
            yield f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
