"""What the pages and the API show, and how they are asked."""

import asyncio
import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select
from starlette.testclient import TestClient

from infra.database.tables import Obligation, Score
from processors.reasons import REASONS
from streams.console.events import changes
from streams.console.items import cursor_of
from streams.console.pictures import bars, history_picture
from tests.making import at
from tests.streams.console.asking import answer, client_of
from tests.streams.console.serving import Made, made_on, person
from tests.streams.console.test_scope import MINE, scores


@pytest.fixture
def made(view: Engine) -> Made:
    return made_on(view, person("operator"))


@pytest.fixture
def client(made: Made) -> TestClient:
    return client_of(made, "operator")


def test_pages_of_the_board_follow_each_other_without_gap_or_repeat(client: TestClient) -> None:
    whole = answer(client, "/api/v1/missing?limit=500")
    cursor: str | None = ""
    rows, pages = [], 0
    while cursor is not None:
        page = answer(client, f"/api/v1/missing?limit=40{cursor and f'&cursor={cursor}'}")
        assert page["totals"] == whole["totals"]
        rows += page["items"]
        cursor, pages = page.get("next_cursor"), pages + 1
    assert rows == whole["items"]
    assert (len(rows), pages) == (whole["totals"]["items"], 4)
    keys = [(r.get("due_at", "9"), r["alert"] != "FIRING", -r["points_at_stake"]) for r in rows]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("cohort=HEART_FAILURE", lambda row: row["cohort"] == "HEART_FAILURE"),
        ("alert=FIRING", lambda row: row["alert"] == "FIRING"),
        ("stage=EARLY", lambda row: row["stage"] == "EARLY"),
        ("points=12.5", lambda row: row["points_at_stake"] >= 12.5),
        ("within=8", lambda row: row.get("days_left") == 7),
        (f"practice={MINE}", lambda row: row["practice"]["id"] == MINE),
        (f"who={MINE}", lambda row: row["practice"]["id"] == MINE),
        ("who=iVaNoV", lambda row: "clinician" not in row or "Ivanov" in row["clinician"]["name"]),
        ("year=2027", lambda row: row["performance_year"] == 2027),
    ],
)
def test_each_filter_of_the_board_keeps_what_it_names(
    client: TestClient, query: str, holds: Callable[[dict[str, Any]], bool]
) -> None:
    everything = answer(client, "/api/v1/missing?limit=500")["items"]
    found = answer(client, f"/api/v1/missing?limit=500&{query}")
    assert found["totals"]["items"] == len(found["items"]) > 0
    if "who=iV" in query:  # a practice's own item is found by its clinicians, and has no name of its own
        named = [row for row in everything if "Ivanov" in row.get("clinician", {}).get("name", "")]
        assert [row for row in found["items"] if "clinician" in row] == named
    else:
        assert found["items"] == [row for row in everything if holds(row)]


def test_a_filter_that_is_left_empty_in_the_form_asks_nothing(client: TestClient) -> None:
    assert client.get("/?who=&cohort=&stage=&alert=&points=").text == client.get("/").text


def test_a_tin_is_not_taken_in_an_address(client: TestClient) -> None:
    for query in ("who=123456789", "who=12-3456789", "who= 123456789 "):
        response = client.get(f"/api/v1/missing?{query}")
        assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
        assert "A TIN does not belong in an address" in response.json()["detail"]
        assert "123456789" not in response.text
        assert client.get(f"/?{query}").status_code == 422


@pytest.mark.parametrize("cursor", ["", "x", "p", "5", "p-5", "p٣", "p5000000000"])
def test_a_cursor_that_we_did_not_give_is_refused(client: TestClient, cursor: str) -> None:
    assert client.get(f"/api/v1/missing?cursor={cursor}").status_code == 422
    assert answer(client, f"/api/v1/missing?cursor={cursor_of(10**6)}")["items"] == []


@contextmanager
def renamed(view: Engine, name: str) -> Iterator[str]:
    """While it lasts a clinician has another name; yield the NPI."""
    with Session(view) as session:
        score = session.exec(select(Score).where(Score.practice_alias == MINE)).all()[0]
        npi, before, score.name = score.npi, score.name, name
        session.commit()
        yield npi
        score.name = before
        session.commit()


def test_the_csv_file_has_every_row_and_no_formula(client: TestClient, view: Engine) -> None:
    formula = '=HYPERLINK("https://elsewhere.example")'
    with renamed(view, formula) as npi:
        response = client.get("/board.csv")
        board = answer(client, "/api/v1/missing?limit=500")["items"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert response.headers["content-disposition"] == 'attachment; filename="missing-submissions.csv"'
    assert [row["sentence"].removeprefix("'") for row in rows] == [row["sentence"] for row in board]
    assert {row["clinician"] for row in rows if row["npi"] == npi} == {f"'{formula}"}
    assert [row for row in rows if any(cell.startswith("=") for cell in row.values())] == []
    assert Decimal(rows[0]["points_at_stake"]) == Decimal("12.5")


def test_a_clinician_is_shown_with_score_reasons_history_and_what_next(client: TestClient, view: Engine) -> None:
    npi = scores(view, MINE)[0].npi
    (told,) = answer(client, f"/api/v1/clinicians/{npi}")["participations"]
    with Session(view) as session:
        owed = session.exec(select(Obligation).where(Obligation.npi == npi)).all()
    assert {o["item"] for o in told["obligations"] if o.get("npi")} == {o.item for o in owed}
    assert told["history"][-1]["final_score"] == told["final_score"] == told["tree"]["value"]
    assert told["next"][0]["points_at_stake"] >= told["next"][1]["points_at_stake"]
    page = client.get(f"/clinicians/{npi}").text
    for reason in (r for part in told["tree"]["parts"] for r in part["reasons"]):
        assert all(cite in page for cite in reason["cites"])
    assert '<span class="standing weak">assumed</span>' in page
    assert page.count('class="dot"') == sum("final_score" in change for change in told["history"])
    assert "Submission received" in page


def test_names_are_text_and_never_markup(client: TestClient, view: Engine) -> None:
    with renamed(view, "<script>alert(1)</script>") as npi:
        pages = [client.get(path).text for path in ("/", f"/clinicians/{npi}", f"/practices/{MINE}")]
    assert ["<script>alert" in page for page in pages] == [False, False, False]
    assert ["&lt;script&gt;alert" in page for page in pages] == [True, True, True]


def test_each_practice_is_listed_with_what_is_open_there(client: TestClient) -> None:
    listed = answer(client, "/api/v1/practices")
    rows = answer(client, "/api/v1/missing?limit=500")["items"]
    assert listed["total"] == len(listed["items"]) == 8
    for practice in listed["items"]:
        theirs = [row for row in rows if row["practice"]["id"] == practice["id"]]
        assert (practice["items"], practice["firing"], practice["points_at_stake"]) == (
            len(theirs),
            sum(row["alert"] == "FIRING" for row in theirs),
            max(row["points_at_stake"] for row in theirs),
        )


def test_feeds_are_shown_with_the_meaning_and_remedy_of_each_code(client: TestClient) -> None:
    feeds = answer(client, "/api/v1/feeds")
    refused = {(row.get("source"), row["code"]): row for row in feeds["refusals"]}
    assert {key: row["times"] for key, row in refused.items()} == {
        ("registry-a", "IMPOSSIBLE_COUNTS"): 3,
        ("registry-a", "KEY_MISMATCH"): 3,
        ("ehr-north", "WRONG_PARTITION"): 3,
        (None, "UNDECODABLE"): 3,
    }
    assert all(row["remedy"] == REASONS[row["code"]].remedy for row in feeds["refusals"])
    assert REASONS["UNDECODABLE"].meaning in client.get("/feeds").text


def test_health_shows_what_fires_first(client: TestClient) -> None:
    rows = answer(client, "/api/v1/health")["health"]
    assert [(row["subject"], row["state"]) for row in rows] == [("REFUSALS", "FIRING"), ("WATERMARK", "RESOLVED")]


def test_small_cells_of_a_cohort_are_suppressed(client: TestClient, view: Engine) -> None:
    for cohort in answer(client, "/api/v1/cohorts")["cohorts"]:
        counts = [cell.get("count") for cell in cohort["cells"]]
        assert [count for count in counts if count is not None and 0 < count < 11] == []
        with Session(view) as session:
            wanted = select(Score).where(Score.cohort == cohort["cohort"])
            seen = [s for s in session.exec(wanted) if s.final_score is not None]
        hidden = len(seen) - sum(count or 0 for count in counts)
        assert hidden == 0 or hidden >= 11
    assert "hidden" in client.get("/cohorts").text


def test_a_database_that_does_not_answer_is_a_problem_and_no_page(made: Made, view: Engine) -> None:
    client = client_of(made, "operator")
    with view.begin() as sql:
        sql.exec_driver_sql("alter table score rename to elsewhere")
    try:
        told = client.get("/api/v1/practices")
        page = client.get("/practices")
    finally:
        with view.begin() as sql:
            sql.exec_driver_sql("alter table elsewhere rename to score")
    assert (told.status_code, told.headers["content-type"]) == (503, "application/problem+json")
    assert (page.status_code, "does not answer" in page.text) == (503, True)


def test_an_event_is_sent_for_each_change_until_the_session_ends() -> None:
    seen = iter([(1,), (1,), (2,), (2,), (5,)])
    here = iter([True, True, True, True, False])

    async def told() -> list[str]:
        return [event async for event in changes(lambda: next(seen), lambda: next(here), 0)]

    newer = "event: newer\ndata: {}\n\n"
    assert asyncio.run(told()) == [": listening\n\n", newer, newer]


def test_a_history_is_drawn_in_steps_up_to_now() -> None:
    start = at("2027-03-01")
    change = {"as_of": start, "final_score": Decimal(50), "prepared_score": None}
    reach = {"lowest_reachable": Decimal(0), "highest_reachable": Decimal(100)}
    drawn = history_picture([{**change, **reach}], start + timedelta(days=300))
    assert drawn is not None
    assert drawn.final == "M36.0 127.0L948.0 127.0"
    assert drawn.band == "M36.0 12.0L948.0 12.0L948.0 242.0L36.0 242.0Z"
    assert drawn.prepared == ""
    assert [tick.label for tick in drawn.months] == ["Apr", "Jun", "Aug", "Oct", "Dec"]
    assert history_picture([{**change, **reach, "final_score": None}], start) is None


def test_the_highest_bar_fills_the_height() -> None:
    cells = [{"count": count} for count in (10, None, 5, 0)]
    assert [(bar.y, bar.height) for bar in bars(cells, 400, 100)] == [(0, 100), (100, 0), (50, 50), (100, 0)]


def test_the_page_of_the_api_names_every_operation(client: TestClient) -> None:
    described = answer(client, "/api/v1/openapi.json")
    page = client.get("/api").text
    assert described["openapi"].startswith("3.1")
    assert all(path in page for path in described["paths"])
    assert len(described["paths"]) == 7
    assert re.findall(r"\{tin\}|[?&]tin=", page) == []
