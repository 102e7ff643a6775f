"""Consumer groups on a cluster."""

from kafka.admin import MemberToRemove

from infra.kafka.connection import Connection
from infra.kafka.topics import admin


def leave_group(connection: Connection, group: str, instance: str) -> None:
    """Have a static member leave its group at once, so that its partitions move before its session ends."""
    with admin(connection) as client:
        client.remove_group_members(group, [MemberToRemove(group_instance_id=instance)])
