"""A journal into another number of partitions: what stood above what, by the rows themselves."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.events import BatchClosed, ClockTicked
from schemas.archive import ArchivedRow
from schemas.codec import decode, encode
from schemas.records import ClockSet
from streams.archive_merge import merged

EPOCH = datetime(2028, 1, 1, tzinfo=UTC)
BATCH = "|"


def mark_row(text: str) -> ArchivedRow:
    """``|`` closes a batch, ``5`` is the tick of minute 5, ``!5`` a mark of another kind."""
    instant = EPOCH + timedelta(minutes=int(text.lstrip("!") or 0)) if text != BATCH else EPOCH
    content = {BATCH: BatchClosed(), "!": ClockSet(instant=instant)}.get(text[0], ClockTicked(as_of=instant))
    return ArchivedRow(offset=0, timestamp=0, key=None, value=encode(content))


def row_of(text: str) -> ArchivedRow:
    """``a1`` is an event of the TIN a."""
    if text[0].isalpha():
        return ArchivedRow(offset=0, timestamp=0, key=text[:1].encode(), value=text.encode())
    return mark_row(text)


def text_of(row: ArchivedRow) -> str:
    if row.key is not None:
        return (row.value or b"").decode()
    content = decode(row.value or b"")
    if isinstance(content, BatchClosed):
        return BATCH
    instant = content.as_of if isinstance(content, ClockTicked) else content.instant
    return ("" if isinstance(content, ClockTicked) else "!") + str(int((instant - EPOCH).total_seconds() // 60))


def merge(sources: Sequence[str], partitions: int) -> list[str]:
    """The partitions that journals come to; the TIN a lies in partition 0, b in 1, and so on, over and over."""
    rows = {n: (row_of(text) for text in source.split()) for n, source in enumerate(sources)}
    found: defaultdict[int, list[str]] = defaultdict(list)
    for partition, row in merged(rows, partitions, lambda key, count: (ord(key) - ord("a")) % count):
        found[partition].append(text_of(row))
    return [" ".join(found[p]) for p in range(partitions)]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["a1 | 1 b1 | 2"], ["a1 | 1 2", "1 b1 | 2"]),  # one into two
        (["a1 b1 | a2 | 1"], ["a1 | a2 | 1", "b1 | 1"]),  # a batch's mark where its events went, and nowhere else
        (["a1 | 1 a2 | 2", "b1 | 1 b2 | 2"], ["a1 | b1 | 1 a2 | b2 | 2"]),  # two into one: tick by tick
        (["a1 | 1 a2 | 3", "b1 | 2 b2 | 3"], ["a1 | b1 | 1 a2 | 2 b2 | 3"]),  # ticks of one only stand for all
        (["a1 | 1 a2 |", "b1 | 1"], ["a1 | b1 | 1 a2 |"]),  # what stands below the last tick stays below it
        (["1 1 a1 | 1 2", "2"], ["1 a1 | 2"]),  # a tick that comes again changes nothing
        (["a1 !0 a2 1", "b1 !0 b2 1"], ["a1 b1 !0 a2 b2 1"]),  # another mark: once everywhere, and nobody crosses it
        (["a1 1 !0 a2 2", "b1 1 b2 2 !0 b3"], ["a1 b1 1 b2 !0 a2 b3 2"]),  # ticks wait for it, events move up only
        (["a1 !0 !5 a2", "b1 !0 b2 !5"], ["a1 b1 !0 b2 !5 a2"]),
        (["a1 !0 a2 1", "b1 1"], ["a1 b1 !0 a2 1"]),  # a mark that one has not yet
        (["a1 !0 a2", "b1 !5 b2"], ["a1 b1 !0 a2 !5 b2"]),  # two that are not the same are two
        (["", ""], [""]),
    ],
)
def test_marks_stand_where_they_must(sources: list[str], expected: list[str]) -> None:
    assert merge(sources, len(expected)) == expected


WORDS = st.lists(st.sampled_from([*"aaabbbcccddd", BATCH, "+", "++", "="]), max_size=30)


def journals(words: Sequence[Sequence[str]], promoted: Sequence[int]) -> list[str]:
    """Journals in which ticks rise, each with a mark of another kind somewhere, each TIN in one of them.

    As admission writes them: a batch is closed before a tick or a mark comes.
    """
    told = []
    for number, source in enumerate(words):
        minute, texts = 0, []
        for place, word in enumerate(source):
            if place == promoted[number] % len(source):
                texts += [BATCH, "!0"]
            if word in {"+", "++", "="}:
                minute += len(word) if word != "=" else 0
                texts += [BATCH, str(minute)]
            else:
                texts.append(word if word == BATCH else f"{chr(ord(word) + 4 * number)}{place}")
        told.append(" ".join([*texts, BATCH] if source else ["!0"]))
    return told


def firsts(texts: Sequence[str]) -> dict[str, tuple[int | None, bool]]:
    """Of each event: the first tick below it that is none again, and whether it stands above the other mark."""
    found: dict[str, tuple[int | None, bool]] = {}
    for n, text in enumerate(texts):
        if text[0].isalpha():
            below, known = texts[n:], max((int(t) for t in texts[:n] if t.isdigit()), default=-1)
            ticks = (int(t) for t in below if t.isdigit() and int(t) > known)
            found[text] = (next(ticks, None), "!0" in below)
    return found


@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(st.integers(0, 29), min_size=3, max_size=3), st.integers(1, 5))
def test_every_event_keeps_its_order_its_batch_and_its_place_above_ticks_and_marks(
    words: list[list[str]], promoted: list[int], partitions: int
) -> None:
    before = [text.split() for text in journals(words, promoted)]
    after = [text.split() for text in merge([" ".join(texts) for texts in before], partitions)]
    stood = {event: place for texts in before for event, place in firsts(texts).items()}
    stands = {event: place for texts in after for event, place in firsts(texts).items()}
    ticks = sorted({int(t) for texts in before for t in texts if t.isdigit()})
    assert stands.keys() == stood.keys()
    for event, (tick, above) in stood.items():
        assert stands[event][1] == above
        now = stands[event][0]
        assert tick is None or (now is not None and now <= tick)
    for texts in after:
        assert [int(t) for t in texts if t.isdigit()] == ticks
        assert texts.count("!0") == 1
    for tin in {event[0] for event in stood}:
        assert of_tin(tin, after) == of_tin(tin, before)


def of_tin(tin: str, journal: list[list[str]]) -> list[str]:
    """The events of a TIN in their order, with the ends of batches that had some of it."""
    texts = next(texts for texts in journal if any(t[0] == tin for t in texts))
    told: list[str] = []
    for text in texts:
        if text[0] == tin or (text == BATCH and told and told[-1] != BATCH):
            told.append(text)
    return told
