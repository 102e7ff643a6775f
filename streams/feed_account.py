"""What became of all that a feed sent, counted from the topics: admitted, repeated, refused and why, or still waiting.

What was sent is what lies on the inbound topics; each record's verdict is the one that names its origin, on the journal
or on the refusals. So the account adds up, or says what waits. One partition at a time: repeats lie in one partition.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kafka import KafkaConsumer

from infra.kafka.connection import Connection
from infra.kafka.reading import reader, records_in, spans_since, still_held
from infra.kafka.topics import JOURNAL, topic_names
from schemas.codec import decode
from schemas.event_names import event_name, source_of
from schemas.records import Refusal
from schemas.topics import contract
from streams.admission import instant_of, milliseconds

_REFUSALS = "asm.refusals.v1"
#: By how much the clock of a worker may be behind the broker's when it writes a refusal.
_CLOCKS_DISAGREE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFor:
    """How many records were refused for a reason at a field, with the detail of one of them."""

    reason: str
    field: str | None
    records: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicAccount:
    """What became of what a feed sent on a topic: ``sent`` is the sum of admitted, repeated, refused and waiting.

    ``reused`` of the admitted came under an event id that had other content before. ``redriven`` of the admitted and
    repeated were refused at first.
    """

    topic: str
    sent: int
    admitted: int
    repeated: int
    waiting: int
    reused: int
    redriven: int
    refused: tuple[RefusedFor, ...]

    @property
    def refused_records(self) -> int:
        """How many were refused, for whatever reason."""
        return sum(told.records for told in self.refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of a feed; ``nameless`` records were refused and say nowhere whose they are."""

    source: str
    counted_from: datetime | None
    topics: tuple[TopicAccount, ...]
    nameless: int


@dataclass(slots=True)
class _Tally:
    """The counts of a topic while they are counted."""

    sent: int = 0
    admitted: int = 0
    repeated: int = 0
    reused: int = 0
    redriven: int = 0
    refused: dict[str, Refusal] = field(default_factory=dict)


def account_of(
    connection: Connection,
    source: str,
    since: datetime | None,
    progress: Callable[[int, int], None] = lambda _read, _all: None,
) -> Account:
    """Count what a feed sent since an instant (None: all that the inbound topics still hold).

    ``progress`` is told how many offsets were read, of how many.

    :raises Unavailable: the cluster does not answer, or has not the topics.
    """
    with ExitStack() as opened:
        counting = _Counting(connection, source, since, opened)
        counting.begin(progress)
        counting.read_refusals()
        counting.read_inbound()
        counting.read_journal()
        return counting.told()


class _Counting:
    """Reads the three kinds of topics, each once."""

    def __init__(self, connection: Connection, source: str, since: datetime | None, opened: ExitStack) -> None:
        self._names = topic_names(connection.settings)
        self._simulated = connection.settings.clock == "events"
        self._source, self._since = source, since
        self._needle = source.encode()
        inbound = contract().inbound()
        self._contract_names = {self._names.of(name): name for name in inbound}
        self._inbound: KafkaConsumer = opened.enter_context(reader(connection, *self._contract_names))
        self._refusals: KafkaConsumer = opened.enter_context(reader(connection, self._names.of(_REFUSALS)))
        self._journal: KafkaConsumer = opened.enter_context(reader(connection, self._names.of(JOURNAL)))
        self._tallies = {name: _Tally() for name in inbound}
        self._refused: dict[str, Refusal] = {}
        self._nameless = 0
        self._counted_from: datetime | None = None

    def begin(self, progress: Callable[[int, int], None]) -> None:
        """Learn where what is to be counted lies; what comes later is left out."""
        self._sent_in = spans_since(self._inbound, self._since)
        self._windows = {(self._contract_names[tp.topic], tp.partition): s for tp, s in self._sent_in.items()}
        self._counted_from = self._since or self._oldest()
        # On a simulated clock records stand in any order of their times: all are read.
        begun = None if self._simulated else self._counted_from
        self._judged_in = spans_since(self._journal, begun)
        self._refused_in = spans_since(self._refusals, None if begun is None else begun - _CLOCKS_DISAGREE)
        spans = [s for found in (self._sent_in, self._judged_in, self._refused_in) for s in found.values()]
        all_offsets, read = sum(span.end - span.first for span in spans), 0

        def went_on(offsets: int) -> None:
            nonlocal read
            read += offsets
            progress(read, all_offsets)

        self._went_on = went_on

    def read_refusals(self) -> None:
        """Keep the last refusal of each record that may be the feed's."""
        for record in records_in(self._refusals, self._refused_in, self._went_on):
            said: Refusal = decode(record.value)
            if said.source in {self._source, None} and self._is_counted(said.origin):
                before = self._refused.get(said.origin)
                if before is None or said.attempts >= before.attempts:
                    self._refused[said.origin] = said

    def read_inbound(self) -> None:
        """Count what was sent, and whose refusals those are that name nobody."""
        for tp, span in sorted(self._sent_in.items()):
            # what retention deletes while this reads is left out everywhere
            self._windows[self._contract_names[tp.topic], tp.partition] = still_held(self._inbound, tp, span)
            for record in records_in(self._inbound, {tp: span}, self._went_on):
                if not self._is_too_old(record.timestamp):
                    self._count_sent(record)

    def _count_sent(self, record: Any) -> None:
        topic = self._contract_names[record.topic]
        refusal = self._refused.get(f"{topic}/{record.partition}/{record.offset}")
        if self._is_the_feed_s(record):
            self._tallies[topic].sent += 1
            if refusal is not None:
                self._tallies[topic].refused[refusal.origin] = refusal
        elif refusal is not None and source_of(record.value, record.headers) is None:
            self._nameless += 1

    def read_journal(self) -> None:
        """Count what was admitted: the first of an event id, and what is not the same again."""
        for tp, span in sorted(self._judged_in.items()):
            self._count_admitted(records_in(self._journal, {tp: span}, self._went_on))

    def _count_admitted(self, records: Iterator[Any]) -> None:
        contents: defaultdict[int, set[int]] = defaultdict(set)
        for record in records:
            if not (record.headers and self._needle in record.value):
                continue
            name = event_name(record.value)
            origin = dict(record.headers)["origin"].decode()
            if name is None or name.source != self._source or not self._is_counted(origin):
                continue
            if self._is_too_old(record.timestamp):
                continue
            tally = self._tallies[origin.rsplit("/", 2)[0]]
            known, content = contents[hash((record.key, name.event_id))], hash(record.value)
            tally.repeated += content in known
            tally.admitted += content not in known
            tally.reused += bool(known) and content not in known
            known.add(content)
            tally.redriven += tally.refused.pop(origin, None) is not None

    def told(self) -> Account:
        """Return the account."""
        topics = tuple(_told(topic, tally) for topic, tally in self._tallies.items() if tally.sent)
        return Account(source=self._source, counted_from=self._counted_from, topics=topics, nameless=self._nameless)

    def _oldest(self) -> datetime | None:
        found = self._inbound.offsets_for_times(dict.fromkeys(self._sent_in, 0)).values()
        return min((instant_of(at.timestamp) for at in found if at is not None), default=None)

    def _is_the_feed_s(self, record: Any) -> bool:
        if record.value is not None and self._needle in record.value:
            return source_of(record.value, record.headers) == self._source
        headers: Sequence[tuple[str, bytes]] = record.headers
        return bool(headers) and event_name(record.value) is None and source_of(None, headers) == self._source

    def _is_too_old(self, timestamp: int) -> bool:
        return self._since is not None and timestamp < milliseconds(self._since)

    def _is_counted(self, origin: str) -> bool:
        topic, partition, offset = origin.rsplit("/", 2)
        span = self._windows.get((topic, int(partition)))
        return span is not None and span.first <= int(offset) < span.end


def _told(topic: str, tally: _Tally) -> TopicAccount:
    refused = tuple(_by_reason(tally.refused.values()))
    return TopicAccount(
        topic=topic,
        sent=tally.sent,
        admitted=tally.admitted,
        repeated=tally.repeated,
        waiting=tally.sent - tally.admitted - tally.repeated - len(tally.refused),
        reused=tally.reused,
        redriven=tally.redriven,
        refused=refused,
    )


def _by_reason(refusals: Iterable[Refusal]) -> Iterator[RefusedFor]:
    """Yield how often each reason was given at each field, the most frequent first."""
    counted: Counter[tuple[str, str | None]] = Counter()
    details: dict[tuple[str, str | None], str] = {}
    for said in refusals:
        counted[said.reason, said.field] += 1
        details.setdefault((said.reason, said.field), said.detail)
    for (reason, name), records in sorted(counted.items(), key=lambda c: (-c[1], c[0][0], c[0][1] or "")):
        yield RefusedFor(reason=reason, field=name, records=records, detail=details[reason, name])


def totals(account: Account) -> Mapping[str, int]:
    """Return the sums over the topics."""
    return {
        "sent": sum(t.sent for t in account.topics),
        "admitted": sum(t.admitted for t in account.topics),
        "repeated": sum(t.repeated for t in account.topics),
        "refused": sum(t.refused_records for t in account.topics),
        "waiting": sum(t.waiting for t in account.topics),
    }
