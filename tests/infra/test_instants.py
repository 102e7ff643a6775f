"""What was said by an instant: at every instant the fold of the outputs said up to it, on both databases."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select
from sqlmodel import Session, SQLModel, col

from infra.database import tables
from infra.database.engine import create_tables, open_engine
from infra.database.instants import instant_of, session_of
from infra.database.questions import (
    latest_as_of,
    missing,
    obligations,
    open_findings,
    participants,
    score_history,
    standing_of,
)
from processors.events import ClaimReceived, Event
from processors.outputs import FindingChanged, FindingState, ObligationChanged, ScoreChanged
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import decode, encode
from streams.admission import Rules
from streams.assessment import Law
from streams.in_process import InProcess
from streams.projection import rows_of, write_rows
from streams.standings import Cohorts
from streams.wording import as_json
from tests.making import AFTER, NPI, TIN, YEAR, at, listed, quality, row, rulebook
from tests.streams.driver import LAW

MOMENT = timedelta(milliseconds=1)
FAR = datetime(2100, 1, 1, tzinfo=UTC)
SAID = (tables.Score, tables.Obligation, tables.Finding, tables.Standing)
CLINICIANS = 9
Key = tuple[str, tuple[Any, ...]]
Rows = dict[Key, Any]


@cache
def announced() -> Sequence[Any]:
    """All that is said in the simulated year of some clinicians, with the standings after each instant; from bytes."""
    practices: defaultdict[str, list[Timed[Event]]] = defaultdict(list)
    for timed in simulate(7, CLINICIANS, rulebook()):
        if not isinstance(timed.event, ClaimReceived):
            practices[timed.event.tin.digits].append(timed)
    wrong = quality(row("999"), event_id="q9", submission_id="s9")
    corrected = quality(event_id="q10", submission_id="s9", revision=2)
    mended: list[tuple[datetime, Event]] = [
        (at("2027-01-05"), listed(event_id="l1")),
        (at("2028-02-02"), wrong),
        (at("2028-02-03"), corrected),
    ]
    worlds: list[list[tuple[datetime, Event]]] = [[(t.received_at, t.event) for t in p] for p in practices.values()]
    said = [output for world in worlds for output in outputs(world)] + outputs(mended)
    return [decode(encode(each)) for each in [*said, *standings(said)]]


def outputs(world: Iterable[tuple[datetime, Event]], law: Law = LAW) -> list[Any]:
    """All that is said of some events, each received at a tick, up to a day after the deadline."""
    system = InProcess(law, Rules(partitions=1))
    for received_at, told in world:
        system.play_ticks(received_at)
        system.tick(received_at)  # as the minutes' ticks would: what is said of the event bears its instant
        system.send(told, received_at)  # some of the simulated ones are refused
    system.play_ticks(AFTER)
    return list(system.outputs)


def standings(said: Iterable[Any]) -> list[Any]:
    cohorts, told = Cohorts(LAW.rulebooks), []
    for score in sorted((o for o in said if isinstance(o, ScoreChanged)), key=lambda o: o.as_of):
        cohorts.take(score)
        told += cohorts.changed()
    return told


def folded(instant: datetime) -> Rows:
    """Of each thing the announced output of the highest revision up to an instant, as JSON shows it."""
    latest: dict[Key, dict[str, Any]] = {}
    for said in announced():
        table, found = rows_of(said)[0]
        key = key_of(table, found)
        if said.as_of <= instant and (key not in latest or latest[key]["revision"] < found["revision"]):
            latest[key] = found
    return {key: shown(key, found) for key, found in latest.items()}


def stored(session: Session) -> Rows:
    """Every row of what was last said, as the session sees it and JSON shows it."""
    found = [(table, each.model_dump()) for table in SAID for each in session.scalars(select(table))]
    keyed = [(key_of(table, values), values) for table, values in found]
    return {key: shown(key, values) for key, values in keyed}


def key_of(table: type[SQLModel], row: dict[str, Any]) -> Key:
    return str(table.__tablename__), tuple(row[key.name] for key in _table(table).primary_key)


def shown(key: Key, row: dict[str, Any]) -> Any:
    """A row as it is printed, digit by digit; PostgreSQL keeps no order of names."""
    printed = as_json({column.name: row[column.name] for column in SQLModel.metadata.tables[key[0]].c})
    return json.loads(printed, parse_float=str, parse_int=str)


def _table(model: type[SQLModel]) -> Any:
    return SQLModel.metadata.tables[str(model.__tablename__)]


def said_by(engine: Engine, instant: datetime | None) -> Rows:
    with session_of(engine, instant) as session:
        return stored(session)


def edges() -> list[datetime]:
    return sorted({said.as_of for said in announced()})


def filled(url: str) -> Engine:
    engine = open_engine(url)
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, announced())
    return engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database of each kind with all that was announced."""
    opened = filled(database_url)
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A SQLite database that no test changes."""
    path: Path = tmp_path_factory.mktemp("instants") / "asm.db"
    opened = filled(f"sqlite:///{path}")
    yield opened
    opened.dispose()


def test_at_a_before_and_after_each_instant_the_rows_are_what_had_been_announced(kept: Engine) -> None:
    assert len(edges()) > 30
    for edge in edges():
        for instant in (edge - MOMENT, edge, edge + MOMENT):
            assert said_by(kept, instant) == folded(instant)
    assert folded(edges()[0] - MOMENT) == {}


@settings(max_examples=60, deadline=None)
@given(instant=st.integers(0, 730 * 86_400_000).map(lambda n: at("2026-06-01") + n * MOMENT))
@example(instant=datetime(2028, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC))
def test_at_any_instant_the_rows_are_the_fold_of_what_had_been_announced(kept: Engine, instant: datetime) -> None:
    assert said_by(kept, instant) == folded(instant)


def test_the_present_is_what_was_said_by_an_instant_far_ahead(engine: Engine) -> None:
    assert said_by(engine, None) == said_by(engine, FAR) == folded(FAR)


def test_both_databases_answer_the_same_at_some_instants(engine: Engine) -> None:
    for edge in edges()[::9]:
        for instant in (edge - MOMENT, edge):
            assert said_by(engine, instant) == folded(instant)


def test_what_is_asked_is_asked_of_the_instant(engine: Engine) -> None:
    instant = at("2028-02-02T12:00:00+00:00")
    with session_of(engine, instant) as session:
        assert instant_of(session) == instant
        (score,) = participants(session, NPI, YEAR)
        history = score_history(session, score)
        assert (history[-1].revision, max(said.as_of for said in history)) == (score.revision, score.as_of)
        assert [f.code for f in open_findings(session, TIN.digits, [NPI], YEAR)] == ["UNKNOWN_MEASURE"]
        assert {o.status for o in obligations(session, TIN.digits, [NPI], YEAR) if o.item == "236"} == {"OPEN"}
        assert {m.obligation.as_of <= instant for m in missing(session, None, None, None)} == {True}
        told = [o.as_of for o in announced() if isinstance(o, ScoreChanged | ObligationChanged) and o.as_of <= instant]
        assert latest_as_of(session) == max(told)
        standing = standing_of(session, score.cohort, YEAR)
        assert standing is not None
        key = ("standing", (score.cohort, YEAR))
        assert shown(key, standing.model_dump()) == folded(instant)[key]


def test_a_finding_that_was_cleared_later_is_open_at_an_instant_before(engine: Engine) -> None:
    (opened, cleared) = [o for o in announced() if isinstance(o, FindingChanged) and o.tin == TIN][:2]
    assert (opened.state, cleared.state) == (FindingState.OPEN, FindingState.CLEARED)
    told = []
    for instant in (opened.as_of - MOMENT, opened.as_of, cleared.as_of - MOMENT, cleared.as_of):
        with session_of(engine, instant) as session:
            told.append([f.event_id for f in open_findings(session, TIN.digits, [NPI], YEAR)])
    assert told == [[], ["q9"], ["q9"], []]


def test_a_session_of_an_instant_leaves_nothing_behind(engine: Engine) -> None:
    with session_of(engine, edges()[0] - MOMENT) as session:
        assert stored(session) == {}
    with Session(engine) as after:
        assert stored(after) == folded(FAR)
        assert instant_of(after) is None
    with session_of(engine, edges()[-1]) as session:
        assert session.scalars(select(tables.Score).order_by(col(tables.Score.npi))).first() is not None


def test_one_practice_s_question_of_an_instant_reads_no_table_whole(kept: Engine) -> None:
    with session_of(kept, at("2028-02-02")) as session:
        asked: list[tuple[str, Any]] = []
        event.listen(
            session.connection(), "before_cursor_execute", lambda _c, _u, sql, args, *_: asked.append((sql, args))
        )
        for who in (NPI, TIN.digits, "northside"):
            participants(session, who, None)
        obligations(session, TIN.digits, [NPI], YEAR)
        open_findings(session, TIN.digits, [NPI], YEAR)
        plans = [session.connection().exec_driver_sql(f"explain query plan {sql}", args) for sql, args in asked[:5]]
        steps = [[step.detail for step in plan] for plan in plans]
    assert len(steps) == 5
    assert [step for plan in steps for step in plan if step.startswith("SCAN")] == []
