"""A position that the log no longer has: retention passed the reader by, or the broker lost what it had.

Going on somewhere else in silence would lose records or repeat them, and nobody would hear of it. It is a loud stop.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from infra.errors import LogLost, Unavailable
from infra.kafka.connection import Connection
from infra.kafka.groups import committed_offsets, log_bounds, members
from infra.kafka.topics import topic_names
from infra.kafka.writing import open_producer
from schemas.codec import encode
from schemas.records import OperationRecorded

ACCEPTED = "topics lost --accept"
_OPERATIONS = "asm.operations.v1"
_FLUSH_SECONDS = 30
_POLL_SECONDS = 1.0
_PAGE = "See docs/operations/log-lost.md."


class Ends(Protocol):
    """What tells where a log begins and ends."""

    beginning_offsets: Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
    end_offsets: Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]


async def what_is_lost(error: OffsetOutOfRangeError, group: str, consumer: Ends) -> LogLost:
    """Say of a fetch that the broker could not answer what is missing."""
    wanted: Mapping[Any, int] = error.args[0]
    told = [await _told(TopicPartition(*tp), offset, consumer) for tp, offset in sorted(wanted.items())]
    return LogLost(f"{group} cannot go on: {'; '.join(told)}. {_PAGE}")


async def _told(tp: TopicPartition, offset: int, consumer: Ends) -> str:
    begin = (await consumer.beginning_offsets([tp]))[tp]
    end = (await consumer.end_offsets([tp]))[tp]
    told = f"it is at offset {offset} of partition {tp.partition} of {tp.topic}, which"
    if offset < begin:
        return f"{told} begins at {begin}: up to {begin - offset} records were deleted unread"
    return f"{told} ends at {end}: the broker lost records that were read"


def journal_without_beginning(group: str, journal: TopicPartition, begin: int) -> LogLost:
    """Say that a generation that begins has not the whole journal before it."""
    return LogLost(
        f"{group} begins, and needs the whole journal: partition {journal.partition} of {journal.topic} begins at "
        f"offset {begin}, the records before it were deleted. {_PAGE}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A partition of an inbound topic where admission's next offset is not in the log."""

    topic: str
    partition: int
    committed: int
    begin: int
    end: int

    @property
    def deleted(self) -> int:
        """How many records were deleted unread; 0 where the log ends before what was read."""
        return max(0, self.begin - self.committed)

    def in_words(self) -> str:
        """Say which, for the record of an operation."""
        return f"{self.topic}/{self.partition}: {self.committed} -> {self.begin}"


def find_gaps(connection: Connection) -> list[Gap]:
    """Return where admission stands at an offset that the log does not have.

    :raises Unavailable: the cluster does not answer.
    """
    committed = committed_offsets(connection, _admission(connection))
    bounds = log_bounds(connection, list(committed))
    return [
        Gap(topic=tp.topic, partition=tp.partition, committed=offset, begin=bounds[tp][0], end=bounds[tp][1])
        for tp, offset in sorted(committed.items())
        if tp in bounds and not bounds[tp][0] <= offset <= bounds[tp][1]
    ]


def whole_partition(connection: Connection, partition: int) -> list[Gap]:
    """Return admission's place in a partition of every inbound topic, to be read again from its beginning.

    :raises Unavailable: the cluster does not answer.
    """
    committed = committed_offsets(connection, _admission(connection))
    mine = {tp: offset for tp, offset in committed.items() if tp.partition == partition}
    bounds = log_bounds(connection, list(mine))
    return [
        Gap(topic=tp.topic, partition=partition, committed=offset, begin=bounds[tp][0], end=bounds[tp][1])
        for tp, offset in sorted(mine.items())
        if tp in bounds
    ]


def accept_gaps(connection: Connection, gaps: list[Gap], actor: str, reason: str) -> None:
    """Have admission begin where the logs begin, and record who said so, in one transaction.

    :raises Unavailable: a worker runs, or the cluster does not answer; nothing was done then.
    """
    group = _admission(connection)
    _await_empty(connection, group)
    record = OperationRecorded(
        actor=actor,
        command=ACCEPTED,
        scope=f"{len(gaps)} partitions",
        reason=reason,
        instant=datetime.now(UTC),
        items=tuple(gap.in_words() for gap in gaps),
    )
    offsets = {TopicPartition(gap.topic, gap.partition): OffsetAndMetadata(gap.begin, "", -1) for gap in gaps}
    producer = open_producer(connection, transactional_id=f"{group}-gaps")
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic_names(connection.settings).of(_OPERATIONS), value=encode(record)).get(
            timeout=_FLUSH_SECONDS
        )
        producer.send_offsets_to_transaction(offsets, group)
        producer.commit_transaction()
    except KafkaError as error:
        raise Unavailable(f"Nothing was changed ({type(error).__name__}): run the command again.") from error
    finally:
        producer.close()


def _await_empty(connection: Connection, group: str) -> None:
    """Wait until the sessions of workers that ended are over."""
    until = time.monotonic() + connection.settings.session_timeout_seconds + _POLL_SECONDS
    while members(connection, group):
        if time.monotonic() > until:
            raise Unavailable(f"Workers of {group} run: stop them first, else they would go on from where they are.")
        time.sleep(_POLL_SECONDS)


def _admission(connection: Connection) -> str:
    return f"{connection.settings.namespace}asm-admission"
