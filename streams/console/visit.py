"""One request: who asks, what they may see, and the record of what they are shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from secrets import token_bytes
from typing import Annotated, Any

from fastapi import Depends, Request
from jinja2 import Environment
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from infra.database.engine import unreachable
from infra.database.questions import said_as_of
from infra.settings import Settings
from processors.rulebook import Rulebook
from streams.answers import present
from streams.console.identity import Identity, SignIn
from streams.console.recording import Recorder
from streams.console.sight import Sight
from streams.console.templating import environment

COOKIE = "asm_console"


@dataclass(frozen=True, kw_only=True)
class Console:
    """What every request needs. ``secure``: the browser reaches it over TLS alone."""

    settings: Settings
    engine: Engine
    rulebooks: Mapping[int, Rulebook]
    sign_in: SignIn
    recorder: Recorder
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    secure: bool = False
    key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    templates: Environment = field(default_factory=environment)

    @property
    def cohorts(self) -> list[str]:
        """The cohorts that the rulebooks know."""
        return sorted({cohort.code for book in self.rulebooks.values() for cohort in book.terms.cohorts})


class NotSignedIn(Exception):
    """Nobody whom the sign-in knows."""


class NotThere(Exception):
    """It is not there, or not for who asks: nobody learns which."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is shown, and of whom: NPIs and practices as addresses name them."""

    document: dict[str, Any]
    items: tuple[str, ...] = ()


class Visit:
    """A signed-in person's request, with a session on the view."""

    def __init__(self, console: Console, identity: Identity, session: Session) -> None:
        self.console = console
        self.identity = identity
        self.session = session

    @cached_property
    def sight(self) -> Sight:
        """What the person may see."""
        return Sight(self.session, self.identity, self.console.key)

    @cached_property
    def now(self) -> datetime:
        """What time it is: the wall's, or on a simulated clock that of what was said."""
        return present(self.session, self.console.settings)

    @cached_property
    def as_of(self) -> datetime | None:
        """The latest instant that anything was said as of, of what the person may see."""
        return said_as_of(self.session, self.sight.tins)

    def show(self, page: str, asked: str, reading: Reading) -> dict[str, Any]:
        """Record what is about to be shown, then return it.

        :raises Unavailable: it is not recorded, so it may not be shown.
        """
        self.console.recorder.record(self.identity, f"console {page}", asked, reading.items)
        return reading.document


def console_of(request: Request) -> Console:
    """Return the console that a request came to."""
    found: Console = request.app.state.console
    return found


def identity_of(request: Request) -> Identity:
    """Return who asks.

    :raises NotSignedIn: nobody known.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else None
    found = console_of(request).sign_in.identify(request.cookies.get(COOKIE), bearer)
    if found is None:
        raise NotSignedIn
    return found


def visit_of(request: Request, identity: Annotated[Identity, Depends(identity_of)]) -> Iterator[Visit]:
    """Yield the visit of a signed-in person.

    :raises Unavailable: the database does not answer.
    """
    console = console_of(request)
    try:
        with Session(console.engine) as session:
            yield Visit(console, identity, session)
    except DatabaseError as error:
        raise unreachable(console.engine, error) from error


Here = Annotated[Visit, Depends(visit_of)]
