"""``asm watch``: scores and alerts live in the terminal."""

import signal
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Protocol, TextIO

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.database.engine import read_positions
from infra.database.questions import who_is_who
from infra.kafka.connection import connect
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from streams.commands.terminal import OUT
from streams.commands.view import Year, projection, who_is
from streams.watching import Followed, Line, People, Sign, Watcher, as_of, following, poll_said, wall
from streams.wording import ESTIMATE, show_instant

HELP = """Watch scores move and alerts fire or end, until Ctrl-C.

WHO is an NPI, or a practice by its alias; with - a TIN is read from standard input; without it everybody is watched.
It begins with what is said from now on. Where the output is no terminal, each thing is a line."""
_STYLES = {Sign.SCORE: "", Sign.ALERT: "bold red", Sign.RESOLVED: "green"}
_FRAME_LINES = 7


class Screen(Protocol):
    """Where lines are shown."""

    def show(self, line: Line) -> None:
        """Show a line."""

    def refresh(self) -> None:
        """Show what changed since the last time."""


def watch(
    who: Annotated[str | None, typer.Argument(help="NPI, practice alias, or - for a TIN on standard input.")] = None,
    cohort: Annotated[str | None, typer.Option(help="HEART_FAILURE or LOW_BACK_PAIN.")] = None,
    year: Year = None,
) -> None:
    """Watch what is said."""
    settings = Settings()
    _check_cohort(settings, cohort)
    connection = connect(settings)
    with projection(settings) as session:
        chosen = frozenset((s.tin, s.npi) for s in who_is(session, who, year)) if who else frozenset()
        people = People(who_is_who(session))
        positions = read_positions(session.connection())
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    followed = Followed(clinicians=chosen, cohort=cohort, year=year)
    watcher = Watcher(followed, people, as_of if settings.clock == "events" else wall)
    told = f"{f'{len(chosen)} clinician(s) of {who}' if who else 'everybody'}{f' in {cohort}' if cohort else ''}"
    with following(connection, positions) as consumer, _screen(told if who != "-" else "a practice") as screen:
        while not stopping:
            for said in poll_said(consumer):
                for line in watcher.lines(said):
                    screen.show(line)
            screen.refresh()


class Plain:
    """Prints a line each, for files and pipes."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def show(self, line: Line) -> None:
        """Print a line."""
        typer.echo(f"{show_instant(line.as_of)} {line.sign.value:<8} {line.text}", file=self._out)

    def refresh(self) -> None:
        """Do nothing: each line is flushed."""


class Board:
    """Shows the last lines, and how many there were, in place."""

    def __init__(self, live: Live, told: str) -> None:
        self._live = live
        self._told = told
        self._lines: deque[Line] = deque(maxlen=200)
        self._counts: Counter[Sign] = Counter()
        self._latest: Line | None = None
        self.refresh()

    def show(self, line: Line) -> None:
        """Take a line."""
        self._lines.append(line)
        self._counts[line.sign] += 1
        if self._latest is None or line.as_of >= self._latest.as_of:
            self._latest = line

    def refresh(self) -> None:
        """Draw what fits the terminal."""
        self._live.update(self._drawn())

    def _drawn(self) -> RenderableType:
        counts = ", ".join(f"{self._counts[sign]} {sign.value}" for sign in Sign)
        instant = show_instant(self._latest.as_of if self._latest else None)
        head = Text(f"Watching {self._told} · as of {instant} · {counts} · Ctrl-C ends", style="bold")
        return Group(head, self._table(), Text(ESTIMATE, style="dim"))

    def _table(self) -> Table:
        console = self._live.console
        width = max(20, console.width - 40)
        drawn = Table(header_style="bold", expand=True)
        drawn.add_column("as of", no_wrap=True)
        drawn.add_column("", no_wrap=True)
        drawn.add_column("what", overflow="fold", ratio=1)
        left = max(3, console.height - _FRAME_LINES)
        shown: list[Line] = []
        for line in reversed(self._lines):
            left -= -(-len(line.text) // width)
            if left < 0:
                break
            shown.append(line)
        for line in shown:
            drawn.add_row(show_instant(line.as_of), line.sign.value, Text(line.text, style=_STYLES[line.sign]))
        return drawn


@contextmanager
def _screen(told: str) -> Iterator[Screen]:
    if not OUT.is_terminal:
        yield Plain()
        return
    with Live(console=OUT, refresh_per_second=4) as live:
        yield Board(live, told)


def _check_cohort(settings: Settings, cohort: str | None) -> None:
    books = load_rulebooks(settings.vintage, settings.areas_file).values()
    known = sorted({c.code for book in books for c in book.terms.cohorts})
    if cohort is not None and cohort not in known:
        raise typer.BadParameter(f"the cohorts are {', '.join(known)}")
