"""Reading topics with kafka-python, without a group: what read_committed sees, from the beginning."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

from infra.errors import LogLost
from infra.kafka.connection import Connection, unreachable
from infra.kafka.topics import missing_topic

_FETCH_WAIT_MS = 100
_POLL_MS = 200
_ANSWER_MS = 5000
_SILENT_SECONDS = 5.0
_MOST_RECORDS = 5000


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of a partition: from the first to before the end."""

    first: int
    end: int


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
    pulse = Pulse(consumer)
    while any(consumer.position(tp) < end for tp, end in ends.items()):  # the last record may be a commit marker
        for records in pulse.poll(_POLL_MS).values():
            yield from records


def require_answer(consumer: KafkaConsumer) -> None:
    """Ask the leader of every assigned partition how far it is.

    :raises KafkaError: one does not answer.
    """
    consumer.end_offsets(list(consumer.assignment()), timeout_ms=_ANSWER_MS)


class Pulse:
    """Polls, and notices a cluster that went away: a consumer's own ``poll`` then merely returns nothing, for ever."""

    def __init__(self, consumer: KafkaConsumer, now: Callable[[], float] = monotonic) -> None:
        self.consumer = consumer
        self._now = now
        self._heard = now()

    def poll(self, timeout_ms: int, max_records: int | None = None) -> Mapping[TopicPartition, list[Any]]:
        """Return what comes; where nothing came for some seconds, ask whether the cluster is there.

        :raises KafkaError: the cluster does not answer.
        """
        batches: Mapping[TopicPartition, list[Any]] = self.consumer.poll(timeout_ms=timeout_ms, max_records=max_records)
        if not batches:
            if self._now() - self._heard < _SILENT_SECONDS:
                return batches
            require_answer(self.consumer)
        self._heard = self._now()
        return batches


def spans_since(consumer: KafkaConsumer, instant: datetime | None) -> Mapping[TopicPartition, Span]:
    """Return by assigned partition where what was received since an instant lies (None: all), up to what is there."""
    assigned = list(consumer.assignment())
    ends = consumer.end_offsets(assigned)  # before the first: what comes in between lies after the span
    if instant is None:
        return {tp: Span(first, ends[tp]) for tp, first in consumer.beginning_offsets(assigned).items()}
    found = consumer.offsets_for_times(dict.fromkeys(assigned, max(0, int(instant.timestamp() * 1000))))
    return {tp: Span(ends[tp] if at is None else min(at.offset, ends[tp]), ends[tp]) for tp, at in found.items()}


def still_held(consumer: KafkaConsumer, tp: TopicPartition, span: Span) -> Span:
    """Return what of a span the log still holds: retention may have passed its beginning."""
    return Span(min(max(span.first, consumer.beginning_offsets([tp])[tp]), span.end), span.end)


def records_in(
    consumer: KafkaConsumer, spans: Mapping[TopicPartition, Span], progress: Callable[[int], None] = lambda _n: None
) -> Iterator[Any]:
    """Yield the records of spans, one partition after the other; ``progress`` is told by how many offsets it went on.

    The consumer is assigned each partition in turn. What was deleted in the meantime is passed over.
    """
    for tp, span in sorted(spans.items()):
        consumer.assign([tp])
        position = still_held(consumer, tp, span).first
        consumer.seek(tp, position)
        progress(position - span.first)
        pulse = Pulse(consumer)
        while position < span.end:
            for records in pulse.poll(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS).values():
                yield from (record for record in records if record.offset < span.end)
            before, position = position, min(consumer.position(tp), span.end)  # a marker takes an offset too
            progress(position - before)


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
