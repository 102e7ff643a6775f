"""The SQL view on a real Kafka: every row from the topics, none twice, the same when it is made anew."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from infra.database import tables
from infra.database.engine import create_tables, open_engine
from processors.outputs import FindingChanged, ObligationChanged, ScoreChanged
from processors.simulation import simulate
from streams import projection
from streams.projection import Projector
from tests.integration.system import System, await_that
from tests.integration.test_worker import BOOKS
from tests.making import DUE, at

pytestmark = pytest.mark.integration
END = at("2028-04-20")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with the projection's tables."""
    opened = open_engine(database_url)
    create_tables(opened)
    yield opened
    opened.dispose()


def rows(engine: Engine, *but: type[SQLModel]) -> dict[str, list[tuple[Any, ...]]]:
    left_out = {str(table.__tablename__) for table in but}
    with engine.connect() as connection:
        return {
            t.name: [tuple(row) for row in connection.execute(t.select().order_by(*t.primary_key))]
            for t in SQLModel.metadata.sorted_tables
            if t.name not in left_out
        }


def play(system: System) -> None:
    """A year of a few clinicians through a worker."""
    world = simulate(5, 8, BOOKS[min(BOOKS)])
    system.worker()
    for until in (at("2027-03-01"), at("2028-02-01"), DUE, END):
        system.send(item for item in world if item.received_at < until)  # all but the first time repeats
        system.set_clock(until)
    system.await_tick(END)


def test_the_view_has_what_was_said_and_is_the_same_when_it_is_made_anew(system: System, engine: Engine) -> None:
    play(system)
    projector = Projector(system.connection, engine)
    projector.run(once=True)
    found = rows(engine)
    scores = [o for o in system.outputs("asm.scores.v1") if isinstance(o, ScoreChanged)]
    obligations = [o for o in system.outputs("asm.compliance.v1") if isinstance(o, ObligationChanged)]
    findings = [o for o in system.outputs("asm.findings.v1") if isinstance(o, FindingChanged)]
    assert len(found["score_history"]) == len(scores) > 8
    assert len(found["obligation_history"]) == len(obligations)
    assert len(found["score"]) == len({(o.npi, o.performance_year) for o in scores})
    assert len(found["obligation"]) == len({o.obligation_id for o in obligations})
    assert {row[-1] for row in found["refusal"]} == {1}
    assert len(found["finding"]) == len({(o.event, o.code, o.field, o.npi) for o in findings}) > 0
    assert Projector(system.connection, engine).rebuild()
    assert rows(engine) == found


def test_a_projector_that_dies_between_its_batches_goes_on_where_its_rows_end(
    system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(system)
    monkeypatch.setattr(projection, "_MOST_RECORDS", 5)
    write = projection.write_rows
    left = [0]

    def write_and_die_at_last(connection: Any, said: Any) -> Any:
        left[0] -= 1
        written = write(connection, said)
        if left[0] < 0:
            raise MemoryError
        return written

    for left[0] in (2, 5, 1, 8):
        monkeypatch.setattr(projection, "write_rows", write_and_die_at_last)
        with pytest.raises(MemoryError):
            Projector(system.connection, engine).run(once=True)
    monkeypatch.setattr(projection, "write_rows", write)
    Projector(system.connection, engine).run(once=True)
    found = rows(engine)
    Projector(system.connection, engine).rebuild()
    assert rows(engine) == found


def test_the_command_projects_stops_when_told_and_makes_anew(system: System, database_url: str) -> None:
    play(system)
    projector = system.start("project", ASM_DATABASE_URL=database_url)
    await_that(lambda: projector.says("projection_caught_up") == 1, 30, "the projection")
    assert projector.stop() == 0
    engine = open_engine(database_url)
    found = rows(engine, tables.ReadPosition)
    told = system.run("project", "--rebuild", ASM_DATABASE_URL=database_url)
    assert (told.returncode, "is up to date" in told.stderr) == (0, True)
    assert rows(engine, tables.ReadPosition) == found
    assert len(found["score"]) == 8
    engine.dispose()


def test_without_topics_the_projector_says_what_to_do(system: System) -> None:
    told = system.run("project", "--once", ASM_NAMESPACE="nobody.")
    assert (told.returncode, "asm topics apply" in told.stderr) == (3, True)
