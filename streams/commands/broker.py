"""``asm broker``: the embedded broker, a real Apache Kafka on this machine without Docker."""

import typer

from infra.errors import Unavailable
from infra.kafka.broker import EmbeddedBroker
from infra.settings import Settings
from streams.commands.terminal import OUT, Json, complain, print_json

app = typer.Typer(no_args_is_help=True, help="The embedded broker: a real Apache Kafka, one node, without Docker.")


@app.command()
def up() -> None:
    """Start the broker (the first time fetching it by Maven) and print its address."""
    settings = Settings()
    if settings.kafka_bootstrap is not None:
        complain(f"ASM_KAFKA_BOOTSTRAP is set: {settings.kafka_bootstrap} is used, nothing is started.")
        return
    running = EmbeddedBroker(settings.kafka_dir).up(settings.kafka_port, complain)
    OUT.print(running.bootstrap)


@app.command()
def down() -> None:
    """Stop the broker; its data stay."""
    stopped = EmbeddedBroker(Settings().kafka_dir).down()
    complain("The broker is stopped." if stopped else "No broker was running.")


@app.command()
def status(json: Json = False) -> None:
    """Say whether the broker runs, and where; exit code 3 if it does not."""
    settings = Settings()
    broker = EmbeddedBroker(settings.kafka_dir)
    running = broker.running()
    if json:
        print_json(
            {
                "running": running is not None,
                "bootstrap": running.bootstrap if running else None,
                "pid": running.pid if running else None,
                "log": str(broker.log),
            }
        )
    elif running is not None:
        OUT.print(f"{running.bootstrap} (process {running.pid}, log {broker.log})")
    if running is None:
        raise Unavailable(f"No broker runs from {settings.kafka_dir}: start one with `asm broker up`.")
