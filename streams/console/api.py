"""The JSON API: what the pages show, for programs (OpenAPI 3.1, problems by RFC 9457)."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from streams.console import documents
from streams.console.identity import Identity
from streams.console.items import Asked, board_page
from streams.console.participants import clinician, practice, practices_page
from streams.console.problems import API, PROBLEM, PROBLEM_JSON
from streams.console.system import cohorts, feeds, system_health
from streams.console.visit import Here, Reading, Visit, identity_of
from streams.wording import ESTIMATE, as_json

Npi = Annotated[str, Path(pattern=r"^[0-9]{10}$", description="National Provider Identifier.")]
PracticeId = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9~][A-Za-z0-9._~-]{0,63}$", description="The roster's alias, or an opaque id: no TIN."),
]
Year = Annotated[int | None, Query(ge=1, le=9999, description="Performance year; none: the latest.")]
Limit = Annotated[int, Query(ge=1, le=500, description="Most rows of the page.")]
Cursor = Annotated[str | None, Query(pattern=r"^p[0-9]{1,9}$", description="`next_cursor` of the page before.")]

_DESCRIPTION = f"""What the console shows, for programs. {ESTIMATE}

Sign in with `Authorization: Bearer TOKEN`. You see the practices of your scope; anything else is 404, as if it were not
there. Every answer is recorded with your name and whom it is about; where it cannot be recorded, the answer is 503.
Numbers are numbers, instants are UTC, what is absent is left out. No TIN stands in an address or an answer."""


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: _problem("Nobody whom the sign-in knows."),
    404: _problem("Not there, or not among your practices."),
    422: _problem("A question that cannot be asked."),
    503: _problem("A machine is unavailable, or the read cannot be recorded."),
}


class Json(JSONResponse):
    """JSON as the command line writes it."""

    def render(self, content: Any) -> bytes:
        """Return a document as JSON: numbers are numbers, what is absent is left out."""
        return as_json(content).encode()


api = APIRouter(prefix=API, default_response_class=Json, responses=_PROBLEMS)


def _answer(visit: Visit, name: str, asked: str, reading: Reading) -> Json:
    return Json(visit.show(f"api {name}", asked, reading))


def _get(path: str, shape: type[BaseModel]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return api.get(path, response_model=None, responses={200: {"model": shape}})


@_get("/missing", documents.Board)
def read_missing(visit: Here, asked: Annotated[Asked, Query()], limit: Limit = 100, cursor: Cursor = None) -> Json:
    """Return what is not submitted: soonest due, then what alerts, then the costliest."""
    return _answer(visit, "missing", asked.in_words(), board_page(visit, asked, limit, cursor))


@_get("/practices", documents.Practices)
def read_practices(visit: Here, limit: Limit = 100, cursor: Cursor = None) -> Json:
    """Return the practices that you may see, by name, with what is open at each."""
    return _answer(visit, "practices", "everything", practices_page(visit, limit, cursor))


@_get("/practices/{practice_id}", documents.PracticeShape)
def read_practice(visit: Here, practice_id: PracticeId, year: Year = None) -> Json:
    """Return a practice: its clinicians, what it must submit itself, what is wrong in what was received."""
    return _answer(visit, "practice", _year(year), practice(visit, practice_id, year))


@_get("/clinicians/{npi}", documents.ClinicianShape)
def read_clinician(visit: Here, npi: Npi, year: Year = None) -> Json:
    """Return a clinician: the score part by part, its history, what is owed, what to do next."""
    return _answer(visit, "clinician", _year(year), clinician(visit, npi, year))


@_get("/cohorts", documents.Cohorts)
def read_cohorts(visit: Here) -> Json:
    """Return how the final scores of each cohort lie; too small cells are suppressed."""
    return _answer(visit, "cohorts", "everything", cohorts(visit))


@_get("/feeds", documents.Feeds)
def read_feeds(visit: Here) -> Json:
    """Return what was refused and what was found wrong, by feed and code."""
    return _answer(visit, "feeds", "everything", feeds(visit))


@_get("/health", documents.Health)
def read_health(visit: Here) -> Json:
    """Return the system's own health, as last said."""
    return _answer(visit, "health", "everything", system_health(visit))


@api.get("/openapi.json", include_in_schema=False)
def read_description(request: Request, identity: Annotated[Identity, Depends(identity_of)]) -> Json:  # noqa: ARG001
    """Return the description of the API."""
    return Json(description(request.app))


def description(app: FastAPI) -> dict[str, Any]:
    """Return the API's description in OpenAPI 3.1."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="asm-streams console",
            version="1",
            description=_DESCRIPTION,
            routes=api.routes,
            openapi_version="3.1.0",
        )
        components = made.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = PROBLEM
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"token": []}]
        app.openapi_schema = made
    return app.openapi_schema


def _year(year: int | None) -> str:
    return "latest year" if year is None else f"year {year}"
