"""``asm simulate``: a seeded, believable world of events."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.kafka.connection import connect
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from processors.events import ClaimReceived
from processors.rulebook import Rulebook
from processors.simulation import simulate as simulate_world
from schemas.cloudevents import render_event
from streams.commands.files import in_a_folder
from streams.commands.terminal import complain
from streams.feeding import feed

HELP = """Make the events of a performance year of practices that do not exist.

The same seed gives the same events: roster, claims with corrections and cancellations, submissions that are late,
wrong, repeated and out of order, receipts. They are written to standard output (JSON Lines), into --out, or onto the
inbound topics with --send; `asm demo` plays them with a clock."""


def simulate(
    clinicians: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many clinicians.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    year: Annotated[int | None, typer.Option(help="Performance year; none: the rulebook's first.")] = None,
    claims: Annotated[bool, typer.Option(help="With the practices' claims, or without.")] = True,
    out: Annotated[Path | None, typer.Option(callback=in_a_folder, help="Write the events into this file.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Produce the events; for a clock of events.")] = False,
) -> None:
    """Make a world."""
    settings = Settings()
    rulebook = rulebook_of(year, settings)
    if send and settings.clock != "events":
        raise typer.BadParameter("--send needs ASM_CLOCK=events: on the wall's clock all would be received now")
    world = [t for t in simulate_world(seed, clinicians, rulebook) if claims or not isinstance(t.event, ClaimReceived)]
    if out is None and not send:
        for timed in world:
            sys.stdout.buffer.write(render_event(timed.event, timed.received_at) + b"\n")
        sys.stdout.buffer.flush()
        return
    with feed(lambda: connect(settings), out, dry_run=False) as opened:
        for timed in world:
            opened.send(timed.event, timed.received_at)
    complain(f"{len(world)} events of {clinicians} clinicians, {_span(world[0].received_at, world[-1].received_at)}.")


def rulebook_of(year: int | None, settings: Settings) -> Rulebook:
    """Return the law of a year, without one that of the first."""
    rulebooks = load_rulebooks(settings.vintage, settings.areas_file)
    if year is not None and year not in rulebooks:
        raise typer.BadParameter(f"the rulebook {settings.vintage} has {', '.join(map(str, sorted(rulebooks)))}")
    return rulebooks[min(rulebooks) if year is None else year]


def _span(first: datetime, last: datetime) -> str:
    return f"received from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
