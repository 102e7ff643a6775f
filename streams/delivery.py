"""Outputs -> people: tell of each alert once at each stage, and once when it is resolved.

The order of effects of a notice, so that a crash neither loses nor silently repeats it:

1. **Prepare**: the digest as it will be sent, with its id, goes on ``asm.notices.v1``.
2. **Tell** the receiver, and await its answer.
3. **Record** on ``asm.notices.v1`` that it was told; or that it surely was not, and then what is due is decided
   anew.

Who dies between 2 and 3 sends the same notice under the same id again, by which a receiver knows it. One process works
for a channel: who begins later fences who began before.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection, unreachable
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import topic_names
from infra.kafka.writing import close_producer, open_producer
from infra.log import Log
from processors.obligations import SETTLED
from processors.outputs import Alert
from schemas.codec import decode, encode
from schemas.glances import glance_at_obligation, glance_at_roster
from schemas.recalculations import Announce, RecalculationStarted
from schemas.records import AlertAcknowledged, NoticeRecorded, NoticeState
from streams.beats import Beat, Clock, Marks, heartbeat, unread
from streams.dead_letters import OPERATIONS
from streams.health import HEALTH
from streams.notices import Board, Group, Roster
from streams.receivers import Away, Receiver
from streams.standings import SCORES
from streams.state import STATE

COMPLIANCE, NOTICES = "asm.compliance.v1", "asm.notices.v1"
_BACKOFF_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
_IDLE_SECONDS = 0.2
_MOST_AT_ONCE = 100
_FLUSH_SECONDS = 30
_SETTLED = frozenset(status.value for status in SETTLED)


def _wall() -> datetime:
    """Return the time in milliseconds, as records keep it: what is sent again is the same to the last digit."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Following:
    """Reads what is said into the board and the roster, up to what is there now."""

    def __init__(self, connection: Connection, board: Board, roster: Roster) -> None:
        self._connection = connection
        self._board = board
        self._roster = roster
        self._since: dict[str, datetime] = {}
        self._open: set[str] = set()

    @contextmanager
    def opened(self) -> Iterator["Following"]:
        """Open the topics.

        :raises Unavailable: the cluster does not answer, or has not one of them.
        """
        names = topic_names(self._connection.settings)
        with ExitStack() as stack:
            self._compliance, self._scores, self._operations, marks = (
                stack.enter_context(reader(self._connection, names.of(topic)))
                for topic in (COMPLIANCE, SCORES, OPERATIONS, STATE)
            )
            self._marks = Marks(marks)
            self.clock = Clock(self._connection, self._marks)
            yield self

    def read(self) -> None:
        """Take note of everything that is there; names after what they are for."""
        self._marks.read()
        latest: dict[str, bytes] = {}
        for record in records_to_end(self._compliance):
            self._glance(record.value, latest)
        for record in records_to_end(self._scores):
            self._roster.take(glance_at_roster(record.value))
        for record in records_to_end(self._operations):
            said = decode(record.value)
            if isinstance(said, AlertAcknowledged):
                self._board.acknowledge(said)
            elif isinstance(said, RecalculationStarted) and said.announce is Announce.NONE:
                self._board.hush(said.recalculation)
        for alert_id, value in latest.items():
            output = decode(value)
            self._board.take(output, self._since.get(alert_id, output.as_of))

    def beat(self) -> Beat:
        """Return the figures of a heartbeat."""
        return Beat(
            as_of=self._marks.as_of,
            participants=self._roster.participants,
            open=len(self._open),
            firing=self._board.firing,
            lag_records=unread(self._compliance),
        )

    def _glance(self, value: bytes, latest: dict[str, bytes]) -> None:
        seen = glance_at_obligation(value)
        is_open = seen.due_at is not None and seen.status not in _SETTLED
        (self._open.add if is_open else self._open.discard)(seen.obligation_id)
        if seen.alert is Alert.FIRING:
            self._since.setdefault(seen.alert_id, seen.as_of)
        elif seen.alert is Alert.RESOLVED:
            self._since.pop(seen.alert_id, None)
        else:
            return
        latest[seen.alert_id] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a digest waits for more of its practice and stage, and how often the heartbeat comes (None: never)."""

    wait: timedelta
    heartbeat: timedelta | None


class Deliverer:
    """Tells one receiver what is to be told."""

    def __init__(self, connection: Connection, channel: str, receiver: Receiver, pace: Pace) -> None:
        self._connection = connection
        self._channel = channel
        self._receiver = receiver
        self._pace = pace
        self._names = topic_names(connection.settings)
        self._roster = Roster()
        self._board = Board(channel, self._roster)
        self._log = Log(channel=channel)
        self._seen: dict[Group, float] = {}
        self._failures = 0
        self._next_attempt = self._next_beat = float("-inf")
        self._surely_not: str | None = None
        self.told = 0
        self.stopping = False

    def run(self, *, once: bool) -> None:
        """Tell until told to stop; ``once``: tell what is due now, whatever might still join it, and end.

        :raises Unavailable: the cluster does not answer; the receiver refuses; with ``once`` also: it is away.
        """
        with (
            self._producing() as self._producer,
            Following(self._connection, self._board, self._roster).opened() as self._following,
        ):
            self._remember()
            self._log.info("delivery_started")
            while not self.stopping:
                self._following.read()
                idle = self._attempt(once=once)
                if once and (idle or self._failures):
                    break
                if idle:
                    time.sleep(_IDLE_SECONDS)
        if once and self._failures:
            raise Unavailable("The receiver does not answer: what is due stays due. Run it again.")

    def _attempt(self, *, once: bool) -> bool:
        """Tell what is due if the receiver is not known to be away; return whether there was nothing to do."""
        if time.monotonic() < self._next_attempt:
            return True
        try:
            told = self._tell_due(once=once)
            self._receiver.keep(self._board.active(self._now), self._board.cared_for(self._now))
            self._beat()
        except Away as away:
            self._postpone(away)
            return True
        if self._failures:
            self._log.info("receiver_back", failures=self._failures)
        self._failures = 0
        return not told

    def _tell_due(self, *, once: bool) -> int:
        """Tell the digests whose time has come, at most so many; return how many."""
        unsettled = self._board.unsettled()
        if unsettled is not None and unsettled.notice_id == self._surely_not:
            self._record(replace(unsettled, state=NoticeState.NOT_TOLD, instant=_wall(), alerts=()))
        elif unsettled is not None:
            self._tell(unsettled)
        due = self._board.due(self._now)
        began = time.monotonic()
        self._seen = {group: self._seen.get(group, began) for group in due}
        ripe = [g for g, since in self._seen.items() if once or began - since >= self._pace.wait.total_seconds()]
        for group in ripe[:_MOST_AT_ONCE]:
            notice = self._board.notice(group, due[group], self._now, _wall())
            self._record(notice)
            self._tell(notice)
        return len(ripe)

    def _tell(self, notice: NoticeRecorded) -> None:
        """Tell a prepared notice and record what became of it."""
        try:
            self._receiver.tell(notice)
        except Away as away:
            self._surely_not = None if away.uncertain else notice.notice_id
            raise
        except Unavailable:
            self._record(replace(notice, state=NoticeState.NOT_TOLD, instant=_wall(), alerts=()))
            raise
        self._record(replace(notice, state=NoticeState.TOLD, instant=_wall(), alerts=()))
        self.told += 1
        self._log.info("notice_told", stage=notice.stage, alert=notice.alert.value, alerts=len(notice.alerts))

    def _record(self, notice: NoticeRecorded) -> None:
        """Put on the topic how far a notice is, and only then believe it."""
        self._send(NOTICES, None, encode(notice))
        self._board.remember(notice)

    def _beat(self) -> None:
        if self._pace.heartbeat is None or time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + self._pace.heartbeat.total_seconds()
        said = heartbeat(self._channel, self._following.beat(), _wall())
        self._send(HEALTH, said.name.encode(), encode(said))
        self._receiver.beat(said)

    def _postpone(self, away: Away) -> None:
        pause = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._failures += 1
        self._next_attempt = time.monotonic() + pause
        self._log.warning("receiver_away", why=away.why, seconds=pause)

    @property
    def _now(self) -> datetime:
        return self._following.clock.now()

    def _remember(self) -> None:
        with reader(self._connection, self._names.of(NOTICES)) as before:
            for record in records_to_end(before):
                self._board.remember(decode(record.value))

    @contextmanager
    def _producing(self) -> Iterator[KafkaProducer]:
        """Yield a producer that fences whoever told through this channel before."""
        group = f"{self._connection.settings.namespace}asm-alerts-{self._channel}"
        producer = open_producer(self._connection, transactional_id=group)
        try:
            producer.init_transactions()
            yield producer
        except KafkaError as error:
            raise unreachable(self._connection, error) from error
        finally:
            close_producer(producer)

    def _send(self, topic: str, key: bytes | None, value: bytes) -> None:
        try:
            self._producer.begin_transaction()
            self._producer.send(self._names.of(topic), key=key, value=value).get(timeout=_FLUSH_SECONDS)
            self._producer.commit_transaction()
        except KafkaError as error:
            raise Unavailable(
                f"Kafka did not take what was told ({type(error).__name__}): another process tells through this "
                "channel, or the cluster does not answer. What is due stays due."
            ) from error
