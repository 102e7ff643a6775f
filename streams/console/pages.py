"""The pages: server-rendered, readable without JavaScript."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from streams.console.api import Cursor, Year, description
from streams.console.items import Asked, board_csv, board_page
from streams.console.participants import clinician, practice, practices_page
from streams.console.pictures import bars, history_picture
from streams.console.system import cohorts, feeds, system_health
from streams.console.visit import Here, Visit

pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
ROWS = 50
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9~][A-Za-z0-9._~-]{0,63}$")]


@pages.get("/")
def show_board(visit: Here, asked: Annotated[Asked, Query()], cursor: Cursor = None) -> Response:
    """Show what is missing, soonest and costliest first."""
    found = visit.show("board", asked.in_words(), board_page(visit, asked, ROWS, cursor))
    query = urlencode(asked.query())
    more = urlencode(asked.query() | {"cursor": found["next_cursor"]}) if found["next_cursor"] else None
    stages = sorted({s.stage for book in visit.console.rulebooks.values() for s in book.submission.stages})
    choices = {"cohorts": visit.console.cohorts, "stages": sorted(stages, key=_stage_order)}
    return _page(visit, "board.html", board=found, asked=asked, query=query, more=more, first=cursor is None, **choices)


@pages.get("/board.csv")
def download_board(visit: Here, asked: Annotated[Asked, Query()]) -> Response:
    """Download what is missing."""
    found = visit.show("csv", asked.in_words(), board_csv(visit, asked))
    headers = {"content-disposition": 'attachment; filename="missing-submissions.csv"'}
    return Response(found["csv"], headers=headers, media_type="text/csv; charset=utf-8")


@pages.get("/practices")
def show_practices(visit: Here, cursor: Cursor = None) -> Response:
    """Show the practices."""
    found = visit.show("practices", "everything", practices_page(visit, 2 * ROWS, cursor))
    return _page(visit, "practices.html", practices=found, first=cursor is None)


@pages.get("/practices/{practice_id}")
def show_practice(visit: Here, practice_id: Id, year: Year = None) -> Response:
    """Show a practice."""
    found = visit.show("practice", _of(year), practice(visit, practice_id, year))
    return _page(visit, "practice.html", practice=found)


@pages.get("/clinicians/{npi}")
def show_clinician(visit: Here, npi: Annotated[str, Path(pattern=r"^[0-9]{10}$")], year: Year = None) -> Response:
    """Show a clinician."""
    found = visit.show("clinician", _of(year), clinician(visit, npi, year))
    drawn = [history_picture(p["history"], found["now"]) for p in found["participations"]]
    return _page(visit, "clinician.html", clinician=found, pictures=drawn)


@pages.get("/cohorts")
def show_cohorts(visit: Here) -> Response:
    """Show the cohorts."""
    found = visit.show("cohorts", "everything", cohorts(visit))
    drawn = [bars(cohort["cells"]) for cohort in found["cohorts"]]
    return _page(visit, "cohorts.html", found=found, drawn=drawn)


@pages.get("/feeds")
def show_feeds(visit: Here) -> Response:
    """Show what was refused and found wrong."""
    return _page(visit, "feeds.html", feeds=visit.show("feeds", "everything", feeds(visit)))


@pages.get("/health")
def show_health(visit: Here) -> Response:
    """Show the system's own health."""
    return _page(visit, "health.html", health=visit.show("health", "everything", system_health(visit)))


@pages.get("/api")
def show_api(visit: Here, request: Request) -> Response:
    """Show the description of the JSON API."""
    return _page(visit, "api.html", api=description(request.app))


def _page(visit: Visit, template: str, **content: Any) -> Response:
    page = visit.console.templates.get_template(template)
    return HTMLResponse(page.render(identity=visit.identity, as_of=visit.as_of, **content))


def _of(year: int | None) -> str:
    return "latest year" if year is None else f"year {year}"


def _stage_order(stage: str) -> tuple[int, str]:
    """Order stages as they come: many days before the deadline, few, then DUE and PAST."""
    number = stage.removeprefix("T_")
    return (-int(number), "") if number.isdecimal() else (0, stage)
