"""What went wrong, said to a browser as a page and to a program as problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from infra.errors import Unavailable
from streams.console.items import CannotBe
from streams.console.visit import NotSignedIn, NotThere, console_of

API = "/api/v1"
EVENTS = "/events"
PROBLEM_JSON = "application/problem+json"
_NOT_THERE = "There is nothing of that name, or nothing that you may see."
_UNSIGNED = "Sign in, or send a token as `Authorization: Bearer TOKEN`."

_STATUSES: dict[type[Exception], HTTPStatus] = {
    NotThere: HTTPStatus.NOT_FOUND,
    CannotBe: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

#: The schema of a problem, for the API's description.
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details of RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def handle_problems(app: FastAPI) -> None:
    """Let an app answer every error in the form that the asker reads."""
    app.add_exception_handler(NotSignedIn, _unsigned)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    for kind in _STATUSES:
        app.add_exception_handler(kind, _ours)


def _ours(request: Request, error: Exception) -> Response:
    return problem(request, _STATUSES[type(error)], _NOT_THERE if isinstance(error, NotThere) else str(error))


def _unsigned(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's
    if _by_program(request) or request.url.path == EVENTS:
        return problem(request, HTTPStatus.UNAUTHORIZED, _UNSIGNED)
    return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)


def _invalid(request: Request, error: Exception) -> Response:
    wrong = error.errors() if isinstance(error, RequestValidationError) else []
    if not _by_program(request) and any(each["loc"][0] == "path" for each in wrong):
        return problem(request, HTTPStatus.NOT_FOUND, _NOT_THERE)
    told = "; ".join(f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}" for each in wrong)
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, told)


def _of_http(request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
    response = problem(request, status, _NOT_THERE if status is HTTPStatus.NOT_FOUND else status.description)
    if isinstance(error, HTTPException):
        response.headers.update(error.headers or {})
    return response


def problem(request: Request, status: HTTPStatus, detail: str) -> Response:
    """Return a problem as a page or as problem details."""
    if _by_program(request):
        told = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
        headers = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
        return JSONResponse(told, status, headers, media_type=PROBLEM_JSON)
    page = console_of(request).templates.get_template("problem.html")
    return HTMLResponse(page.render(title=status.phrase, detail=detail, status=status.value), status)


def _by_program(request: Request) -> bool:
    return request.url.path.startswith(API)
