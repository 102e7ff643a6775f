"""Says when a feed that is expected has fallen silent: silence must not look like health.

It looks where feeds write, at the inbound topics, so that an admission that lags or is down silences nobody. Like
``watermark_watch.py`` it looks from the projector's process, by the wall's clock, and not at all on a simulated one.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from kafka import KafkaConsumer, TopicPartition

from infra.feeds import ExpectedFeed
from infra.kafka.connection import Connection
from infra.kafka.reading import reader, spans_since
from infra.kafka.topics import topic_names
from infra.log import Log
from schemas.event_names import source_of
from schemas.records import HealthChanged, HealthState, HealthSubject
from streams.admission import instant_of
from streams.health import health_said, health_voice

_MOST_RECORDS = 1000
#: How long one look may read; what is left is read at the next, so that the projection goes on beside it.
_LOOK_SECONDS = 0.2


class Silences:
    """What is known of each feed, and what was said of it.

    ``known_since``: from when on the inbound topics tell whether a feed sent something.
    """

    def __init__(self, feeds: Mapping[str, ExpectedFeed], known_since: datetime) -> None:
        self._feeds = feeds
        self._known_since = known_since
        self._heard: dict[str, datetime] = {}
        self._firing: set[str] = set()

    def remember(self, said: HealthChanged) -> None:
        """Take note of what was said before."""
        if said.subject is HealthSubject.FEED:
            (self._firing.add if said.state is HealthState.FIRING else self._firing.discard)(said.name)

    def heard(self, source: str | None, topic: str, at: datetime) -> None:
        """Take note of something that arrived, from whomever."""
        feed = self._feeds.get(source or "")
        if feed is not None and topic in feed.topics:
            self._heard[feed.source] = max(at, self._heard.get(feed.source, at))

    def last_heard(self, source: str) -> datetime | None:
        """Return when a feed sent something last, as far as it was read."""
        return self._heard.get(source)

    def is_silent(self, feed: ExpectedFeed, now: datetime) -> bool:
        """Say whether a feed sent nothing for longer than it may."""
        began = self._known_since if feed.starts is None else max(feed.starts, self._known_since)
        return now - max(began, self._heard.get(feed.source, began)) > feed.every

    def newly_silent(self, now: datetime) -> list[ExpectedFeed]:
        """Return the feeds that seem silent and of which that was not said."""
        return [f for f in self._feeds.values() if f.source not in self._firing and self.is_silent(f, now)]

    def fallen_silent(self, now: datetime) -> Iterator[HealthChanged]:
        """Yield which feeds are silent since the last time; only who has read all that arrived may ask."""
        for feed in self.newly_silent(now):
            yield self._said(feed.source, HealthState.FIRING, now, _silence(feed, self.last_heard(feed.source)))

    def heard_again(self, now: datetime) -> Iterator[HealthChanged]:
        """Yield which feeds are silent no more: those that were heard, and those that are expected no longer."""
        for source in sorted(self._firing):
            feed = self._feeds.get(source)
            last = self.last_heard(source)
            if feed is None:
                yield self._said(source, HealthState.RESOLVED, now, "The feed is expected no longer.")
            elif last is not None and now - last <= feed.every:
                yield self._said(source, HealthState.RESOLVED, now, f"The feed sent at {last.isoformat()}.")

    def _said(self, source: str, state: HealthState, now: datetime, detail: str) -> HealthChanged:
        said = HealthChanged(subject=HealthSubject.FEED, name=source, state=state, since=now, detail=detail)
        self.remember(said)
        return said


def _silence(feed: ExpectedFeed, last: datetime | None) -> str:
    told = "Nothing was found of the feed" if last is None else f"The feed sent last at {last.isoformat()}"
    ask = f"ask {feed.owner} ({feed.contact})"
    return f"{told}; something is expected every {feed.every}: {ask}. See docs/operations/feeds.md."


class Arrivals:
    """Follows the topics of the feeds from the instant on that their expectations ask for."""

    def __init__(self, consumer: KafkaConsumer, names: Mapping[str, str]) -> None:
        self._consumer = consumer
        self._names = names
        self._assigned: list[TopicPartition] = sorted(consumer.assignment())
        self.left_at_start = 0

    def begin(self, since: datetime, now: datetime) -> datetime:
        """Go to what was received since an instant; return from when on there is anything, at the latest now."""
        for tp, span in spans_since(self._consumer, since).items():
            self._consumer.seek(tp, span.first)
            self.left_at_start += span.end - span.first
        oldest = self._consumer.offsets_for_times(dict.fromkeys(self._assigned, 0))
        return min([now, *(instant_of(at.timestamp) for at in oldest.values() if at is not None)])

    def read(self, heard: Callable[[str | None, str, datetime], None], seconds: float = _LOOK_SECONDS) -> int:
        """Tell what arrived, for at most so long; return how many records that were."""
        until, count = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            found = self._consumer.poll(timeout_ms=0, max_records=_MOST_RECORDS)
            for tp, records in found.items():
                count += len(records)
                for record in records:
                    heard(source_of(record.value, record.headers), self._names[tp.topic], instant_of(record.timestamp))
            if not found:
                break
        return count

    def is_behind(self) -> bool:
        """Say whether something is unread that a reader sees by now."""
        ends = self._consumer.end_offsets(self._assigned)
        return any(self._consumer.position(tp) < end for tp, end in ends.items())

    def all_read(self) -> bool:
        """Say whether nothing is unread of what has arrived by now, in a transaction that is still open included."""
        highs = [(self._consumer.position(tp), self._consumer.highwater(tp)) for tp in self._assigned]
        return not self.is_behind() and all(high is not None and position >= high for position, high in highs)


def longest(feeds: Mapping[str, ExpectedFeed]) -> timedelta:
    """Return the longest time that any of the feeds may be silent."""
    return max(feed.every for feed in feeds.values())


class FeedWatch:
    """Follows the inbound topics on Kafka and announces feeds that are silent."""

    def __init__(
        self,
        connection: Connection,
        feeds: Mapping[str, ExpectedFeed],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connection = connection
        self._feeds = feeds
        self._now = now
        self._log = Log()
        self._open = ExitStack()

    def __enter__(self) -> "FeedWatch":
        """Open the clients, and read what was said before.

        :raises Unavailable: the broker does not answer, or its topics are missing.
        """
        of = topic_names(self._connection.settings).of
        names = {of(topic): topic for feed in self._feeds.values() for topic in feed.topics}
        with ExitStack() as opened:
            consumer = opened.enter_context(reader(self._connection, *sorted(names)))
            self._arrivals = Arrivals(consumer, names)
            now = self._now()
            self._silences = Silences(self._feeds, self._arrivals.begin(now - longest(self._feeds), now))
            for said in health_said(self._connection):
                self._silences.remember(said)
            self._voice = opened.enter_context(health_voice(self._connection))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the clients."""
        self._open.close()

    def look(self) -> None:
        """Read what arrived, and say what changed; silence only when nothing is left to read.

        :raises Unavailable: Kafka did not take it.
        """
        self._arrivals.read(self._silences.heard)
        now = self._now()
        for said in self._silences.heard_again(now):
            self._log.info("feed_heard", source=said.name)
            self._voice.say(said)
        if self._silences.newly_silent(now) and self._arrivals.all_read():
            for said in self._silences.fallen_silent(now):
                self._log.warning("feed_silent", source=said.name)
                self._voice.say(said)
