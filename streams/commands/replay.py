"""``asm replay``: look at another law beside the live one, see who moves, give it to the live one, and go back."""

import getpass
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from infra.kafka.connection import Connection, connect
from infra.settings import Settings
from schemas.recalculations import Announce, GenerationState
from streams.commands import replay_diff
from streams.commands.replay_start import By, start_generation
from streams.commands.terminal import ERR, OUT, Json, complain, print_json, table
from streams.generations import Order, Standing, abandon, generations, is_there, operations, standing
from streams.promotion import await_everywhere, desk
from streams.recalculations import Recalculation, law_in_force, recalculations
from streams.wording import show_instant


class Announced(StrEnum):
    """Whether people are told."""

    CHANGED = "changed"
    NONE = "none"


app = typer.Typer(
    no_args_is_help=True,
    help="Recalculation: run assessment under another law beside the live one, see who moves, switch, and go back.",
)
app.command(name="start")(start_generation)
app.command(name="diff", help=replay_diff.HELP)(replay_diff.diff)
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record on asm.operations.v1.")]
AnnounceOption = Annotated[
    Announced, typer.Option(help="Whether people are told of alerts that change with it: changed, or none.")
]
Name = Annotated[str, typer.Argument(help="Name of the generation, as `list` shows it.")]


@app.command(name="list")
def list_generations(json: Json = False) -> None:
    """List the generations beside the live one: what they are, how far they are, and what was promoted."""
    connection = connect(Settings())
    recorded = operations(connection)
    done = recalculations(recorded)
    found = [standing(connection, g) for g in generations(recorded).values() if is_there(g)]
    if json:
        print_json({"generations": [_document(s, done) for s in found], "recalculations": [r.document() for r in done]})
        return
    columns = ("generation", "state", "way", "journal", "workers", "until", "started", "by", "why")
    rows = [tuple(_document(s, done).values())[: len(columns)] for s in found]
    OUT.print(table(f"{len(rows)} generations beside the live one", columns, rows))
    if done:
        told = ("recalculation", "state", "promoted", "movers", "participants", "by", "why")
        OUT.print(table("The law of the live generation", told, (r.row() for r in done)))


@app.command()
def promote(
    name: Name,
    reason: Reason,
    by: By = None,
    announce: AnnounceOption = Announced.CHANGED,
) -> None:
    """Give the live generation the law of another one: it says what differs under it, and only that.

    Every partition switches at one place of its journal; the SQL view, the command line and the console switch in one
    transaction when all have. A command that was stopped is run again.
    """
    connection = connect(Settings())
    with desk(connection) as opened:
        begun = opened.promote(name, Announce[announce.name], Order(actor=by or getpass.getuser(), reason=reason))
    _await(connection, begun)


@app.command()
def rollback(reason: Reason, by: By = None, announce: AnnounceOption = Announced.CHANGED) -> None:
    """Give the live generation back the law that it had before the last recalculation."""
    connection = connect(Settings())
    with desk(connection) as opened:
        begun = opened.roll_back(Announce[announce.name], Order(actor=by or getpass.getuser(), reason=reason))
    _await(connection, begun)


def _await(connection: Connection, begun: Recalculation) -> None:
    """Wait until every partition has switched, and tell."""
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=ERR, disable=not ERR.is_terminal, transient=True) as drawn:
        task = drawn.add_task("partitions under the new law", total=begun.started.partitions)
        done = await_everywhere(
            connection,
            begun.started.recalculation,
            lambda found: drawn.update(task, completed=len(found.partitions)),
        )
    counts, seconds = done.counts(), time.monotonic() - started
    complain(
        f"{done.started.recalculation}: {counts['movers']} of {counts['participants']} participants have another final "
        f"score; {counts['scores']} scores, {counts['obligations']} obligations and {counts['findings']} findings were "
        f"said; {seconds:.1f} s."
    )


@app.command(name="abandon")
def abandon_generation(name: Name, reason: Reason, by: By = None) -> None:
    """Delete a generation: its topics and its group. Its record stays."""
    connection = connect(Settings())
    deleted = abandon(connection, name, Order(actor=by or getpass.getuser(), reason=reason))
    complain(f"{name} is abandoned; deleted: {', '.join(deleted) or 'nothing'}.")


def _document(found: Standing, done: list[Recalculation]) -> Mapping[str, object]:
    recorded = found.recorded
    return {
        "generation": recorded.generation,
        "state": _state(found, done),
        "way": recorded.way,
        "journal": f"{found.done} of {found.total}",
        "workers": found.workers,
        "until": recorded.until and show_instant(recorded.until),
        "started": show_instant(recorded.instant),
        "by": recorded.actor,
        "why": recorded.reason,
        "done": found.done,
        "total": found.total,
        "rulebooks": dict(recorded.rulebooks),
        "engine": recorded.engine,
    }


def _state(found: Standing, done: list[Recalculation]) -> str:
    name = found.recorded.generation
    if law_in_force(done) == name:
        return "IN FORCE"
    if any(r.started.generation == name and not r.started.rollback for r in done):
        return "PROMOTED BEFORE"
    if found.ended:
        return "ENDED"
    if found.recorded.state is GenerationState.CAUGHT_UP:
        return "CAUGHT UP"
    return "RUNNING" if found.workers else "STOPPED"
