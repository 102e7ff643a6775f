"""Where admission's next record is not in the log, and how an operator accepts that (``asm topics lost``)."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.groups import committed_offsets, log_bounds, members
from infra.kafka.topics import topic_names
from infra.kafka.writing import open_producer
from schemas.codec import encode
from schemas.records import OperationRecorded
from streams.dead_letters import OPERATIONS
from streams.groups import admission_group

ACCEPTED = "topics lost --accept"
_FLUSH_SECONDS = 30
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Admission's place in a partition of an inbound topic, and where the log begins and ends."""

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


def lost_places(connection: Connection) -> list[Place]:
    """Return where admission stands at an offset that the log does not have.

    :raises Unavailable: the cluster does not answer.
    """
    return [place for place in _places(connection) if not place.begin <= place.committed <= place.end]


def places_of_partition(connection: Connection, partition: int) -> list[Place]:
    """Return admission's place in a partition of every inbound topic, to be read again from its beginning.

    :raises Unavailable: the cluster does not answer.
    """
    return [place for place in _places(connection) if place.partition == partition]


def _places(connection: Connection) -> list[Place]:
    """Return where admission stands in every partition of an inbound topic."""
    committed = committed_offsets(connection, admission_group(connection.settings))
    bounds = log_bounds(connection, committed)
    return [
        Place(topic=tp.topic, partition=tp.partition, committed=offset, begin=bounds[tp][0], end=bounds[tp][1])
        for tp, offset in sorted(committed.items())
        if tp in bounds
    ]


def begin_again(connection: Connection, places: list[Place], actor: str, reason: str) -> None:
    """Have admission begin where the logs begin, and record who said so, in one transaction.

    :raises Unavailable: a worker runs, or the cluster does not answer; nothing was done then.
    """
    group = admission_group(connection.settings)
    _await_empty(connection, group)
    record = OperationRecorded(
        actor=actor,
        command=ACCEPTED,
        scope=f"{len(places)} partitions",
        reason=reason,
        instant=datetime.now(UTC),
        items=tuple(place.in_words() for place in places),
    )
    offsets = {TopicPartition(place.topic, place.partition): OffsetAndMetadata(place.begin, "", -1) for place in places}
    producer = open_producer(connection, transactional_id=f"{group}-gaps")
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic_names(connection.settings).of(OPERATIONS), value=encode(record)).get(timeout=_FLUSH_SECONDS)
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
