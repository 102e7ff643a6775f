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
from schemas.archive import CODEC
from streams.archive import Exported, Order, export
from streams.archive_check import Verdict, verify
from streams.archive_manifest import ArchiveRefused
from streams.commands.terminal import ERR, OUT, REFUSED, Json, complain, print_json, table

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
    _tell_exported(out, exported, json=json)


@app.command(name="verify")
def verify_archive(
    folder: Folder,
    head: Annotated[
        str | None, typer.Option(help="SHA-256 that the last manifest must have, as its export printed it.")
    ] = None,
    json: Json = False,
) -> None:
    """Check chain, digests, counts and gaps, and that every record decodes; exit code 1 where something is wrong."""
    with _bar() as bar:
        verdict = verify(folder, _Steps(bar), head)
    _tell_verdict(verdict, json=json)
    raise typer.Exit(REFUSED if verdict.problems else 0)


class _Steps:
    """Shows what is worked on; a step is a file or a partition."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)

    def __call__(self, what: str, done: int, of: int) -> None:
        self._bar.update(self._task, description=what, completed=done, total=of)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except ArchiveRefused as refused:
        complain(str(refused))
        raise typer.Exit(REFUSED) from refused


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty())


def _tell_exported(out: Path, exported: Exported | None, *, json: bool) -> None:
    if json:
        print_json(None if exported is None else _document(exported))
    elif exported is None:
        OUT.print(f"Nothing new since the last manifest in {out}.")
    else:
        manifest = exported.manifest
        files = [f for f in manifest.files if f.name is not None]
        since = "the first" if manifest.previous is None else "goes on where the one before ended"
        OUT.print(
            f"{out}/{manifest.file_name} ({since}): {sum(f.count for f in files)} records in {len(files)} files, "
            f"{sum(f.size for f in files)} bytes."
        )
        OUT.print(f"Its SHA-256, to be kept elsewhere: {exported.file_sha256}")


def _document(exported: Exported) -> dict[str, object]:
    manifest = exported.manifest
    return {
        "manifest": manifest.file_name,
        "sha256": exported.file_sha256,
        "previous": manifest.previous,
        "records": sum(file.count for file in manifest.files),
        "left_out": sum(file.left_out for file in manifest.files),
        "files": [
            {"topic": f.topic, "partition": f.partition, "first": f.first, "end": f.end, "count": f.count}
            for f in manifest.files
        ],
    }


def _tell_verdict(verdict: Verdict, *, json: bool) -> None:
    if json:
        print_json(
            {
                "manifests": verdict.manifests,
                "files": verdict.files,
                "records": verdict.records,
                "head": verdict.head,
                "problems": [{"where": p.where, "what": p.what} for p in verdict.problems],
            }
        )
        return
    if verdict.problems:
        rows = ((p.where, p.what) for p in verdict.problems)
        OUT.print(table("Not as it was archived", ("where", "what"), rows))
    OUT.print(f"{verdict.manifests} manifests, {verdict.files} files, {verdict.records} records.")
    OUT.print(f"SHA-256 of the last manifest: {verdict.head}")
