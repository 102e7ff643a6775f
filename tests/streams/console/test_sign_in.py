"""Signing in: a link that works once, tokens, sessions, scopes files, and what a browser may do."""

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine

from streams.console.identity import Identity, LocalSignIn, Person, ScopesError, read_scopes
from streams.console.visit import COOKIE
from tests.making import at
from tests.streams.console.asking import client_of
from tests.streams.console.serving import Made, made_on, person


@pytest.fixture
def made(view: Engine) -> Made:
    return made_on(view, person("operator"))


def test_the_link_signs_in_once_and_leaves_a_cookie_that_no_script_reads(made: Made) -> None:
    client, other = client_of(made), client_of(made)
    link = f"/sign-in?ticket={made.tickets['operator']}"
    response = client.get(link)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {"httponly", "path=/", "samesite=strict"}
    assert client.get("/").status_code == 200
    again = other.get(link)
    assert (again.status_code, "set-cookie" in again.headers) == (403, False)
    assert "That link or token opens nothing" in again.text


def test_a_token_signs_in_by_the_form_and_signing_out_ends_the_session(made: Made) -> None:
    client, other = client_of(made), client_of(made)
    assert client.post("/sign-in", data={"token": "wrong"}).status_code == 403
    assert client.post("/sign-in", data={"token": made.tokens["operator"]}).status_code == 303
    session = client.cookies[COOKIE]
    assert client.post("/sign-out").status_code == 303
    other.cookies.set(COOKIE, session)
    assert (client.get("/").status_code, other.get("/").headers["location"]) == (303, "/sign-in")


def test_a_form_from_another_site_is_refused(made: Made) -> None:
    client = client_of(made)
    token = {"token": made.tokens["operator"]}
    for path in ("/sign-in", "/sign-out"):
        assert client.post(path, data=token, headers={"origin": "https://elsewhere.example"}).status_code == 403
        assert client.post(path, data=token, headers={"origin": "null"}).status_code == 403
        assert client.post(path, data=token, headers={"origin": "http://testserver"}).status_code == 303


def test_a_host_name_that_is_not_ours_is_refused(made: Made) -> None:
    client = client_of(made, "operator")
    told = {host: client.get("/", headers={"host": host}).status_code for host in ("127.0.0.1:8484", "rebound.example")}
    assert told == {"127.0.0.1:8484": 200, "rebound.example": 400}


def test_every_answer_says_what_a_browser_may_do_with_it(made: Made) -> None:
    client = client_of(made, "operator")
    for path in ("/", "/sign-in", "/api/v1/missing", "/practices/nobody", "/static/console.css"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("max-age=3600" if path.startswith("/static") else "no-store")
    assert "<script>" not in client.get("/").text
    assert 'style="' not in client.get("/").text


def test_a_session_lasts_twelve_hours() -> None:
    now = [at("2028-03-01T08:00:00+00:00")]

    def clock() -> datetime:
        return now[0]

    sign_in = LocalSignIn([person("ana", "north")], clock)
    ana = Identity(name="ana", practices=frozenset({"north"}))
    session = sign_in.open(sign_in.handed[0].ticket)
    assert session is not None
    now[0] += timedelta(hours=12) - timedelta(seconds=1)
    assert sign_in.identify(session, None) == ana
    now[0] += timedelta(seconds=1)
    assert sign_in.identify(session, None) is None
    assert sign_in.identify(None, sign_in.handed[0].token) == ana


def test_a_scopes_file_says_who_may_see_what(tmp_path: Path) -> None:
    digest = sha256(b"a long token").hexdigest()
    path = tmp_path / "scopes.toml"
    path.write_text(
        f"""
[[person]]
name = "Ana"
practices = ["north", "south"]
token_sha256 = "{digest}"

[[person]]
name = "Bo"
practices = "all"
"""
    )
    people = read_scopes(path)
    assert people == (
        Person(identity=Identity(name="Ana", practices=frozenset({"north", "south"})), token_sha256=digest),
        Person(identity=Identity(name="Bo", practices=None)),
    )
    assert [p.identity.scope for p in people] == ["practices north, south", "all practices"]
    sign_in = LocalSignIn(people)
    assert sign_in.identify(None, "a long token") == people[0].identity
    assert [handed.token is None for handed in sign_in.handed] == [True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "person"),
        ("[[person]]\nname = 'Ana'\npractices = []", "sees no practice"),
        ("[[person]]\nname = 'Ana'\npractices = 'some'", "practices"),
        ("[[person]]\nname = 'Ana'\npractices = 'all'\ntoken_sha256 = 'short'", "64 hexadecimal digits"),
        ("[[person]]\nname = 'Ana'\npractices = 'all'\nadmin = true", "admin"),
        ("[[person]]\nname = 'Ana'\npractices = 'all'\n[[person]]\nname = 'Ana'\npractices = 'all'", "once"),
        ("person = ", "Invalid value"),
    ],
)
def test_a_scopes_file_that_cannot_be_is_refused_with_the_reason(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "scopes.toml"
    path.write_text(text)
    with pytest.raises(ScopesError, match=says):
        read_scopes(path)
