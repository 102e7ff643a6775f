"""Reading topics with kafka-python, without a group: what read_committed sees, from the beginning."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

from infra.errors import LogLost
from infra.kafka.connection import Connection, unreachable
from infra.kafka.topics import missing_topic

_FETCH_WAIT_MS = 100
_POLL_MS = 200


@contextmanager
def reader(connection: Connection, *topics: str) -> Iterator[KafkaConsumer]:
    """Yield a consumer to which every partition of the topics (by their names on the cluster) is assigned.

    :raises Unavailable: the cluster does not answer, or has not one of the topics.
    :raises LogLost: the consumer was sent to an offset that the log does not have.
    """
    try:
        consumer = KafkaConsumer(
            **connection.kafka_python(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",  # a reader that was passed by retention must say so
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
    except KafkaError as error:
        raise unreachable(connection, error) from error
    try:
        consumer.assign([tp for topic in topics for tp in _partitions(consumer, topic)])
        consumer.seek_to_beginning()
        yield consumer
    except (OffsetOutOfRangeError, LogTruncationError) as error:
        raise LogLost(_lost(error)) from error
    except KafkaError as error:
        raise unreachable(connection, error) from error
    finally:
        consumer.close()


def records_to_end(consumer: KafkaConsumer) -> Iterator[Any]:
    """Yield the records of the assigned partitions, up to what is there now."""
    ends = consumer.end_offsets(list(consumer.assignment()))
    while any(consumer.position(tp) < end for tp, end in ends.items()):  # the last record may be a commit marker
        for records in consumer.poll(timeout_ms=_POLL_MS).values():
            yield from records


def _lost(error: OffsetOutOfRangeError | LogTruncationError) -> str:
    """Say where a reader is whom the log has left behind, or who is ahead of it."""
    if isinstance(error, LogTruncationError):
        where = ", ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(error.divergent_offsets))
        told = f"Of {where} the broker lost records that were read"
    else:
        lost = sorted(error.args[0].items())
        where = ", ".join(f"offset {offset} of {tp.topic}/{tp.partition}" for tp, offset in lost)
        told = f"The log has no {where}: records were deleted before they were read, or the broker lost them"
    return f"{told}. See docs/operations/log-lost.md."


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    found = consumer.partitions_for_topic(topic)
    if not found:
        raise missing_topic(topic)
    return [TopicPartition(topic, p) for p in sorted(found)]
