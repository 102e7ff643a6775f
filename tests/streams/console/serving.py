"""A console on a database: what it records is kept in memory; and the same behind a real server on a free port."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from sqlalchemy import Engine

from infra.database.engine import open_engine
from infra.errors import Unavailable
from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from infra.settings import Settings
from streams.console.app import create_app
from streams.console.identity import EVERYBODY, Identity, LocalSignIn, Person
from streams.console.visit import Console
from tests.integration.system import await_that

BOOKS = load_rulebooks(DEFAULT_VINTAGE)


@dataclass
class Kept:
    """Records that are kept, or refused as if Kafka did not take them."""

    records: list[tuple[str, str, str, str, tuple[str, ...]]] = field(default_factory=list)
    refusing: bool = False

    def record(self, identity: Identity, command: str, asked: str, items: Sequence[str]) -> None:
        """Keep a record."""
        if self.refusing:
            raise Unavailable("Kafka does not take the record of this read.")
        self.records.append((identity.name, identity.scope, command, asked, tuple(items)))


def person(name: str, *practices: str) -> Person:
    """A person who may see some practices; without any named, all."""
    return Person(identity=Identity(name=name, practices=frozenset(practices) or None))


@dataclass(frozen=True)
class Made:
    """A console with the tokens of its people, and what it recorded."""

    console: Console
    kept: Kept
    tokens: dict[str, str]
    tickets: dict[str, str]


def made_on(engine: Engine, *people: Person) -> Made:
    """A console on a database, on a simulated clock."""
    sign_in, kept = LocalSignIn(people or EVERYBODY), Kept()
    settings = Settings.model_validate({"clock": "events"})
    console = Console(
        settings=settings,
        engine=engine,
        rulebooks=BOOKS,
        sign_in=sign_in,
        recorder=kept,
        hosts=("127.0.0.1", "localhost", "testserver"),
    )
    tokens = {handed.name: handed.token or "" for handed in sign_in.handed}
    return Made(console, kept, tokens, {handed.name: handed.ticket for handed in sign_in.handed})


def opened(path: Path) -> Engine:
    """The engine of a SQLite file."""
    return open_engine(f"sqlite:///{path}")


@contextmanager
def served(console: Console) -> Iterator[str]:
    """Serve a console on this machine; yield its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        config = uvicorn.Config(create_app(console), log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            await_that(lambda: server.started, 20, "the console listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(20)
