"""``asm dead-letters``: refused records as operators work on them."""

import getpass
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.kafka.connection import connect
from infra.settings import Settings
from processors.identity import Tin
from processors.reasons import REASONS
from schemas.codec import InvalidRecord, decode
from schemas.plain import to_avro
from streams.commands.files import in_a_folder
from streams.commands.terminal import ERR, OUT, REFUSED, Json, complain, parse_instant, print_json, table
from streams.dead_letters import Letter, LetterState, Order, Wanted, desk, judged, read_letters
from streams.wording import masked, show_instant

app = typer.Typer(
    no_args_is_help=True,
    help="Refused records: look at them, send them to admission again after a fix, or put them aside.",
)
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only these reason codes.")]
TopicName = Annotated[str | None, typer.Option("--topic", help="Only what was refused on this topic.")]
Source = Annotated[str | None, typer.Option("--source", help="Only what this feed sent.")]
Since = Annotated[str | None, typer.Option("--since", help="Only what was received at or after this instant.")]
Places = Annotated[list[str] | None, typer.Option("--letter", help="Only these, by partition/offset.")]
EveryOpen = Annotated[bool, typer.Option("--all", help="All that are open.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the record on asm.operations.v1.")]
By = Annotated[str | None, typer.Option("--by", help="Who orders it; none: the user who is logged in.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")]


@app.command(name="list")
def list_letters(
    reason: Reasons = None,
    topic: TopicName = None,
    source: Source = None,
    since: Since = None,
    handled: Annotated[bool, typer.Option("--handled", help="Also what was redriven or dropped.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of the table (JSON has all).")] = 40,
    json: Json = False,
) -> None:
    """List the open ones, oldest first: what was refused, why, and what to do."""
    found = _letters(_wanted(reason, topic, source, since, None), handled=handled)
    found.sort(key=lambda letter: letter.said.received_at)
    if json:
        print_json([_document(letter) for letter in found])
        return
    rows = [
        (
            letter.place,
            letter.state,
            show_instant(letter.said.received_at),
            letter.said.source,
            letter.said.event_id,
            letter.said.reason,
            letter.said.field,
            letter.said.attempts,
            letter.said.detail,
        )
        for letter in found[:limit]
    ]
    columns = ("letter", "state", "received", "feed", "event", "reason", "field", "tries", "detail")
    OUT.print(table(f"{len(found)} dead letters", columns, rows))
    if len(found) > limit:
        OUT.print(f"… and {len(found) - limit} more (--limit, or --json for all)")


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="partition/offset, as `list` says.")],
    payload: Annotated[
        Path | None, typer.Option(callback=in_a_folder, help="Write the record's own bytes into this file.")
    ] = None,
    json: Json = False,
) -> None:
    """Show one with what it says. A payload in a file is in clear: it may hold protected health information."""
    found = _letters(_wanted(None, None, None, None, [letter]), handled=True)
    if not found:
        complain(f"No dead letter lies at {letter}.")
        raise typer.Exit(REFUSED)
    said = found[0].said
    if payload is not None:
        if said.payload is None:
            complain("Its payload was not kept.")
            raise typer.Exit(REFUSED)
        payload.touch(0o600)
        payload.write_bytes(said.payload)
    document = _document(found[0]) | {"says": _says(said.payload), "remedy": REASONS[said.reason].remedy}
    if json:
        print_json(document)
    else:
        OUT.print(table(f"Dead letter {letter}", ("", ""), [(n, v) for n, v in document.items() if v is not None]))


@app.command()
def stats(json: Json = False) -> None:
    """Count them by reason, topic and feed."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    oldest: dict[tuple[str, str, str, str], datetime] = {}
    for letter in _letters(Wanted(), handled=True):
        key = (letter.said.reason, letter.topic, letter.said.source or "unknown", letter.state.value)
        counted[key] += 1
        oldest[key] = min(oldest.get(key, letter.said.received_at), letter.said.received_at)
    names = ("reason", "topic", "source", "state")
    ranked = sorted(counted, key=lambda key: (-counted[key], key))
    if json:
        print_json(
            [dict(zip(names, k, strict=True)) | {"count": counted[k], "oldest_received_at": oldest[k]} for k in ranked]
        )
        return
    rows = [(*key, counted[key], show_instant(oldest[key])) for key in ranked]
    OUT.print(table("Dead letters", (*names, "count", "oldest"), rows))


@app.command()
def redrive(
    why: Why,
    reason: Reasons = None,
    topic: TopicName = None,
    source: Source = None,
    since: Since = None,
    letter: Places = None,
    everything: EveryOpen = False,
    by: By = None,
    rate: Annotated[float, typer.Option(min=0.1, max=100_000, help="At most so many a second.")] = 200.0,
    dry_run: DryRun = False,
) -> None:
    """Send them to admission again, with the receipt time of the first time, at most twice each.

    Name which: by --reason, --topic, --source, --since, --letter, or --all. Do it after the fix; what is refused again
    is a dead letter again.
    """
    wanted = _wanted_of(_wanted(reason, topic, source, since, letter), everything=everything)
    if dry_run:
        _tell_plan(_letters(wanted))
        return
    order = Order(actor=by or getpass.getuser(), reason=why, wanted=wanted, per_second=rate)
    with _bar() as bar, desk(connect(Settings())) as opened:
        chosen = [one for one in opened.open if wanted.takes(one)]
        task = bar.add_task("redriven", total=len(chosen))
        done = opened.redrive(order, lambda count: bar.advance(task, count))
    OUT.print(f"{done} redriven, {len(chosen) - done} cannot be and stay open.")
    raise typer.Exit(0 if done == len(chosen) else REFUSED)


@app.command()
def drop(
    why: Why,
    reason: Reasons = None,
    topic: TopicName = None,
    source: Source = None,
    since: Since = None,
    letter: Places = None,
    everything: EveryOpen = False,
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Put them aside: nobody is asked about them any more. They stay on the topic as long as it keeps them."""
    wanted = _wanted_of(_wanted(reason, topic, source, since, letter), everything=everything)
    if dry_run:
        OUT.print(f"{len(_letters(wanted))} would be dropped.")
        return
    with desk(connect(Settings())) as opened:
        done = opened.drop(Order(actor=by or getpass.getuser(), reason=why, wanted=wanted, per_second=1.0))
    OUT.print(f"{done} dropped.")


def _wanted(
    reasons: list[str] | None, topic: str | None, source: str | None, since: str | None, places: list[str] | None
) -> Wanted:
    for reason in reasons or ():
        if reason not in REASONS:
            raise typer.BadParameter(f"there is no reason {reason!r}: docs/reasons.md lists them")
    return Wanted(
        reasons=frozenset(reasons or ()),
        topic=topic,
        source=source,
        since=None if since is None else parse_instant(since),
        places=frozenset(places or ()),
    )


def _wanted_of(wanted: Wanted, *, everything: bool) -> Wanted:
    if (wanted == Wanted()) != everything:
        raise typer.BadParameter("name which letters: --reason, --topic, --source, --since, --letter; or --all alone")
    return wanted


def _letters(wanted: Wanted, *, handled: bool = False) -> list[Letter]:
    found = read_letters(connect(Settings()), everything=handled)
    return [x for x in found if wanted.takes(x) and (handled or x.state is LetterState.OPEN)]


def _tell_plan(letters: Sequence[Letter]) -> None:
    verdicts = Counter(v.reason if isinstance(v, InvalidRecord) else "would be redriven" for _, v in judged(letters))
    OUT.print(table("What would be done", ("", "letters"), sorted(verdicts.items())))


def _document(letter: Letter) -> dict[str, Any]:
    said = {n: v for n, v in to_avro(letter.said).items() if n != "payload"}
    return {
        "letter": letter.place,
        "state": letter.state.value,
        **said,
        "payload_kept": letter.said.payload is not None,
    }


def _says(payload: bytes | None) -> Any:
    """Return what a payload says, as far as it can be read, TINs masked."""
    try:
        return None if payload is None else _masked(to_avro(decode(payload)))
    except InvalidRecord as error:
        return f"cannot be read: {error.detail}"


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {n: masked(v) if n.endswith("tin") and isinstance(v, str) else _masked(v) for n, v in value.items()}
    if isinstance(value, list):
        return [_masked(v) for v in value]
    return masked(value.digits) if isinstance(value, Tin) else value


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty())
