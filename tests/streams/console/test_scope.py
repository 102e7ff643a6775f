"""Nobody sees a practice outside the scope: on no route, by no count, by no guessed address."""

import re

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import Engine
from sqlmodel import Session, select

from infra.database.tables import Obligation, ReadPosition, Score
from streams.console.app import create_app
from streams.console.events import seen_now
from streams.console.identity import Identity
from tests.streams.console.asking import answer, client_of
from tests.streams.console.serving import Made, made_on, person

MINE, THEIRS = "prairie-spine-3", "prairie-spine-4"


@pytest.fixture
def made(view: Engine) -> Made:
    return made_on(view, person("ana", MINE), person("operator"), person("nobody's", "no-such-practice"))


def scores(view: Engine, alias: str) -> list[Score]:
    with Session(view) as session:
        return list(session.exec(select(Score).where(Score.practice_alias == alias)).all())


def routes(made: Made) -> list[str]:
    """Every address of the console that is read, as its routes name it."""
    found = [r.path for r in _routes(made) if isinstance(r, APIRoute) and "GET" in (r.methods or ())]
    assert len(found) > 15
    return found


def _routes(made: Made) -> list[object]:
    """Every route; those of a router that is included stand in it."""
    pending: list[object] = list(create_app(made.console).routes)
    found: list[object] = []
    while pending:
        route = pending.pop()
        found.append(route)
        pending += getattr(getattr(route, "original_router", None), "routes", [])
    return found


def test_every_route_answers_a_stranger_with_nothing(made: Made) -> None:
    stranger = client_of(made)
    told = {}
    for path in routes(made):
        if path != "/sign-in":
            filled = path.replace("{npi}", "1234567893").replace("{practice_id}", MINE)
            told[path] = stranger.get(filled).status_code
    assert {status for path, status in told.items() if path.startswith("/api/v1") or path == "/events"} == {401}
    assert {status for path, status in told.items() if not (path.startswith("/api/v1") or path == "/events")} == {303}
    assert made.kept.records == []


def test_no_route_tells_of_a_practice_outside_the_scope(made: Made, view: Engine) -> None:
    theirs = scores(view, THEIRS)
    names = {name for s in scores(view, MINE) if (name := s.name)}
    secrets = {THEIRS, "Prairie Spine 4", *(s.tin for s in theirs), *(s.npi for s in theirs)}
    secrets |= {s.name for s in theirs if s.name and s.name not in names}
    ana = client_of(made, "ana")
    for path in routes(made):
        if path in {"/sign-in", "/events"}:
            continue
        for npi, practice in (
            (scores(view, MINE)[0].npi, MINE),
            (theirs[0].npi, THEIRS),
            (theirs[0].npi, theirs[0].tin),
        ):
            filled = path.replace("{npi}", npi).replace("{practice_id}", practice)
            response = ana.get(filled)
            asked_for_theirs = filled != path and practice != MINE
            assert response.status_code == (404 if asked_for_theirs else 200), filled
            assert [secret for secret in secrets if secret in response.text] == [], filled


def test_what_is_outside_the_scope_is_answered_as_what_is_not_there(made: Made, view: Engine) -> None:
    ana = client_of(made, "ana")
    npi = scores(view, THEIRS)[0].npi
    for there, absent in (
        (f"/clinicians/{npi}", "/clinicians/1234567893"),
        (f"/practices/{THEIRS}", "/practices/nobody"),
        (f"/api/v1/clinicians/{npi}", "/api/v1/clinicians/1234567893"),
        (f"/api/v1/practices/{THEIRS}", "/api/v1/practices/nobody"),
        (f"/api/v1/missing?practice={THEIRS}", "/api/v1/missing?practice=nobody"),
        (f"/board.csv?practice={THEIRS}", "/board.csv?practice=nobody"),
    ):
        told, other = ana.get(there), ana.get(absent)
        assert (told.status_code, told.text, dict(told.headers)) == (404, other.text, dict(other.headers))


def test_counts_are_those_of_the_scope(made: Made, view: Engine) -> None:
    ana, operator = client_of(made, "ana"), client_of(made, "operator")
    mine = answer(operator, f"/api/v1/missing?practice={MINE}")
    told = answer(ana, "/api/v1/missing")
    assert told["totals"] == mine["totals"]
    assert told["totals"]["practices"] == 1
    assert told["items"] == mine["items"]
    assert answer(ana, "/api/v1/missing?who=Prairie Spine 4")["totals"]["items"] == 0
    assert [p["id"] for p in answer(ana, "/api/v1/practices")["items"]] == [MINE]
    assert answer(ana, "/api/v1/practices")["total"] == 1
    cells = [c for cohort in answer(ana, "/api/v1/cohorts")["cohorts"] for c in cohort["cells"]]
    assert sum(c.get("count", 0) for c in cells) <= len(scores(view, MINE))
    assert [cohort.get("whole") for cohort in answer(ana, "/api/v1/cohorts")["cohorts"]] == [None]
    assert len(answer(operator, "/api/v1/cohorts")["cohorts"]) == 2
    assert answer(ana, "/api/v1/feeds")["refusals"] == []
    assert {row["subject"] for row in answer(ana, "/api/v1/health")["health"]} == {"WATERMARK"}


def test_a_clinician_of_two_practices_is_shown_under_the_one_that_may_be_seen(made: Made, view: Engine) -> None:
    here, there = scores(view, MINE)[0], scores(view, THEIRS)[0]
    both = Score.model_validate({**there.model_dump(), "npi": here.npi, "revision": 1})
    with Session(view) as session:
        session.add(both)
        session.commit()
        try:
            told = answer(client_of(made, "ana"), f"/api/v1/clinicians/{here.npi}")
            whole = answer(client_of(made, "operator"), f"/api/v1/clinicians/{here.npi}")
        finally:
            session.delete(both)
            session.commit()
    assert [p["practice"]["id"] for p in told["participations"]] == [MINE]
    assert {p["practice"]["id"] for p in whole["participations"]} == {MINE, THEIRS}


def test_a_practice_that_is_renamed_belongs_to_who_may_see_its_new_name(made: Made, view: Engine) -> None:
    with Session(view) as session:
        newer = [
            Score.model_validate({**s.model_dump(), "performance_year": 2028, "practice_alias": "renamed"})
            for s in scores(view, MINE)
        ]
        session.add_all(newer)
        session.commit()
        try:
            assert answer(client_of(made, "ana"), "/api/v1/practices")["items"] == []
        finally:
            for score in newer:
                session.delete(score)
            session.commit()


def test_who_may_see_no_practice_that_is_there_sees_nothing(made: Made) -> None:
    client = client_of(made, "nobody's")
    assert answer(client, "/api/v1/missing")["totals"] == {"items": 0, "firing": 0, "practices": 0, "undated": 0}
    assert answer(client, "/api/v1/practices")["items"] == []
    assert answer(client, "/api/v1/cohorts")["cohorts"] == []


def test_a_change_outside_the_scope_is_no_event(made: Made, view: Engine) -> None:
    ana = Identity(name="ana", practices=frozenset({MINE}))
    before = seen_now(made.console, ana)
    with Session(view) as session:
        for alias, seen in ((THEIRS, True), (MINE, False)):
            tin = scores(view, alias)[0].tin
            row = session.exec(select(Obligation).where(Obligation.tin == tin)).first()
            assert row is not None
            row.revision += 1
            session.commit()
            assert (seen_now(made.console, ana) == before) is seen
            row.revision -= 1
            session.commit()


def test_no_address_on_any_page_holds_a_tin(made: Made, view: Engine) -> None:
    operator = client_of(made, "operator")
    tins = {s.tin for alias in (MINE, THEIRS) for s in scores(view, alias)}
    npi = scores(view, MINE)[0].npi
    for path in ("/", "/practices", f"/practices/{MINE}", f"/clinicians/{npi}", "/cohorts", "/feeds", "/board.csv"):
        text = operator.get(path).text
        assert [tin for tin in tins if tin in text] == []
        assert re.findall(r'href="[^"]*\b\d{9}\b', text) == []


def test_a_practice_without_an_alias_has_an_opaque_name_that_leads_to_it(view: Engine) -> None:
    made = made_on(view, person("operator"))
    tin = scores(view, MINE)[0].tin
    with Session(view) as session:
        for alias in (None, tin, "a/b"):
            for score in session.exec(select(Score).where(Score.tin == tin)):
                score.practice_alias = alias
            session.commit()
            client = client_of(made, "operator")
            named = [p for p in answer(client, "/api/v1/practices")["items"] if p["name"] == "Prairie Spine 3 PLLC"]
            assert re.fullmatch("~[0-9a-f]{24}", named[0]["id"])
            assert answer(client, f"/api/v1/practices/{named[0]['id']}")["name"] == "Prairie Spine 3 PLLC"
            assert client.get(f"/practices/{tin}").status_code == 404
        for score in session.exec(select(Score).where(Score.tin == tin)):
            score.practice_alias = MINE
        session.commit()


def test_the_record_of_a_read_is_no_event_and_anything_that_is_said_is(made: Made, view: Engine) -> None:
    operator = Identity(name="operator", practices=None)
    before = seen_now(made.console, operator)
    told = []
    with Session(view) as session:
        for topic in ("t1.asm.operations.v1", "t1.asm.health.v1"):
            position = ReadPosition(topic=topic, partition=0, next_offset=7)
            session.add(position)
            session.commit()
            told.append(seen_now(made.console, operator) == before)
            session.delete(position)
            session.commit()
    assert told == [True, False]
