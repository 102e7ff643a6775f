"""``asm journal``: the archive of the journal and of what was said of it."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.kafka.connection import connect
from infra.settings import Settings
from schemas.archive import CODEC, ArchiveBroken
from schemas.parquet import can_write_parquet
from streams.analysis import Extract, extract
from streams.archive import Order, export
from streams.archive_check import verify
from streams.archive_compare import compare
from streams.archive_import import Order as ImportOrder
from streams.archive_import import import_archive
from streams.archive_manifest import ArchiveRefused
from streams.commands.archive_telling import tell_exported, tell_verdict
from streams.commands.terminal import ERR, OUT, REFUSED, UNAVAILABLE, Json, complain, print_json
from streams.commands.view import projection
from streams.state_digest import digest_on

app = typer.Typer(no_args_is_help=True, help="The archive: the journal and what was said of it, in files.")


class Codec(StrEnum):
    """How the blocks of a container are packed."""

    ZSTANDARD = "zstandard"
    DEFLATE = "deflate"
    XZ = "xz"
    NULL = "null"


_CODEC = Codec(CODEC)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The archive's folder.", exists=True, file_okay=False)]


@app.command(name="export")
def export_journal(
    out: Annotated[Path, typer.Option(help="Folder of the archive; a second export goes on where the last ended.")],
    year: Annotated[
        int | None,
        typer.Option(help="An extract of one performance year; what has none (claims, marks, audit) is in it whole."),
    ] = None,
    codec: Annotated[Codec, typer.Option(help="How blocks are packed.")] = _CODEC,
    why: Annotated[str, typer.Option(help="The reason, for the record on asm.operations.v1.")] = "archive",
    by: Annotated[str | None, typer.Option(help="Who orders it; none: the user who is logged in.")] = None,
    json: Json = False,
) -> None:
    """Archive journal, outputs, rulebooks, audit and notices as Avro container files with a manifest.

    The files hold TINs and claims: they are readable by their owner alone; keep them encrypted. Exit code 1 where the
    folder is another journal's archive, or records were deleted before they were archived.
    """
    order = Order(folder=out, actor=by or getpass.getuser(), reason=why, performance_year=year, codec=codec.value)
    with _refusing(), _bar() as bar:
        exported = export(connect(Settings()), order, _Steps(bar))
    tell_exported(out, exported, json=json)


@app.command(name="verify")
def verify_archive(
    folder: Folder,
    head: Annotated[
        str | None, typer.Option(help="SHA-256 that the last manifest must have, as its export printed it.")
    ] = None,
    against_cluster: Annotated[
        bool, typer.Option("--against-cluster", help="Also compare the archived outputs with what the cluster says.")
    ] = False,
    json: Json = False,
) -> None:
    """Check chain, digests, counts and gaps, and that every record decodes; exit code 1 where something is wrong."""
    with _refusing(), _bar() as bar:
        verdict = verify(folder, _Steps(bar), head)
        compared = compare(connect(Settings()), folder, _Steps(bar)) if against_cluster else None
    tell_verdict(verdict, compared, json=json)
    raise typer.Exit(REFUSED if verdict.problems or (compared is not None and not compared.is_same) else 0)


@app.command(name="import")
def import_journal(
    folder: Folder,
    why: Annotated[str, typer.Option(help="The reason, for the record on asm.operations.v1.")],
    by: Annotated[str | None, typer.Option(help="Who orders it; none: the user who is logged in.")] = None,
) -> None:
    """Restore journal, rulebooks, audit and notices into the empty topics of a broker that lost everything.

    The archive is verified first. Into the same number of partitions each is restored as it was, into another number
    every event goes to the partition of its TIN. An import that was interrupted goes on where it was: run it again.
    Outputs are made again by the worker; compare them then by `asm journal verify DIR --against-cluster`.
    """
    connection = connect(Settings())
    with _refusing(), _bar() as bar:
        verdict = verify(folder, _Steps(bar))
        if verdict.problems or verdict.head is None:
            tell_verdict(verdict, None, json=False)
            raise typer.Exit(REFUSED)
        order = ImportOrder(folder=folder, head=verdict.head, actor=by or getpass.getuser(), reason=why)
        steps = _Steps(bar)
        imported = import_archive(connection, order, lambda done, of: steps("records", done, of))
    again = f", {imported.resumed_at} of them before it was interrupted" if imported.resumed_at else ""
    OUT.print(f"{imported.rows} records imported{again}; the journal has {imported.partitions} partitions.")
    OUT.print("Start the workers; when they have caught up: `asm journal verify DIR --against-cluster`.")


@app.command()
def digest(json: Json = False) -> None:
    """Print the digest of what a generation (ASM_GENERATION) knows and said.

    It leaves out offsets, revisions and partitions: a journal that is restored comes to the same.
    """
    found = digest_on(connect(Settings()))
    if json:
        as_of = found.as_of
        print_json({"digest": found.hexdigest(), "records": found.records, "as_of": as_of and as_of.isoformat()})
    else:
        OUT.print(found.hexdigest())


@app.command()
def parquet(
    out: Annotated[Path, typer.Option(help="Folder to make; a folder of Parquet files for each table.")],
    year: Annotated[int | None, typer.Option(help="Performance year; none: all.")] = None,
    tins: Annotated[
        bool,
        typer.Option("--tins", help="Also TINs in clear, names, ids of outputs and events, and the whole scores."),
    ] = False,
) -> None:
    """Write scores and obligations, latest and history, from the SQL view as Parquet for analysts.

    Points are decimal(18,8), instants UTC, what is nested is JSON text. NPI and practice alias say who it is; a TIN can
    be a social security number, and stands there only with --tins, as does every id from which it could be computed.
    """
    if not can_write_parquet():
        complain("Parquet is written by the library polars, which is not installed here: pip install polars.")
        raise typer.Exit(UNAVAILABLE)
    wanted = Extract(folder=out, performance_year=year, with_tins=tins)
    with _refusing(), projection(Settings()) as session, _bar() as bar:
        steps = _Steps(bar)
        written = extract(session, wanted, lambda table, rows: steps(table, rows, None))
    for name, rows in written.items():
        OUT.print(f"{out / name}: {rows} rows")


class _Steps:
    """Shows what is worked on; a step is a file or a partition."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def __call__(self, what: str, done: int, of: int | None) -> None:
        self._bar.update(self._task, description=what, completed=done, total=of)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (ArchiveRefused, ArchiveBroken) as refused:
        complain(str(refused))
        raise typer.Exit(REFUSED) from refused


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty())
