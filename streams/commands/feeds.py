"""``asm feeds``: who is expected to send, who is silent, and what became of what a feed sent."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.feeds import ExpectedFeed, read_feeds
from infra.kafka.connection import Connection, connect
from infra.kafka.reading import reader
from infra.kafka.topics import topic_names
from infra.settings import Settings
from processors.reasons import REASONS
from schemas.records import HealthState, HealthSubject
from streams.commands.terminal import ERR, OUT, REFUSED, Json, complain, parse_instant, print_json, table
from streams.feed_account import Account, TopicAccount, account_of, totals
from streams.feed_watch import Arrivals, Silences, longest
from streams.health import health_said
from streams.wording import show_instant

app = typer.Typer(no_args_is_help=True, help="Feeds: who is expected to send, and what became of what was sent.")
_UNTIL_TOLD = 5.0
Since = Annotated[str | None, typer.Option("--since", help="Only what was received at or after this instant.")]


@app.command(name="list")
def list_feeds(since: Since = None, json: Json = False) -> None:
    """List the feeds of ASM_FEEDS_FILE with when each sent last; exit code 1 where one is silent.

    Without --since it looks back as far as the longest time that a feed may be silent.
    """
    settings = Settings()
    feeds = read_feeds(settings.feeds_file)
    if not feeds:
        complain("No feed is expected: ASM_FEEDS_FILE names no file, or one without feeds.")
        raise typer.Exit(REFUSED)
    connection, now = connect(settings), datetime.now(UTC)
    simulated = settings.clock == "events"
    default = datetime.fromtimestamp(0, UTC) if simulated else now - longest(feeds)
    begin = default if since is None else parse_instant(since)
    silences = _heard_since(connection, feeds, begin, now)
    said = _said_of_feeds(connection)
    rows = [_row(feed, silences, said, None if simulated else now) for feed in feeds.values()]
    if json:
        print_json({"since": begin, "feeds": rows})
    else:
        shown = [[_shown(row[name]) for name in _COLUMNS] for row in rows]
        OUT.print(table(f"Feeds, looked back to {show_instant(begin)}", _COLUMNS, shown))
    raise typer.Exit(REFUSED if any(row["state"] == "SILENT" for row in rows) else 0)


@app.command()
def account(
    source: Annotated[str, typer.Argument(help="The feed, as its events name it in `source`.")],
    since: Since = None,
    json: Json = False,
) -> None:
    """Say what became of all that a feed sent: admitted, repeated, refused for which reason, or still waiting.

    Counted from the topics, as far back as the inbound ones are kept (90 days) or --since. A repeat is the same event
    id of the same TIN with the same bytes. Exit code 1 where something was refused.
    """
    connection = connect(Settings())
    begin = None if since is None else parse_instant(since)
    with _bar() as bar:
        task = bar.add_task("records", total=None)
        told = account_of(connection, source, begin, lambda n, of: bar.update(task, completed=n, total=of))
    sums = totals(told)
    if json:
        print_json(_document(told, sums))
    else:
        _show(told, sums)
    raise typer.Exit(REFUSED if sums["refused"] else 0)


_COLUMNS = ("source", "state", "last_event", "announced_since", "every", "topics", "owner", "contact")


def _heard_since(connection: Connection, feeds: Mapping[str, ExpectedFeed], begin: datetime, now: datetime) -> Silences:
    """Read all that arrived since an instant."""
    of = topic_names(connection.settings).of
    names = {of(topic): topic for feed in feeds.values() for topic in feed.topics}
    with reader(connection, *sorted(names)) as consumer, _bar() as bar:
        arrivals = Arrivals(consumer, names)
        silences = Silences(feeds, arrivals.begin(begin, now))
        task = bar.add_task("records", total=arrivals.left_at_start)
        while arrivals.is_behind():
            bar.advance(task, arrivals.read(silences.heard, _UNTIL_TOLD))
    return silences


def _said_of_feeds(connection: Connection) -> dict[str, datetime]:
    """Return since when each feed that is announced as silent is."""
    firing: dict[str, datetime] = {}
    for said in health_said(connection):
        if said.subject is HealthSubject.FEED:
            firing.pop(said.name, None)
            if said.state is HealthState.FIRING:
                firing[said.name] = said.since
    return firing


def _row(feed: ExpectedFeed, silences: Silences, said: Mapping[str, datetime], now: datetime | None) -> dict[str, Any]:
    """Return what is known of a feed; on a simulated clock (no ``now``) nobody is called silent."""
    state = "NOT_WATCHED" if now is None else "SILENT" if silences.is_silent(feed, now) else "HEARD"
    return {
        "source": feed.source,
        "state": state,
        "last_event": silences.last_heard(feed.source),
        "announced_since": said.get(feed.source),
        "every": feed.every,
        "topics": list(feed.topics),
        "owner": feed.owner,
        "contact": feed.contact,
    }


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, timedelta):
        return str(value).removesuffix(", 0:00:00")
    return show_instant(value) if value is None or isinstance(value, datetime) else str(value)


def _document(told: Account, sums: Mapping[str, int]) -> dict[str, Any]:
    topics = [_topic(topic) for topic in told.topics]
    return {
        "source": told.source,
        "counted_from": told.counted_from,
        **sums,
        "nameless": told.nameless,
        "topics": topics,
    }


def _topic(topic: TopicAccount) -> dict[str, Any]:
    refused = [
        {
            "reason": r.reason,
            "field": r.field,
            "records": r.records,
            "detail": r.detail,
            "meaning": REASONS[r.reason].meaning,
            "fix": REASONS[r.reason].remedy,
        }
        for r in topic.refused
    ]
    names = ("topic", "sent", "admitted", "repeated", "waiting", "reused", "redriven")
    return {name: getattr(topic, name) for name in names} | {"refused": refused}


def _show(told: Account, sums: Mapping[str, int]) -> None:
    columns = ("sent", "admitted", "repeated", "refused", "waiting")
    rows = [
        (t.topic, t.sent, t.admitted, t.repeated, t.refused_records, t.waiting, t.reused or "", t.redriven or "")
        for t in told.topics
    ]
    title = f"{told.source}, received since {show_instant(told.counted_from)}"
    counted = table(title, ("topic", *columns, "id used before", "redriven"), rows)
    if len(told.topics) > 1:
        counted.add_row("all", *(str(sums[name]) for name in columns), "", "")
    OUT.print(counted)
    reasons = [
        (t.topic, r.reason, r.field, r.records, REASONS[r.reason].meaning, REASONS[r.reason].remedy, r.detail)
        for t in told.topics
        for r in t.refused
    ]
    if reasons:
        named = ("topic", "reason", "field", "records", "means", "fix", "one of them")
        OUT.print(table("Refused", named, reasons))
    if told.nameless:
        OUT.print(f"{told.nameless} refused records say nowhere whose they are: they are in nobody's account.")


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty())
