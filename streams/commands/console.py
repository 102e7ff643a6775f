"""``asm console``: the board, clinicians, practices and cohorts in a browser, and the same as a JSON API."""

import ipaddress
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Engine

from infra.database.engine import open_engine, require_tables
from infra.kafka.connection import connect
from infra.log import Log, configure_logging
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from streams.commands.terminal import OUT
from streams.console.identity import EVERYBODY, Handed, LocalSignIn, ScopesError, read_scopes
from streams.console.recording import Recorder, kafka_recorder

if TYPE_CHECKING:
    from streams.console.visit import Console

HELP = """Show the SQL view in a browser: missing submissions, clinicians, practices, cohorts, feeds and health.

It listens on this machine alone, prints a link that signs in once and a token for the JSON API (/api), and writes each
read of a participant to asm.operations.v1: what cannot be recorded is not shown."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_DRAIN_SECONDS = 2


def console(
    host: Annotated[str, typer.Option(help="Address to listen on; another than this machine's needs --behind.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8484,
    scopes: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Who may see which practices (TOML); none: one operator, all."),
    ] = None,
    behind: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Serve other machines: a proxy with TLS stands in front and is reached by this host name.",
        ),
    ] = None,
) -> None:
    """Serve the console until told to stop."""
    settings = Settings()
    refuse_open_door(host, behind)
    sign_in = _sign_in(scopes)
    configure_logging(settings)
    engine = open_engine(settings.database_url.get_secret_value())
    require_tables(engine)
    try:
        with kafka_recorder(connect(settings)) as recorder:
            made = _made(settings, engine, sign_in, recorder, behind)
            _tell(sign_in.handed, f"http://{host}:{port}" if behind is None else f"https://{behind}")
            _serve(made, host, port)
    finally:
        engine.dispose()


def _made(
    settings: Settings, engine: Engine, sign_in: LocalSignIn, recorder: Recorder, behind: str | None
) -> "Console":
    from streams.console.visit import Console  # noqa: PLC0415 - FastAPI is a quarter second of every other command

    return Console(
        settings=settings,
        engine=engine,
        rulebooks=load_rulebooks(settings.vintage, settings.areas_file),
        sign_in=sign_in,
        recorder=recorder,
        hosts=_LOOPBACK if behind is None else (*_LOOPBACK, behind),
        secure=behind is not None,
    )


def _sign_in(scopes: Path | None) -> LocalSignIn:
    try:
        return LocalSignIn(EVERYBODY if scopes is None else read_scopes(scopes))
    except ScopesError as error:
        raise typer.BadParameter(str(error)) from error


def _serve(made: "Console", host: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415 - as above

    from streams.console.app import create_app  # noqa: PLC0415

    Log().info("console_started", host=host, port=port)
    for number in (signal.SIGTERM, signal.SIGINT):  # the server stops by them, then raises them again
        signal.signal(number, lambda *_: None)
    uvicorn.run(
        create_app(made),
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # an address may hold a ticket, and tells who is looked at
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,  # a browser that listens for changes never ends by itself
    )


def refuse_open_door(host: str, behind: str | None) -> None:
    """Refuse to listen where other machines reach it, unless a proxy is named.

    :raises typer.BadParameter: no proxy is.
    """
    if behind is None and not _is_loopback(host):
        raise typer.BadParameter(
            f"{host} is reached by other machines, in clear: keep 127.0.0.1, or put a proxy with TLS in front and "
            "name the host that people reach it by: --behind NAME",
            param_hint="--host",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tell(handed: tuple[Handed, ...], address: str) -> None:
    """Print the links and tokens: on the terminal alone, never into the log."""
    for each in handed:
        OUT.print(
            f"{each.name}: open {address}/sign-in?ticket={each.ticket} (works once)", markup=False, soft_wrap=True
        )
        if each.token is not None:
            OUT.print(f"  token for the API, or another browser: {each.token}", markup=False, soft_wrap=True)
