"""``asm project``: outputs -> SQL."""

import signal
import sys
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.database.engine import create_tables, open_engine, renew_tables, shown
from infra.http_port import telling
from infra.kafka.connection import connect
from infra.log import configure_logging
from infra.settings import Settings, with_http_port
from streams.commands.terminal import ERR, HttpPort, complain
from streams.projection import Projector
from streams.supervisor import stop_with_supervisor

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
    connection = connect(settings)
    engine = open_engine(settings.database_url.get_secret_value())
    with _bar(shown=once or rebuild) as bar:
        task = bar.add_task("records", total=None)
        projector = Projector(
            connection, engine, lambda read, left: bar.update(task, completed=read, total=read + left)
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(projector, "stopping", True))
        if supervised:
            stop_with_supervisor()
        if rebuild:
            renew_tables(engine)
            projector.rebuild()
        else:
            create_tables(engine)
            with telling(settings, "project"):
                projector.run(once=once)
    if rebuild and projector.stopping:
        complain("Stopped: the rows are as they were.")
    elif rebuild or once:
        complain(f"{shown(engine)} is up to date: {projector.records_read} records read.")


def _bar(*, shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not (shown and sys.stderr.isatty()))
