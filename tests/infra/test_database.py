"""The projection's tables: the same sentences on SQLite and on PostgreSQL."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlmodel
from sqlalchemy import Engine, func, select, text
from sqlmodel import Session, SQLModel

from infra.database import tables
from infra.database.engine import create_tables, open_engine, read_positions, renew_tables, require_tables
from infra.database.questions import latest_as_of, missing, obligations, open_findings, participants, refusals_by_reason
from infra.errors import Unavailable
from processors.outputs import FindingState, ObligationChanged, Output, ScoreChanged
from processors.simulated_world import Timed
from schemas.codec import decode, encode
from schemas.records import HealthChanged, HealthState, HealthSubject, Refusal
from streams.admission import Rules
from streams.in_process import InProcess
from streams.projection import write_rows
from tests.making import AFTER, DUE, NPI, TIN, at, listed, quality, row
from tests.streams.driver import LAW


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with the projection's tables."""
    opened = open_engine(database_url)
    create_tables(opened)
    yield opened
    opened.dispose()


def said() -> list[Output]:
    """What is said of one clinician who reports one measure and a wrong one, and then no more."""
    system = InProcess(LAW, Rules(partitions=1))
    for item in (
        Timed(at("2027-01-05"), listed(event_id="l1", name="Ada Ny", practice_alias="northside", organization="North")),
        Timed(at("2028-02-01"), quality(event_id="q1")),
        Timed(at("2028-02-02"), quality(row("999"), event_id="q2", submission_id="s2")),
    ):
        assert system.send(item.event, item.received_at) is None
    system.play_ticks(AFTER)
    return [decode(encode(output)) for output in system.outputs]


SAID = said()


def write(engine: Engine, outputs: Sequence[Output]) -> None:
    with engine.begin() as connection:
        write_rows(connection, outputs)


def rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for table in SQLModel.metadata.sorted_tables
        }


def test_a_row_holds_what_was_last_said_and_history_holds_all(engine: Engine) -> None:
    write(engine, SAID)
    last = [o for o in SAID if isinstance(o, ScoreChanged)][-1]
    with Session(engine) as session:
        (score,) = participants(session, NPI, None)
        assert (score.final_score, score.highest_reachable) == (last.final_score, last.highest_reachable)
        assert (score.revision, score.emitted_id, score.as_of) == (last.revision, last.emitted_id, last.as_of)
        assert (score.name, score.practice_alias, score.cause_type) == ("Ada Ny", "northside", last.cause.type)
        assert score.tree["code"] == "final_score"
        counts = [
            session.execute(select(func.count()).select_from(t)).scalar_one()
            for t in (tables.Score, tables.ScoreHistory)
        ]
    assert counts == [1, len([o for o in SAID if isinstance(o, ScoreChanged)])]


def test_points_and_instants_come_back_as_they_were_said(engine: Engine) -> None:
    exact = next(o for o in SAID if isinstance(o, ScoreChanged))
    exact = replace(exact, final_score=Decimal("83.12345678"), as_of=at("2028-03-31T23:59:59.999000+00:00"))
    write(engine, [exact])
    with Session(engine) as session:
        (score,) = participants(session, TIN.digits, exact.performance_year)
        assert (score.final_score, score.as_of) == (Decimal("83.12345678"), exact.as_of)


def test_the_order_and_the_batches_in_which_outputs_are_written_change_nothing(engine: Engine) -> None:
    write(engine, SAID)
    at_once = rows(engine)
    with engine.begin() as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name != "layout":
                connection.execute(table.delete())
    for output in [*reversed(SAID), *SAID]:
        write(engine, [output])
    assert rows(engine) == at_once


def test_an_earlier_revision_does_not_come_back(engine: Engine) -> None:
    of_236 = [o for o in SAID if isinstance(o, ObligationChanged) and o.item == "236"]
    write(engine, of_236)
    write(engine, of_236[:1])
    with Session(engine) as session:
        found = [o for o in obligations(session, TIN.digits, [NPI], 2027) if o.item == "236"]
    assert [(o.revision, o.status) for o in found] == [(of_236[-1].revision, of_236[-1].status)]


def test_what_is_missing_is_asked_by_due_instant_and_cohort(engine: Engine) -> None:
    write(engine, [o for o in SAID if o.as_of < DUE])
    with Session(engine) as session:
        soon = missing(session, DUE, DUE - timedelta(days=60), "HEART_FAILURE")
        assert {m.obligation.item for m in soon} >= {"ASM_IA_1", "ASM_IA_2", "PROMOTING_INTEROPERABILITY", "008"}
        assert {(m.organization, m.practice_alias, m.cohort) for m in soon} == {("North", "northside", "HEART_FAILURE")}
        assert {m.name for m in soon} == {None, "Ada Ny"}
        assert missing(session, DUE - timedelta(days=1), None, None) == []
        assert missing(session, None, None, "LOW_BACK_PAIN") == []
        assert latest_as_of(session) == max(o.as_of for o in SAID if o.as_of < DUE)


def test_a_finding_is_open_until_it_is_cleared(engine: Engine) -> None:
    findings = [o for o in SAID if not isinstance(o, ScoreChanged | ObligationChanged)]
    write(engine, findings)
    with Session(engine) as session:
        assert [f.code for f in open_findings(session, TIN.digits, [NPI], 2027)] == ["UNKNOWN_MEASURE"]
    write(engine, [replace(findings[-1], revision=findings[-1].revision + 1, state=FindingState.CLEARED)])
    with Session(engine) as session:
        assert open_findings(session, TIN.digits, [NPI], 2027) == []


def test_refusals_and_health_are_kept(engine: Engine) -> None:
    refused = [
        Refusal(
            origin=f"t/0/{n}",
            received_at=at("2028-01-01"),
            reason="WRONG_KEY",
            detail="d",
            payload_sha256="0",
            attempts=1,
        )
        for n in range(3)
    ]
    firing = HealthChanged(
        subject=HealthSubject.REFUSALS, name="t", state=HealthState.FIRING, since=at("2028-01-01"), detail="d"
    )
    over = replace(firing, state=HealthState.RESOLVED, since=at("2028-01-02"))
    with engine.begin() as connection:
        write_rows(connection, [*refused, *refused, firing, over, firing])
    with Session(engine) as session:
        assert refusals_by_reason(session) == [("WRONG_KEY", 3, "d")]
        assert [h.state for h in session.exec(sqlmodel.select(tables.Health))] == ["RESOLVED"]


def test_a_nul_in_a_text_stops_no_row(engine: Engine) -> None:
    score = next(o for o in SAID if isinstance(o, ScoreChanged))
    write(engine, [replace(score, name="Ada\0 Ny")])
    with Session(engine) as session:
        assert [s.name for s in participants(session, NPI, None)] == ["Ada Ny"]


def test_an_error_of_the_database_names_no_parameters(engine: Engine) -> None:
    assert engine.hide_parameters


def test_rows_and_read_positions_are_written_together_or_not_at_all(engine: Engine) -> None:
    with engine.connect() as connection:
        write_rows(connection, SAID)
        connection.rollback()
    assert {name: len(found) for name, found in rows(engine).items() if found} == {"layout": 1}
    with engine.connect() as connection:
        assert read_positions(connection) == {}


def test_a_database_of_another_release_is_refused_until_it_is_rebuilt(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("update layout set number = 0"))
    with pytest.raises(Unavailable, match="asm project --rebuild"):
        create_tables(engine)
    with pytest.raises(Unavailable, match="asm project --rebuild"):
        require_tables(engine)
    renew_tables(engine)
    require_tables(engine)


def test_an_empty_database_says_how_to_fill_it(database_url: str) -> None:
    engine = open_engine(database_url)
    with pytest.raises(Unavailable, match="run `asm project`"):
        require_tables(engine)
    engine.dispose()
    assert not database_url.startswith("sqlite") or not Path(database_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("url", ["mysql://h/d", "nonsense", "oracle+oracledb://h/d"])
def test_an_address_of_no_known_database_is_refused_with_the_known_ones(url: str) -> None:
    with pytest.raises(Unavailable, match="sqlite:///FILE or postgresql://"):
        open_engine(url)


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    engine = open_engine("postgresql://ann:secret@127.0.0.1:1/asm")
    with pytest.raises(Unavailable, match="does not answer") as told:
        require_tables(engine)
    assert "secret" not in str(told.value)
    assert "ann:***@127.0.0.1" in str(told.value)
