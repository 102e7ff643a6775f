"""``asm topics``: the contract's topics on the cluster."""

import typer

from infra.kafka.connection import connect
from infra.kafka.topics import Deviation, apply_topics, check_topics
from infra.settings import Settings
from streams.commands.terminal import OUT, REFUSED, Json, print_json, table

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


def _tell(deviations: list[Deviation]) -> None:
    if deviations:
        rows = ((d.topic, d.what, "asm topics apply" if d.mendable else "by hand") for d in deviations)
        OUT.print(table("Otherwise than declared", ("topic", "what", "mended by"), rows))
