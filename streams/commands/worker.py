"""``asm worker``: admission and assessment, supervised."""

from enum import StrEnum
from typing import Annotated

import typer

from infra.errors import Unavailable
from infra.kafka.connection import connect
from infra.log import configure_logging
from infra.settings import Settings, with_http_port
from streams.app import Stage, run_worker
from streams.commands.terminal import HttpPort
from streams.supervisor import Supervisor, asm_command, stop_with_supervisor
from streams.waiting import UNAVAILABLE, Patience

HELP = """Admit what arrives and assess it, until told to stop.

The command watches over the process that does the work, and starts it again when it ends. Where systemd, compose or
Kubernetes does that, say --no-supervise; exit code 75 then means: start me again."""


class Only(StrEnum):
    """One of the two stages."""

    ADMISSION = "admission"
    ASSESSMENT = "assessment"


def work(
    only: Annotated[Only | None, typer.Option(help="Run one of the two stages.")] = None,
    http_port: HttpPort = None,
    per_second: Annotated[
        float | None, typer.Option(min=1, help="Most records of the journal that assessment works on in a second.")
    ] = None,
    supervise: Annotated[bool, typer.Option(help="Start the working process again when it ends.")] = True,
    supervised: Annotated[bool, typer.Option(hidden=True, help="End with the supervisor.")] = False,
) -> None:
    """Run a worker."""
    settings = with_http_port(Settings(), http_port)
    configure_logging(settings)
    if supervise:
        arguments = ["worker", "--no-supervise", "--supervised", *(["--only", only.value] if only else [])]
        arguments += [] if http_port is None else ["--http-port", str(http_port)]
        arguments += [] if per_second is None else ["--per-second", str(per_second)]
        patience = Patience(settings.unavailable_limit_seconds)
        raise typer.Exit(Supervisor(asm_command(*arguments), settings.restarts_max, patience).run())
    stages: tuple[Stage, ...] = (only.value,) if only else ("admission", "assessment")
    if supervised:
        stop_with_supervisor()
    try:
        code = run_worker(connect(settings), stages, per_second)
    except Unavailable as error:
        if not supervised:
            raise
        print(error)  # noqa: T201 - to the supervisor, who says it
        code = UNAVAILABLE
    raise typer.Exit(code)
