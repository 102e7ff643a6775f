"""Signing in and out: a link that works once, or a token in a form; then a cookie that no script can read."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from streams.console.problems import problem
from streams.console.visit import COOKIE, console_of

_WRONG = "That link or token opens nothing: a link works once, and tokens end with the process that gave them."
_ELSEWHERE = "The form was sent from another site."


class FromElsewhere(Exception):
    """A form that another site sent."""


def from_here(request: Request) -> None:
    """Refuse what another site sends.

    :raises FromElsewhere: the browser names another origin.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise FromElsewhere


def refuse_elsewhere(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the framework's
    """Answer what another site sent."""
    return problem(request, HTTPStatus.FORBIDDEN, _ELSEWHERE)


doors = APIRouter(include_in_schema=False)


@doors.get("/sign-in")
def ask(request: Request, ticket: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    """Show the form, or open a session for a link's ticket."""
    if ticket is not None:
        return _open(request, ticket)
    return _form(request, HTTPStatus.OK, None)


@doors.post("/sign-in", dependencies=[Depends(from_here)])
def sign_in(request: Request, token: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Open a session for a token."""
    return _open(request, token.strip())


@doors.post("/sign-out", dependencies=[Depends(from_here)])
def sign_out(request: Request) -> Response:
    """End the session."""
    session = request.cookies.get(COOKIE)
    if session is not None:
        console_of(request).sign_in.close(session)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=console_of(request).secure)
    return response


def _open(request: Request, proof: str) -> Response:
    console = console_of(request)
    session = console.sign_in.open(proof)
    if session is None:
        return _form(request, HTTPStatus.FORBIDDEN, _WRONG)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    response.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=console.secure)
    return response


def _form(request: Request, status: HTTPStatus, wrong: str | None) -> Response:
    page = console_of(request).templates.get_template("sign_in.html")
    return HTMLResponse(page.render(wrong=wrong), status)
