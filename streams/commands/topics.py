"""``asm topics``: the contract's topics on the cluster."""

import getpass
from typing import Annotated

import typer

from infra.kafka.connection import connect
from infra.kafka.topics import Deviation, apply_topics, check_topics
from infra.settings import Settings
from streams.commands.terminal import OUT, REFUSED, USAGE, Json, complain, print_json, table
from streams.lost_places import Place, begin_again, lost_places, places_of_partition

app = typer.Typer(no_args_is_help=True, help="The contract's topics on the cluster, as topics.toml declares them.")


@app.command()
def apply() -> None:
    """Create the topics that are missing and mend configurations; exit code 1 where a partition count is otherwise."""
    created, left = apply_topics(connect(Settings()))
    for name in created:
        OUT.print(f"created {name}")
    _tell(left)
    if not created and not left:
        OUT.print("All topics are as declared.")
    raise typer.Exit(REFUSED if left else 0)


@app.command()
def check(json: Json = False) -> None:
    """Compare the cluster with the contract; exit code 1 where it differs."""
    deviations = check_topics(connect(Settings()))
    if json:
        print_json([{"topic": d.topic, "what": d.what, "mendable": d.mendable} for d in deviations])
    elif deviations:
        _tell(deviations)
    else:
        OUT.print("All topics are as declared.")
    raise typer.Exit(REFUSED if deviations else 0)


@app.command()
def lost(
    accept: Annotated[bool, typer.Option("--accept", help="Have admission go on where the logs begin.")] = False,
    again: Annotated[
        int | None,
        typer.Option(help="With --accept: read this partition of every inbound topic again: its journal was lost."),
    ] = None,
    why: Annotated[str | None, typer.Option(help="The reason, for the record on asm.operations.v1.")] = None,
    by: Annotated[str | None, typer.Option(help="Who orders it; none: the user who is logged in.")] = None,
    json: Json = False,
) -> None:
    """Show where admission's next record is not in the log any more; exit code 1 where there is such a place.

    Workers stop there (`log_lost`). What was deleted unread must be sent again by its feed; what is read a second time
    changes nothing. Then --accept, with no worker running.
    """
    if accept and not why:
        complain("--accept needs --why.")
        raise typer.Exit(USAGE)
    connection = connect(Settings())
    places = lost_places(connection) if again is None else places_of_partition(connection, again)
    if json:
        print_json([_document(place) for place in places])
    elif places:
        rows = ((g.topic, g.partition, g.committed, g.begin, g.end, g.deleted or "read again") for g in places)
        columns = ("topic", "partition", "next offset", "log begins", "log ends", "deleted unread")
        OUT.print(table("Not in the log" if again is None else "To be read again", columns, rows))
    else:
        OUT.print("Everything that admission reads next is in the log.")
    if places and accept and why:
        begin_again(connection, places, by or getpass.getuser(), why)
        complain("Accepted: admission goes on where these logs begin.")
    raise typer.Exit(REFUSED if places and not accept else 0)


def _document(place: Place) -> dict[str, str | int]:
    return {
        "topic": place.topic,
        "partition": place.partition,
        "next_offset": place.committed,
        "log_begins": place.begin,
        "log_ends": place.end,
        "deleted_unread": place.deleted,
    }


def _tell(deviations: list[Deviation]) -> None:
    if deviations:
        rows = ((d.topic, d.what, "asm topics apply" if d.mendable else "by hand") for d in deviations)
        OUT.print(table("Otherwise than declared", ("topic", "what", "mended by"), rows))
