"""Each read is recorded with who, what and of whom; what cannot be recorded is not shown."""

from sqlalchemy import Engine

from tests.streams.console.asking import answer, client_of
from tests.streams.console.serving import made_on, person
from tests.streams.console.test_scope import MINE, THEIRS, routes, scores


def test_each_read_is_recorded_with_who_what_and_of_whom(view: Engine) -> None:
    made = made_on(view, person("ana", MINE))
    ana = client_of(made, "ana")
    npi, scope = scores(view, MINE)[0].npi, f"practices {MINE}"
    board = answer(ana, "/api/v1/missing?alert=FIRING&limit=3")
    assert ana.get(f"/clinicians/{npi}").status_code == 200
    assert ana.get(f"/practices/{MINE}?year=2027").status_code == 200
    assert ana.get("/health").status_code == 200
    shown = tuple(dict.fromkeys(row.get("npi") or row["practice"]["id"] for row in board["items"]))
    everybody = sorted(scores(view, MINE), key=lambda s: (s.name or "", s.npi))
    assert made.kept.records == [
        ("ana", scope, "console api missing", "alert FIRING", shown),
        ("ana", scope, "console clinician", "latest year", (npi,)),
        ("ana", scope, "console practice", "year 2027", (MINE, *(s.npi for s in everybody))),
        ("ana", scope, "console health", "everything", ()),
    ]


def test_a_csv_file_is_a_read_of_everybody_in_it(view: Engine) -> None:
    made = made_on(view, person("operator"))
    rows = client_of(made, "operator").get("/board.csv").text.splitlines()
    (record,) = made.kept.records
    assert record[:4] == ("operator", "all practices", "console csv", "everything")
    assert all(any(item in row for row in rows) for item in record[4])
    assert len(record[4]) == len({(r.split(",")[6] or r.split(",")[4]) for r in rows[1:]})


def test_what_is_not_there_is_no_read(view: Engine) -> None:
    made = made_on(view, person("ana", MINE))
    ana = client_of(made, "ana")
    assert ana.get(f"/practices/{THEIRS}").status_code == 404
    assert ana.get(f"/api/v1/clinicians/{scores(view, THEIRS)[0].npi}").status_code == 404
    assert made.kept.records == []


def test_nothing_is_shown_where_it_is_not_recorded(view: Engine) -> None:
    made = made_on(view, person("operator"))
    made.kept.refusing = True
    client = client_of(made, "operator")
    npi = scores(view, MINE)[0].npi
    quiet = {"/sign-in", "/events", "/api", "/api/v1/openapi.json"}  # they show nothing of anybody
    for path in routes(made):
        if path in quiet:
            continue
        response = client.get(path.replace("{npi}", npi).replace("{practice_id}", MINE))
        assert response.status_code == 503, path
        assert [word for word in (npi, MINE, "Prairie Spine") if word in response.text] == [], path
