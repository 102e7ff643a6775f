"""``asm project``: outputs -> SQL."""

import signal
import sys
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from infra.database.engine import create_tables, open_engine, renew_tables, shown
from infra.http_port import telling
from infra.kafka.connection import connect
from infra.log import configure_logging
from infra.settings import Settings, with_http_port
from streams.commands.terminal import ERR, HttpPort, complain
from streams.projection import Projector
from streams.supervisor import stop_with_supervisor
from streams.waiting import Patience

HELP = """Keep the SQL view up to date with what is announced, until told to stop.

The database is a SQLite file, or PostgreSQL by ASM_DATABASE_URL. It is a view: it can be dropped and rebuilt from the
topics at any time, with the same rows."""


def project(
    once: Annotated[bool, typer.Option("--once", help="Read what is there now, then end.")] = False,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Make every row anew from the topics, then end; readers see the old till then."),
    ] = False,
    http_port: HttpPort = None,
    supervised: Annotated[bool, typer.Option(hidden=True, help="End with whoever started it.")] = False,
) -> None:
    """Project outputs into the database."""
    settings = with_http_port(Settings(), http_port)
    configure_logging(settings)
    patience = Patience(settings.unavailable_limit_seconds)
    engine = open_engine(settings.database_url.get_secret_value(), settings.database_timeout_seconds)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(patience, "stopping", True))
    if supervised:
        stop_with_supervisor()
    with telling(settings, "project"):
        if once or rebuild:
            _read_once(settings, engine, patience, rebuild=rebuild)
        else:
            patience.keep_trying(lambda: _follow(settings, engine, patience))


def _follow(settings: Settings, engine: Engine, patience: Patience) -> None:
    connection = connect(settings)
    create_tables(engine)
    Projector(connection, engine, patience=patience).run(once=False)


def _read_once(settings: Settings, engine: Engine, patience: Patience, *, rebuild: bool) -> None:
    connection = connect(settings)
    with _bar() as bar:
        task = bar.add_task("records", total=None)
        projector = Projector(
            connection, engine, lambda read, left: bar.update(task, completed=read, total=read + left), patience
        )
        if rebuild:
            renew_tables(engine)
            projector.rebuild()
        else:
            create_tables(engine)
            projector.run(once=True)
    if rebuild and projector.stopping:
        complain("Stopped: the rows are as they were.")
    else:
        complain(f"{shown(engine)} is up to date: {projector.records_read} records read.")


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty())
