"""Consumer groups on a cluster."""

from collections.abc import Mapping

from kafka import TopicPartition
from kafka.admin import MemberToRemove

from infra.kafka.connection import Connection
from infra.kafka.topics import admin


def leave_group(connection: Connection, group: str, instance: str) -> None:
    """Have a static member leave its group at once, so that its partitions move before its session ends."""
    with admin(connection) as client:
        client.remove_group_members(group, [MemberToRemove(group_instance_id=instance)])


def committed_offsets(connection: Connection, group: str) -> Mapping[TopicPartition, int]:
    """Return how far a group is, by partition; of a group that never committed nothing."""
    with admin(connection) as client:
        found = client.list_group_offsets(group)[group]
    return {tp: told.offset for tp, told in found.items() if told.offset >= 0}
