"""``asm replay start``: run a generation beside the live one until it has caught up."""

import getpass
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from infra.errors import Unavailable
from infra.kafka.connection import Connection, connect
from infra.log import configure_logging
from infra.rulebooks import load_rulebooks, read_rulebooks
from infra.settings import GENERATION_NAME, Settings
from processors.engine import ENGINE
from schemas.recalculations import GenerationRecorded, GenerationState, GenerationWay
from schemas.topics import LIVE
from streams.commands.terminal import ERR, USAGE, complain, parse_instant
from streams.generations import (
    ReplayRefused,
    Standing,
    decide,
    generations,
    is_there,
    operations,
    record_caught_up,
    standing,
    start,
)
from streams.law import Law
from streams.recalculations import recalculations
from streams.supervisor import Supervisor, asm_command
from streams.waiting import Patience

By = Annotated[str | None, typer.Option("--by", help="Who orders it; none: the user who is logged in.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the record; needed at the first start.")]
Vintage = Annotated[str | None, typer.Option(help="Vintage of the rulebooks; none: that of the deployment.")]
Folder = Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Folder with rulebooks of yours.")]
AsOf = Annotated[str | None, typer.Option(help="End with the last tick at or before this instant.")]
Full = Annotated[bool, typer.Option("--full", help="Fold the journal even where the present facts do.")]
PerSecond = Annotated[
    float | None, typer.Option(min=1, help="Most records of the journal a second, to spare the live one.")
]
Follow = Annotated[bool, typer.Option("--follow", help="Go on after it has caught up, until Ctrl-C.")]
_LOOK_SECONDS = 1.0
_LINE_SECONDS = 10.0
_LOW_PRIORITY = 10


def start_generation(
    name: Annotated[str, typer.Argument(help="Name of the generation: a-z, 0-9 and -.")],
    reason: Reason = None,
    by: By = None,
    vintage: Vintage = None,
    rulebook: Folder = None,
    as_of: AsOf = None,
    full: Full = False,
    per_second: PerSecond = None,
    follow: Follow = False,
) -> None:
    """Run assessment under other rulebooks beside the live generation, until it has caught up.

    The same command goes on where it was stopped or killed. The generation has topics of its own; nothing of the live
    one is touched. Where the engine and what is kept of claims are the same, it begins with the present facts (QUICK),
    else it folds the journal from its beginning (FULL).
    """
    settings = Settings()
    configure_logging(settings)
    connection = connect(settings)
    told = operations(connection)
    recorded = generations(told).get(name)
    if recorded is None or not is_there(recorded):
        law = _law(settings, name, vintage, rulebook)
        until = None if as_of is None else parse_instant(as_of)
        recorded = _recorded(connection, law, until, full=full)
        start(connection, _signed(recorded, by, reason), law)
    elif vintage or rulebook or as_of or full:
        complain(f"{name} goes on as it was started: abandon it first, or take another name for another law.")
        raise typer.Exit(USAGE)
    elif any(r.started.generation == name for r in recalculations(told)):
        raise ReplayRefused(f"{name} was promoted, and ended there: it goes no further. Take another name.")
    _run(connection, recorded, per_second, follow=follow)


def _signed(recorded: GenerationRecorded, by: str | None, reason: str | None) -> GenerationRecorded:
    if not reason:
        complain(f"There is no generation {recorded.generation} yet: to start it, say why with --reason.")
        raise typer.Exit(USAGE)
    return replace(recorded, actor=by or getpass.getuser(), reason=reason)


def _law(settings: Settings, name: str, vintage: str | None, rulebook: Path | None) -> Law:
    if settings.generation != LIVE:
        raise typer.BadParameter("ASM_GENERATION is set: unset it, the name is given here")
    if name == LIVE or not re.match(GENERATION_NAME, name):
        raise typer.BadParameter(f"{name!r} is no name for a generation beside the live one: a-z, 0-9 and -")
    if vintage is not None and rulebook is not None:
        raise typer.BadParameter("give --vintage or --rulebook")
    if rulebook is not None:
        return Law(rulebooks=read_rulebooks(rulebook), generation=name)
    return Law(rulebooks=load_rulebooks(vintage or settings.vintage, settings.areas_file), generation=name)


def _recorded(connection: Connection, law: Law, until: datetime | None, *, full: bool) -> GenerationRecorded:
    """Decide by which way, and say so."""
    decision = decide(connection, law, until)
    asked = full and decision.way is GenerationWay.QUICK
    way, why = (GenerationWay.FULL, "it was asked for") if asked else (decision.way, decision.why)
    complain(f"{law.generation} begins {_WAYS[way]}: {why}.")
    return GenerationRecorded(
        generation=law.generation,
        state=GenerationState.STARTED,
        way=way,
        engine=ENGINE,
        rulebooks=law.digests,
        until=until,
        actor="",
        reason="",
        instant=datetime.now(UTC),
    )


_WAYS = {GenerationWay.QUICK: "with the present facts (QUICK)", GenerationWay.FULL: "with the journal (FULL)"}


def _run(connection: Connection, recorded: GenerationRecorded, per_second: float | None, *, follow: bool) -> None:
    """Run its worker as a child of low priority, and tell how far it is."""
    settings = connection.settings
    os.nice(_LOW_PRIORITY)
    pace = [] if per_second is None else ["--per-second", str(per_second)]
    worker = Supervisor(
        asm_command("worker", "--only", "assessment", "--no-supervise", "--supervised", *pace),
        settings.restarts_max,
        Patience(settings.unavailable_limit_seconds),
        {"ASM_GENERATION": recorded.generation, "ASM_LOG_LEVEL": "warning"},
    )
    watch = _Watch(connection, recorded, worker, follow=follow)
    thread = threading.Thread(target=watch.run, daemon=True, name="replay-progress")
    thread.start()
    code = worker.run()
    watch.over.set()
    thread.join()
    if code == 0 and not watch.caught_up:
        complain(f"Stopped. `asm replay start {recorded.generation}` goes on from here.")
    raise typer.Exit(code)


class _Watch:
    """Tells how far a generation is, and stops its worker when it has caught up."""

    def __init__(
        self, connection: Connection, recorded: GenerationRecorded, worker: Supervisor, *, follow: bool
    ) -> None:
        self._connection = connection
        self._recorded = recorded
        self._worker = worker
        self._follow = follow
        self._said_at = 0.0
        self._before: Mapping[int, int] | None = None
        self.over = threading.Event()
        self.caught_up = False

    def run(self) -> None:
        """Look once a second until it is over."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=ERR, disable=not ERR.is_terminal, transient=True) as drawn:
            task = drawn.add_task(f"{self._recorded.generation}: journal", total=None)
            while not self.over.wait(_LOOK_SECONDS):
                try:
                    found = standing(self._connection, self._recorded)
                except Unavailable as error:
                    complain(str(error))
                    continue
                self._tell(drawn, task, found)
                if not self.caught_up and (found.caught_up or self._is_where_the_journal_was(found)):
                    self._reached(found)

    def _is_where_the_journal_was(self, found: Standing) -> bool:
        """Say whether it is as far as the journal was at the last look: while events pour in it never is at the end."""
        before, self._before = self._before, found.targets
        is_endless = self._recorded.until is None and before is not None
        return is_endless and all(found.committed.get(p, 0) >= target for p, target in (before or {}).items())

    def _reached(self, found: Standing) -> None:
        if self._recorded.state is GenerationState.STARTED:
            record_caught_up(self._connection, self._recorded)
        self.caught_up = True
        name = self._recorded.generation
        complain(f"{name} has caught up: {found.done} records of the journal. Next: `asm replay diff live {name}`.")
        if not self._follow:
            self._worker.stop()

    def _tell(self, drawn: Progress, task: TaskID, found: Standing) -> None:
        drawn.update(task, completed=found.done, total=found.total)
        if not ERR.is_terminal and not self.caught_up and time.monotonic() - self._said_at > _LINE_SECONDS:
            self._said_at = time.monotonic()
            complain(f"{self._recorded.generation}: {found.done} of {found.total} records of the journal.")
