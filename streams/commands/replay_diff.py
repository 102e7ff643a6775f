"""``asm replay diff``: who moves between two generations, and why."""

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.kafka.connection import connect
from infra.settings import Settings
from processors.comparison_cells import cells_of
from processors.comparison_summary import Comparison
from streams.commands.replay_diff_tables import show
from streams.commands.terminal import ERR, REFUSED, Json, complain, print_json
from streams.diff_document import document_of
from streams.diff_page import page_of
from streams.generation_diff import GenerationDiff, claims_in_journal
from streams.laws import kept

HELP = """Say who moves between two generations, by how much, who crosses a threshold that matters, which obligations
open or close, and for each the value of the law, the event, the claims or the tick that causes it.

Every cause is tried, not guessed: the facts are assessed with that change alone. A score that moved for no cause found
is a defect: it is listed first, and the exit code is 1.

--csv and --html hold counts alone, those of too few participants suppressed; nothing here shows a TIN."""
_COLUMNS = ("performance_year", "cohort", "figure", "cell", "participants", "suppressed")


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A generation: live, or a name.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The generation that A is compared with.")],
    json: Json = False,
    table: Annotated[bool, typer.Option("--csv", help="Counts by cohort, as CSV.")] = False,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write counts by cohort as a page.")] = None,
    most: Annotated[int, typer.Option(min=0, help="So many movers and obligations are shown; --json has all.")] = 40,
) -> None:
    """Compare two generations."""
    if json and table:
        raise typer.BadParameter("--json or --csv, not both")
    connection = connect(Settings())
    sides = {"a": kept(connection, a), "b": kept(connection, b)}
    found = _compared(GenerationDiff(sides["a"], sides["b"], claims_in_journal(connection)))
    if html is not None:
        html.write_text(page_of(found, sides))
        complain(f"{html} written.")
    if json:
        print_json(document_of(found, sides))
    elif table:
        _print_csv(found)
    elif html is None:
        show(found, sides, most)
    _end(found)


def _compared(difference: GenerationDiff) -> Comparison:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("practices", total=None)
        return difference.compared(lambda done, of: bar.update(task, completed=done, total=of))


def _print_csv(found: Comparison) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for cell in cells_of(found):
        hidden = cell.participants is None
        told = "" if hidden else cell.participants
        writer.writerow((cell.performance_year, cell.cohort, cell.figure, cell.cell, told, int(hidden)))


def _end(found: Comparison) -> None:
    count = len(found.unexplained)
    if count:
        complain(
            f"Scores that moved for no cause found: {count}. A generation keeps something else than its own facts and "
            "law give. Promote neither; see docs/operations/diff.md."
        )
        raise typer.Exit(REFUSED)
