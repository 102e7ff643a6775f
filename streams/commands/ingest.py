"""``asm ingest``: foreign files -> events on the inbound topics, with an account of every line."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import Progress

from infra.database.questions import participants as known_participants
from infra.kafka.connection import connect
from infra.settings import Settings
from processors.identity import Npi, Tin
from processors.vocabulary import ParticipantList, Stage
from schemas.intake.participants import ListOptions, Practice, read_participants, read_practices
from schemas.intake.qpp import Proof, read_qpp
from schemas.intake.reading import Noted, Read, Reading, Refused
from schemas.intake.rif import RifOptions, read_identifiers, read_rif
from schemas.tokens import beneficiary_token
from streams.admission import Rules
from streams.commands.files import events_in, in_a_folder, refusal_of
from streams.commands.roster_changes import ListInHand, changes_table, removals, summary
from streams.commands.terminal import ERR, OUT, REFUSED, USAGE, complain, parse_instant, table
from streams.commands.view import projection
from streams.feeding import Feed, feed

app = typer.Typer(
    no_args_is_help=True,
    help="Make events of files. What is wrong is refused line by line and told; the same file twice changes nothing.",
)
_SHOWN = 20

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files to read.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")]
Out = Annotated[
    Path | None,
    typer.Option(callback=in_a_folder, help="Write the events into this file (JSON Lines) instead of sending them."),
]
Tins = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="File that joins npi to tin (and practice_alias).")
]
IsFinal = Annotated[
    bool,
    typer.Option("--final", help="It is the final list: compare it with the known roster (removed, new, unchanged)."),
]
Remove = Annotated[bool, typer.Option("--remove", help="With --final: also say that who is not on it was removed.")]
PublishedOn = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of publication.")]
Opened = Callable[[BinaryIO, str], Iterable[Reading]]


@app.command()
def qpp(
    files: Files,
    stage: Annotated[Stage, typer.Option(help="How far the sets got.")] = Stage.PREPARED,
    confirmation: Annotated[str | None, typer.Option(help="The receiver's number.")] = None,
    receipted_at: Annotated[str | None, typer.Option(help="The receiver's instant.")] = None,
    source: Annotated[str, typer.Option(help="Name of the feed.")] = "qpp-file",
    dry_run: DryRun = False,
    out: Out = None,
) -> None:
    """QPP Submissions API JSON: quality, pi and ia sets.

    What a file holds is PREPARED. RECEIPTED needs the receiver's --confirmation and --receipted-at: without proof
    nothing counts as submitted. Improvement activities of an individual go to the TIN.
    """
    if stage is Stage.RECEIPTED and (confirmation is None or receipted_at is None):
        raise typer.BadParameter("RECEIPTED needs --confirmation and --receipted-at: a receipt is what proves it")
    if stage is not Stage.RECEIPTED and (confirmation is not None or receipted_at is not None):
        raise typer.BadParameter("--confirmation and --receipted-at go with --stage RECEIPTED")
    if stage is Stage.UNKNOWN:
        raise typer.BadParameter("the stage is PREPARED, SENT or RECEIPTED")
    received = None if receipted_at is None else parse_instant(receipted_at)
    proof = Proof(stage=stage, confirmation=confirmation, receipted_at=received)
    _ingest(files, lambda stream, name: read_qpp(stream.read(), name, source, proof), dry_run=dry_run, out=out)


@app.command()
def rif(
    files: Files,
    practice: Annotated[
        str | None, typer.Option(help="Practice (its alias on the roster) whose the lines without TAX_NUM are.")
    ] = None,
    beneficiaries: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Beneficiary file with BENE_ID and MBI_NUM.")
    ] = None,
    source: Annotated[str, typer.Option(help="Name of the feed.")] = "rif-file",
    dry_run: DryRun = False,
    out: Out = None,
) -> None:
    """Carrier claims in CMS's RIF (pipe-delimited, with a header).

    Beneficiaries become tokens under ASM_TOKEN_KEY before anything leaves this process: of the MBI where
    --beneficiaries tells it, else of the BENE_ID.
    """
    settings = Settings()
    if settings.token_key is None:
        complain("ASM_TOKEN_KEY is not set: beneficiaries are sent as tokens made under the deployment's key.")
        raise typer.Exit(USAGE)
    key = settings.token_key.get_secret_value().encode()
    identifiers, refused = _identifiers(beneficiaries)
    options = RifOptions(
        source=source,
        token=partial(beneficiary_token, key=key, version=settings.token_key_version),
        identifiers=identifiers,
        tin=None if practice is None else _tin_of(practice, settings),
    )
    _ingest(files, lambda stream, name: read_rif(stream, name, options), dry_run=dry_run, out=out, beforehand=refused)


@app.command()
def participants(
    files: Files,
    tins: Tins,
    which: Annotated[
        ParticipantList, typer.Option("--list", help="Which of CMS's lists it is.")
    ] = ParticipantList.FINAL,
    final: IsFinal = False,
    remove: Remove = False,
    list_id: Annotated[str | None, typer.Option(help="The list's name; none: made of its content.")] = None,
    published_on: PublishedOn = None,
    source: Annotated[str, typer.Option(help="Name of the feed.")] = "cms-participants",
    dry_run: DryRun = False,
    out: Out = None,
) -> None:
    """CMS's ASM Participants file; it has no TIN, which a second file (npi,tin) tells.

    With --final the list is compared with the roster in the SQL view, for the TINs of the second file: who is removed,
    new or in another cohort. Try it with --dry-run; --remove says the removals, so the file must be whole.
    """
    if final and which is not ParticipantList.FINAL:
        raise typer.BadParameter("--final and --list PRELIMINARY contradict each other")
    if remove and not final:
        raise typer.BadParameter("--remove goes with --final: only a final list says who is not on it")
    practices, refused = _practices(tins)
    in_hand = ListInHand()

    def read(stream: BinaryIO, name: str) -> Iterable[Reading]:
        lines = stream.readlines()
        named = list_id or sha256(b"".join(lines)).hexdigest()[:16]
        day = None if published_on is None else published_on.date()
        options = ListOptions(source=source, list=which, list_id=named, published_on=day)
        return in_hand.noting(read_participants(lines, name, practices, options), lines, name)

    def compare() -> Iterable[Reading]:
        with projection(Settings()) as session:
            found = in_hand.beside(session, {p.tin for joined in practices.values() for p in joined})
        OUT.print(summary(found), changes_table(found), sep="\n")
        return removals(found, source, in_hand.list_id) if remove else ()

    _ingest(files, read, dry_run=dry_run, out=out, beforehand=refused, afterwards=compare if final else None)


@app.command()
def events(files: Files, dry_run: DryRun = False, out: Out = None) -> None:
    """Our own events: JSON Lines of CloudEvents, or an Avro container file."""
    _ingest(files, events_in, dry_run=dry_run, out=out)


def _practices(path: Path) -> tuple[dict[Npi, list[Practice]], list[Refused]]:
    practices: dict[Npi, list[Practice]] = {}
    refused: list[Refused] = []
    with path.open("rb") as stream:
        for item in read_practices(stream, path.name):
            if isinstance(item, Refused):
                refused.append(item)
            else:
                practices.setdefault(item[0], []).append(item[1])
    return practices, refused


def _identifiers(path: Path | None) -> tuple[dict[str, str], list[Refused]]:
    if path is None:
        return {}, []
    with path.open("rb") as stream:
        items = list(read_identifiers(stream, path.name))
    refused = [item for item in items if isinstance(item, Refused)]
    return dict(item for item in items if not isinstance(item, Refused)), refused


def _tin_of(alias: str, settings: Settings) -> Tin:
    """Find the TIN of a practice in the projection."""
    with projection(settings) as session:
        tins = {score.tin for score in known_participants(session, alias, None)}
    if len(tins) != 1:
        raise typer.BadParameter(f"{alias!r} is the alias of {len(tins) or 'no'} practices on the roster")
    return Tin(tins.pop())


def _ingest(
    files: Sequence[Path],
    read: Opened,
    *,
    dry_run: bool,
    out: Path | None,
    beforehand: Iterable[Refused] = (),
    afterwards: Callable[[], Iterable[Reading]] | None = None,
) -> None:
    settings = Settings()
    rules = Rules(partitions=1, accept_test_identifiers=settings.test_identifiers == "accept")
    with feed(lambda: connect(settings), out, dry_run=dry_run) as opened:
        account = _Account(opened, rules)
        for refused in beforehand:
            account.take(refused)
        for reading in _readings(files, read):
            account.take(reading)
        for reading in afterwards() if afterwards is not None else ():
            account.take(reading)
    account.tell("checked" if dry_run else f"written to {out}" if out is not None else "produced")
    raise typer.Exit(REFUSED if account.refused else 0)


def _readings(files: Sequence[Path], read: Opened) -> Iterator[Reading]:
    """Read files one after the other, with a progress bar where a person looks on."""
    with Progress(console=ERR, transient=True, disable=not sys.stderr.isatty()) as progress:
        for path in files:
            with progress.open(path, "rb", description=path.name) as stream:
                binary: Any = stream
                yield from read(binary, path.name)


class _Account:
    """Sends what was read and admission would take, and keeps account of all."""

    def __init__(self, feed: Feed, rules: Rules) -> None:
        self._feed = feed
        self._rules = rules
        self._now = datetime.now(UTC)
        self.read = 0
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._refusals: list[Refused] = []
        self._notes: list[Noted] = []

    def take(self, reading: Reading) -> None:
        """Send, refuse or note."""
        if isinstance(reading, Noted):
            self._notes.append(reading)
            return
        self.read += 1
        if isinstance(reading, Read):
            refused = refusal_of(reading, self._rules)
            if refused is None:
                self._feed.send(reading.event, reading.time or self._now)
                self.sent[type(reading.event).__name__] += 1
                return
            reading = refused
        self.refused[reading.reason] += 1
        self._refusals.append(reading)

    def tell(self, done: str) -> None:
        """Print the closing account."""
        for note in self._notes:
            complain(f"{note.where}: {note.detail}")
        for refused in self._refusals[:_SHOWN]:
            complain(f"refused {refused.reason} ({refused.where}): {refused.detail}")
        if len(self._refusals) > _SHOWN:
            complain(f"and {len(self._refusals) - _SHOWN} more refused")
        rows: list[tuple[object, ...]] = [(done, name, count) for name, count in sorted(self.sent.items())]
        rows += [("refused", reason, count) for reason, count in self.refused.most_common()]
        OUT.print(table("Account", ("", "what", "count"), [("read", "", self.read), *rows]))
