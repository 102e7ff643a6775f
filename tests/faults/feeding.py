"""A feed that goes on producing whatever happens to the cluster, and remembers what was acknowledged to it."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from kafka import KafkaProducer

from processors.events import Event
from processors.simulated_world import Timed
from schemas.codec import encode
from schemas.records import ClockSet
from schemas.topics import contract
from streams.admission import milliseconds
from tests.faults.oracles import Verdict
from tests.integration.system import System

_TICK_SECONDS = 2.0
_DRIP_SECONDS = 0.2
_JOIN_SECONDS = 300
Sent = tuple[str, bytes]  # topic and value


class Feed:
    """Produces a world at a steady rate, the last third drop by drop, the rest at once when it is told to end.

    The simulated clock moves with it.

    :param acks: ``all``, or how many replicas alone may acknowledge, which the controls use.
    """

    def __init__(self, system: System, world: Sequence[Timed[Event]], per_second: int, acks: str | int = "all") -> None:
        self._system, self._world, self._pause = system, world, 1 / per_second
        self._producer = KafkaProducer(
            bootstrap_servers=system.connection.bootstrap,
            acks=acks,
            enable_idempotence=acks == "all",
            linger_ms=5,
            request_timeout_ms=5000,
        )
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self.sent: Counter[Sent] = Counter()
        self.acknowledged: Counter[Sent] = Counter()
        self.instants: list[float] = []  # of the acknowledgements, on the wall
        self.failed: list[BaseException] = []
        self.ticked = world[0].received_at  # the clock's instant last acknowledged

    def start(self) -> None:
        """Begin to produce."""
        self._thread.start()

    def is_sending(self) -> bool:
        """Whether there is more of the world to come."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Send the rest at once; return when all of it is acknowledged or has failed."""
        self._hurried.set()
        self._thread.join(_JOIN_SECONDS)
        self.flush()
        self._producer.close()

    def send(self, timed: Timed[Event]) -> None:
        """Produce one event."""
        event = timed.event
        topic, value = contract().topic_of(type(event).__name__), encode(event)
        self.sent[topic, value] += 1
        self._produce(topic, event.tin.digits.encode(), value, timed.received_at)

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged or has failed."""
        self._producer.flush()

    def _play(self) -> None:
        moved = time.monotonic()
        for number, timed in enumerate(self._world, start=1):
            self.send(timed)
            if time.monotonic() - moved > _TICK_SECONDS:
                self._move_clock(timed.received_at.replace(second=0, microsecond=0))
                moved = time.monotonic()
            is_last_third = 3 * number > 2 * len(self._world)
            self._hurried.wait(_DRIP_SECONDS if is_last_third else self._pause)

    def _move_clock(self, instant: datetime) -> None:
        """Tick an instant when all below it is acknowledged."""
        self.flush()
        self._produce("asm.clock.v1", None, encode(ClockSet(instant=instant)), instant)
        self.flush()
        self.ticked = instant

    def _produce(self, topic: str, key: bytes | None, value: bytes, instant: datetime) -> None:
        name = self._system.names.of(topic)
        future = self._producer.send(name, key=key, value=value, timestamp_ms=milliseconds(instant))
        future.add_callback(self._note, (topic, value))
        future.add_errback(self.failed.append)

    def _note(self, sent: Sent, _where: Any) -> None:
        self.acknowledged[sent] += 1
        self.instants.append(time.time())


def judge_feed(system: System, feed: Feed, verdict: Verdict) -> None:
    """What was acknowledged to a feed stands on the inbound topics, and nothing stands there more often than sent."""
    found = Counter((topic, record.value) for topic in contract().inbound() for record in system.read(topic))
    acknowledged = Counter({sent: n for sent, n in feed.acknowledged.items() if sent in feed.sent})
    verdict.count("ACKNOWLEDGED_LOST", (acknowledged - found).total())
    verdict.count("SENT_DOUBLED", (found - feed.sent).total())
    verdict.count("NOT_ACKNOWLEDGED", len(feed.failed))
    verdict.figures["acknowledged"] = acknowledged.total()


def longest_pause(instants: Sequence[float], since: float, until: float) -> float:
    """Return the longest time between two instants of a series of which the later is in a window, in seconds."""
    ordered = sorted(instants)
    return max((b - a for a, b in pairwise(ordered) if since < b <= until), default=0.0)
