"""``asm standings``: scores -> cohort standings."""

import signal
from typing import Annotated

import typer

from infra.http_port import telling
from infra.kafka.connection import connect
from infra.log import configure_logging
from infra.rulebooks import load_rulebooks
from infra.settings import Settings, with_http_port
from streams.commands.terminal import HttpPort, complain
from streams.standings import Standings
from streams.supervisor import stop_with_supervisor
from streams.waiting import Patience

HELP = """Say where each cohort stands as its scores change: how many are seen, their median, the scaling factor.

Once enough of a cohort is seen, `asm status` shows payment factors by these figures; until then under named
assumptions about the peers. Run one of it, beside the worker and the projector."""


def standings(
    once: Annotated[bool, typer.Option("--once", help="Say what the scores that are there come to, then end.")] = False,
    http_port: HttpPort = None,
    supervised: Annotated[bool, typer.Option(hidden=True, help="End with whoever started it.")] = False,
) -> None:
    """Follow the scores and publish standings."""
    settings = with_http_port(Settings(), http_port)
    configure_logging(settings)
    patience = Patience(settings.unavailable_limit_seconds)
    rulebooks = load_rulebooks(settings.vintage, settings.areas_file)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(patience, "stopping", True))
    if supervised:
        stop_with_supervisor()
    with telling(settings, "standings"):
        if once:
            following = Standings(connect(settings), rulebooks, patience)
            following.run(once=True)
            complain(f"{following.said} standings said.")
        else:
            patience.keep_trying(lambda: Standings(connect(settings), rulebooks, patience).run(once=False))
