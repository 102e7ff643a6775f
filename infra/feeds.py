"""The feeds that are expected, as a file (``feeds.toml``) tells them: who sends what, how often, and whom to ask."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from schemas.topics import contract

_HEADER = re.compile(r"\s*\[\[\s*feed\s*\]\]")
_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$(?:\.feed\[(?P<number>\d+)\])?(?:\.(?P<key>\w+))?.*`)?$")
_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.+)`")
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class FeedsFileError(Exception):
    """The file of feeds cannot be used; says where and why."""


class ExpectedFeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A feed: ``source`` as its events name it, and ``every`` how long (ISO 8601: P7D, PT24H) it is silent at most.

    ``starts``: nothing is expected before.
    """

    source: _Text
    owner: _Text
    contact: _Text
    topics: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    every: timedelta
    starts: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _FeedsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    feed: tuple[ExpectedFeed, ...]


def read_feeds(path: Path | None) -> Mapping[str, ExpectedFeed]:
    """Return the feeds of a file by their source, in its order; without a file none.

    :raises FeedsFileError: it cannot be read, or something in it cannot be.
    """
    if path is None:
        return {}
    try:
        return parse_feeds(path.read_text(), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise FeedsFileError(f"ASM_FEEDS_FILE: {path} cannot be read as text: {error}") from error


def parse_feeds(text: str, name: str) -> Mapping[str, ExpectedFeed]:
    """Return the feeds that a text tells, by their source, in its order.

    :raises FeedsFileError: something in it cannot be; names the line and the key.
    """
    try:
        told = msgspec.toml.decode(text, type=_FeedsFile).feed
    except msgspec.ValidationError as error:
        raise FeedsFileError(_explained(error, text, name)) from error
    except msgspec.DecodeError as error:
        raise FeedsFileError(f"{name}: {error}") from error
    feeds: dict[str, ExpectedFeed] = {}
    for number, feed in enumerate(told):
        wrong = _wrong_with(feed, feeds)
        if wrong is not None:
            key, what = wrong
            raise FeedsFileError(f"{name}, line {_line_of(text, number, key)}: {key}: {what}")
        feeds[feed.source] = feed
    return feeds


def _wrong_with(feed: ExpectedFeed, others: Iterable[str]) -> tuple[str, str] | None:
    if feed.source in others:
        return "source", f"{feed.source} stands here twice"
    if feed.every <= timedelta():
        return "every", "must be longer than nothing"
    unknown = [topic for topic in feed.topics if topic not in contract().inbound()]
    if unknown:
        return "topics", f"{unknown[0]} is none of {', '.join(contract().inbound())}"
    kept = min(contract().topics[topic].retention_days or feed.every.days + 1 for topic in feed.topics)
    return ("every", f"the topics keep {kept} days") if feed.every >= timedelta(kept) else None


def _explained(error: msgspec.ValidationError, text: str, name: str) -> str:
    """Put an error of msgspec into words: the line and the key first."""
    found = _PLACE.match(str(error))
    what, number, key = (found["what"], found["number"], found["key"]) if found else (str(error), None, None)
    unknown = _UNKNOWN_KEY.match(what)
    if unknown:
        key, what = unknown[1], "there is no such key"
    if number is None:
        return f"{name}: {f'{key}: ' if key else ''}{what}; the file holds [[feed]] tables and nothing else"
    return f"{name}, line {_line_of(text, int(number), key)}: {f'{key}: ' if key else ''}{what}"


def _line_of(text: str, number: int, key: str | None) -> int:
    """Return the line of a key of a table, or of the table where the key has no line of its own."""
    lines = text.splitlines()
    headers = [n for n, line in enumerate(lines) if _HEADER.match(line)]
    if number >= len(headers):
        return 1  # written as one array: its only line that we know is the first
    end = headers[number + 1] if number + 1 < len(headers) else len(lines)
    own = re.compile(rf"\s*[\"']?{re.escape(key or '')}[\"']?\s*=")
    return next((n for n in range(headers[number] + 1, end) if key and own.match(lines[n])), headers[number]) + 1
