"""What somebody read of whom, onto ``asm.operations.v1``; what is not recorded is not shown."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.topics import topic_names
from infra.kafka.writing import close_producer, open_producer
from schemas.codec import encode
from schemas.records import OperationRecorded
from streams.console.identity import Identity
from streams.dead_letters import OPERATIONS

_MOST_ITEMS = 5000
_PATIENCE_MS = 3000


class Recorder(Protocol):
    """Takes down who read what."""

    def record(self, identity: Identity, command: str, asked: str, items: Sequence[str]) -> None:
        """Record that somebody read of some participants (NPIs, practices), and return once it is safe.

        :raises Unavailable: it is not recorded.
        """


class KafkaRecorder:
    """Records on Kafka."""

    def __init__(
        self, producer: KafkaProducer, topic: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._now = now

    def record(self, identity: Identity, command: str, asked: str, items: Sequence[str]) -> None:
        """Write records of as many items as fit, and wait until every replica has them.

        :raises Unavailable: Kafka does not take them.
        """
        instant, sent = self._now(), list[Any]()
        try:
            for start in range(0, len(items) or 1, _MOST_ITEMS):
                record = OperationRecorded(
                    actor=identity.name,
                    command=command,
                    scope=identity.scope,
                    reason=asked,
                    instant=instant,
                    items=tuple(items[start : start + _MOST_ITEMS]),
                )
                sent.append(self._producer.send(self._topic, value=encode(record)))
            for delivery in sent:
                delivery.get(timeout=_PATIENCE_MS / 1000)
        except KafkaError as error:
            raise Unavailable(
                "Kafka does not take the record of this read, and what is not recorded is not shown."
            ) from error


@contextmanager
def kafka_recorder(connection: Connection) -> Iterator[KafkaRecorder]:
    """Yield a recorder on the cluster.

    :raises Unavailable: the cluster does not answer.
    """
    patience = {"max_block_ms": _PATIENCE_MS, "request_timeout_ms": _PATIENCE_MS, "delivery_timeout_ms": _PATIENCE_MS}
    producer = open_producer(connection, **patience)
    try:
        yield KafkaRecorder(producer, topic_names(connection.settings).of(OPERATIONS))
    finally:
        close_producer(producer)
