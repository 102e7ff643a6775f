"""Consumer groups on a cluster."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.admin import MemberToRemove, OffsetSpec
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError
from kafka.structs import OffsetAndMetadata

from infra.kafka.connection import Connection
from infra.kafka.topics import admin

_NOT_YET = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
_TRIES = 20
_TRY_AGAIN_SECONDS = 0.25


def leave_group(connection: Connection, group: str, instance: str) -> None:
    """Have a static member leave its group at once, so that its partitions move before its session ends."""
    with admin(connection) as client:
        client.remove_group_members(group, [MemberToRemove(group_instance_id=instance)])


def committed_offsets(connection: Connection, group: str) -> Mapping[TopicPartition, int]:
    """Return how far a group is, by partition; of a group that never committed nothing."""
    return {tp: told.offset for tp, told in committed(connection, group).items()}


def committed(connection: Connection, group: str) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Return what a group committed, by partition, with what it said to it; of a group that never did nothing."""
    with admin(connection) as client:
        found = _coordinated(lambda: client.list_group_offsets(group))[group]
    return {tp: told for tp, told in found.items() if told.offset >= 0}


def log_bounds(
    connection: Connection, partitions: Iterable[TopicPartition]
) -> Mapping[TopicPartition, tuple[int, int]]:
    """Return where each log begins and ends, of the partitions that exist."""
    with admin(connection) as client:
        there = set(client.list_topics())
        asked = [tp for tp in partitions if tp.topic in there]
        begin = client.list_partition_offsets(dict.fromkeys(asked, OffsetSpec.EARLIEST)) if asked else {}
        end = client.list_partition_offsets(dict.fromkeys(asked, OffsetSpec.LATEST)) if asked else {}
    return {tp: (begin[tp].offset, end[tp].offset) for tp in asked}


def members(connection: Connection, group: str) -> int:
    """Return how many members a group has now."""
    with admin(connection) as client:
        return len(_coordinated(lambda: client.describe_groups([group]))[group]["members"])


def delete_group(connection: Connection, group: str) -> None:
    """Delete a group without members; one that is not there is deleted already."""
    with admin(connection) as client:
        if any(found["group_id"] == group for found in client.list_groups()):
            _coordinated(lambda: client.delete_groups([group]))


def _coordinated(ask: Callable[[], Any]) -> Any:
    """Ask a group's coordinator; a cluster that never had a group takes a moment to have one."""
    for _ in range(_TRIES):
        try:
            return ask()
        except _NOT_YET:
            time.sleep(_TRY_AGAIN_SECONDS)
    return ask()
