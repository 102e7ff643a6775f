"""Writing with kafka-python: producers that say what to look at where the cluster does not answer."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.kafka.connection import Connection, unreachable

_DELIVERY_SECONDS = 30
_CLOSE_SECONDS = 5.0


def close_producer(producer: KafkaProducer) -> None:
    """Close a producer whose deliveries were awaited; on a cluster that is away what was given up is not waited for."""
    with suppress(KafkaError):
        producer.close(timeout=_CLOSE_SECONDS)


def open_producer(connection: Connection, **options: Any) -> KafkaProducer:
    """Return a producer whose records every replica has when they are delivered.

    :raises Unavailable: the cluster does not answer.
    """
    try:
        return KafkaProducer(**connection.kafka_python(), acks="all", **options)
    except KafkaError as error:
        raise unreachable(connection, error) from error


def deliver_one(connection: Connection, topic: str, value: bytes) -> None:
    """Write one record without a key and await its delivery.

    :raises Unavailable: the cluster does not take it.
    """
    deliver(connection, topic, [(None, value)])


def deliver(connection: Connection, topic: str, records: Iterable[tuple[bytes | None, bytes]]) -> None:
    """Write records, each a key and a value, and await every delivery.

    :raises Unavailable: the cluster does not take them.
    """
    producer = open_producer(connection, enable_idempotence=True)
    try:
        for sent in [producer.send(topic, key=key, value=value) for key, value in records]:
            sent.get(timeout=_DELIVERY_SECONDS)
    except KafkaError as error:
        raise unreachable(connection, error) from error
    finally:
        close_producer(producer)
