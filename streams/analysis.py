"""Scores and obligations from the SQL view as Parquet (``asm journal parquet``).

Without TINs, and without what a TIN could be found from: the ids of obligations and alerts are digests over it, of
which there are only a thousand million, and a feed may put it into the ids of its events. NPI and practice alias tell
who it is.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlmodel import Session, SQLModel, select

from infra.database.questions import who_is_who
from infra.database.tables import Obligation, ObligationHistory, Score, ScoreHistory
from schemas.parquet import Kind, write_parquet
from streams.archive_manifest import ArchiveRefused
from streams.private_files import private_file, private_folder, settle
from streams.wording import as_json

_ROWS_A_FILE = 50_000
_FETCHED = 1000
_PARTS = (
    "quality",
    "cost",
    "improvement_activities",
    "promoting_interoperability",
    "complex_patients",
    "small_practice",
)
_WHO = {"npi": Kind.TEXT, "practice_alias": Kind.TEXT, "performance_year": Kind.NUMBER}
_ENVELOPE = {
    "revision": Kind.NUMBER,
    "as_of": Kind.INSTANT,
    "cause_type": Kind.TEXT,
    "rulebook": Kind.TEXT,
    "vintage": Kind.TEXT,
    "engine": Kind.NUMBER,
    "generation": Kind.TEXT,
}
_SCORE = {
    **_WHO,
    "cohort": Kind.TEXT,
    **dict.fromkeys(
        ("final_score", "prepared_score", "lowest_reachable", "highest_reachable", "previous", *_PARTS), Kind.POINTS
    ),
    "part_b_paid_cents": Kind.NUMBER,
    "standing": Kind.TEXT,
    "estimate": Kind.FLAG,
    "payment": Kind.NESTED,
    **_ENVELOPE,
}
_OBLIGATION = {
    **_WHO,
    **dict.fromkeys(("category", "item", "title", "status"), Kind.TEXT),
    "due_at": Kind.INSTANT,
    **dict.fromkeys(("stage", "alert"), Kind.TEXT),
    "points_at_stake": Kind.POINTS,
    **dict.fromkeys(("cliff", "next_step", "standing"), Kind.TEXT),
    **dict.fromkeys(("affected", "missing", "cites", "milestones"), Kind.NESTED),
    **_ENVELOPE,
}
_IDENTIFYING = dict.fromkeys(("tin", "emitted_id", "cause_source", "cause_event_id"), Kind.TEXT)
_SCORE_IDENTIFYING = {**_IDENTIFYING, "name": Kind.TEXT, "organization": Kind.TEXT, "tree": Kind.NESTED}
_OBLIGATION_IDENTIFYING = {
    **_IDENTIFYING,
    "obligation_id": Kind.TEXT,
    "alert_id": Kind.TEXT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What is wanted: into which folder, of which performance year (None: all), and whether with TINs."""

    folder: Path
    performance_year: int | None = None
    with_tins: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """A table as it is written: its columns, and its rows in the order of their keys, a few in memory at once."""

    name: str
    columns: Mapping[str, Kind]
    rows: Iterator[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    model: type[SQLModel]
    columns: Mapping[str, Kind]
    identifying: Mapping[str, Kind]


_TABLES = (
    _Table("scores", Score, _SCORE, _SCORE_IDENTIFYING),
    _Table("score_history", ScoreHistory, _SCORE, _SCORE_IDENTIFYING),
    _Table("obligations", Obligation, _OBLIGATION, _OBLIGATION_IDENTIFYING),
    _Table("obligation_history", ObligationHistory, _OBLIGATION, _OBLIGATION_IDENTIFYING),
)


def extract(session: Session, wanted: Extract, progress: Callable[[str, int], None]) -> Mapping[str, int]:
    """Write the tables into folders of Parquet files; return their numbers of rows. ``progress``: table, rows so far.

    :raises ArchiveRefused: the folder holds such tables already.
    :raises ModuleNotFoundError: the library that writes Parquet is not installed.
    """
    folder = private_folder(wanted.folder)
    there = [table.name for table in _TABLES if (folder / table.name).exists()]
    if there:
        raise ArchiveRefused(f"{folder / there[0]} is there already: name another folder.")
    return {selection.name: _write(selection, folder, progress) for selection in selections(session, wanted)}


def selections(session: Session, wanted: Extract) -> Iterator[Selection]:
    """Yield what is written of each table; each is to be read to its end before the next."""
    aliases = {row.tin: row.practice_alias for row in who_is_who(session)}
    for table in _TABLES:
        columns = {**table.columns, **(table.identifying if wanted.with_tins else {})}
        rows = _rows(session, table.model, wanted.performance_year)
        yield Selection(table.name, columns, (_values(row, columns, aliases) for row in rows))


def _write(selection: Selection, folder: Path, progress: Callable[[str, int], None]) -> int:
    partial = folder / f"{selection.name}.part"
    shutil.rmtree(partial, ignore_errors=True)  # of an extract that was killed
    private_folder(partial)
    count = number = 0
    while chunk := list(islice(selection.rows, _ROWS_A_FILE)):
        with private_file(partial / f"part-{number:05d}.parquet") as stream:
            write_parquet(stream, selection.columns, chunk)
        count, number = count + len(chunk), number + 1
        progress(selection.name, count)
    settle(partial, folder / selection.name)
    return count


def _rows(session: Session, model: Any, performance_year: int | None) -> Iterator[Any]:
    chosen = select(model).order_by(*model.__table__.primary_key.columns)
    if performance_year is not None:
        chosen = chosen.where(model.performance_year == performance_year)
    for row in session.exec(chosen.execution_options(yield_per=_FETCHED)):
        session.expunge(row)
        yield row


def _values(row: Any, columns: Mapping[str, Kind], aliases: Mapping[str, str | None]) -> tuple[Any, ...]:
    known = {"practice_alias": aliases.get(row.tin)}
    if "tree" in type(row).model_fields:
        parts = {part["code"]: part.get("value") for part in row.tree["parts"]}
        known |= {code: parts.get(code) for code in _PARTS}
    told = ((kind, known[name] if name in known else getattr(row, name)) for name, kind in columns.items())
    return tuple(as_json(value) if kind is Kind.NESTED else value for kind, value in told)
