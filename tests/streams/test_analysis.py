"""Parquet for analysts: what stands in it, and that no TIN does unless it is asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from infra.database.engine import open_engine
from processors.identity import Tin
from schemas.parquet import Kind, can_write_parquet, write_parquet
from streams.analysis import Extract, extract, selections
from streams.archive_manifest import ArchiveRefused
from tests.making import NPI, TIN
from tests.streams.test_commands import Asm, asm, fill

__all__ = ["asm"]
needs_polars = pytest.mark.skipif(not can_write_parquet(), reason="polars is not installed")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A SQL view of one clinician after the deadline."""
    fill(tmp_path / "view.db")
    engine = open_engine(f"sqlite:///{tmp_path}/view.db")
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def told(session: Session, folder: Path, **wanted: Any) -> dict[str, list[dict[str, Any]]]:
    found = selections(session, Extract(folder=folder, **wanted))
    return {s.name: [dict(zip(s.columns, row, strict=True)) for row in s.rows] for s in found}


def test_no_tin_stands_in_it_nor_what_one_could_be_computed_from(session: Session, tmp_path: Path) -> None:
    tables = told(session, tmp_path)
    assert [len(rows) > 0 for rows in tables.values()] == [True] * 4
    assert TIN.digits not in str(tables)
    columns = {name for rows in tables.values() for name in rows[0]}
    assert columns & {"tin", "obligation_id", "alert_id", "emitted_id", "cause_event_id", "tree", "name"} == set()
    assert {row["npi"] for rows in tables.values() for row in rows} == {NPI, None}


def test_tins_stand_in_it_where_they_are_asked_for(session: Session, tmp_path: Path) -> None:
    tables = told(session, tmp_path, with_tins=True)
    assert {Tin(row["tin"]) for rows in tables.values() for row in rows} == {TIN}
    assert all(len(row["obligation_id"]) == 32 for row in tables["obligations"])


def test_a_score_has_its_parts_as_columns(session: Session, tmp_path: Path) -> None:
    tables = told(session, tmp_path, with_tins=True)
    (score,) = tables["scores"]
    assert {row["practice_alias"] for rows in tables.values() for row in rows} == {"north"}
    latest = max(tables["score_history"], key=lambda row: int(row["revision"]))
    assert latest == score
    assert (score["npi"], score["performance_year"], type(score["final_score"])) == (NPI, 2027, Decimal)
    assert f'"code":"quality","title":"Quality","value":{score["quality"]}' in score["tree"]


def test_a_year_of_which_nothing_is_known_has_no_rows(session: Session, tmp_path: Path) -> None:
    assert told(session, tmp_path, performance_year=2031) == {
        "scores": [],
        "score_history": [],
        "obligations": [],
        "obligation_history": [],
    }


@needs_polars
def test_parquet_has_decimals_and_instants(session: Session, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    counts = extract(session, Extract(folder=tmp_path / "out"), lambda *_: None)
    read = polars.read_parquet(tmp_path / "out" / "scores")
    assert (read.height, read.schema["final_score"]) == (counts["scores"], polars.Decimal(18, 8))
    assert read.schema["as_of"] == polars.Datetime("ms", "UTC")
    (score,) = told(session, tmp_path)["scores"]
    assert read.row(0, named=True) == score
    with pytest.raises(ArchiveRefused, match="name another folder"):
        extract(session, Extract(folder=tmp_path / "out"), lambda *_: None)


@needs_polars
def test_points_are_rounded_half_even_to_eight_places(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    columns = {"p": Kind.POINTS, "t": Kind.INSTANT}
    rows = [(Decimal("0.000000005"), datetime(2028, 1, 1, tzinfo=UTC)), (Decimal("1.000000015"), None), (None, None)]
    with (tmp_path / "x.parquet").open("wb") as stream:
        write_parquet(stream, columns, rows)
    read = polars.read_parquet(tmp_path / "x.parquet").rows()
    assert read == [(Decimal("0E-8"), rows[0][1]), (Decimal("1.00000002"), None), (None, None)]


def test_without_polars_the_command_says_so(asm: Asm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.commands.journal.can_write_parquet", lambda: False)
    ran = asm("journal", "parquet", "--out", "out")
    assert (ran.code, "pip install polars" in ran.err) == (3, True)
