"""The rulebooks that a cluster remembers: digest -> full text, kept as long as outputs may name them."""

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.topics import topic_names

RULEBOOKS = "asm.rulebooks.v1"
_POLL_MS = 500


def published_text(connection: Connection, digest: str) -> str | None:
    """Return the text of the rulebook whose digest begins so, or None where the cluster has none.

    :raises Unavailable: the cluster does not answer, or has no such topic.
    """
    name = topic_names(connection.settings).of(RULEBOOKS)
    try:
        consumer = KafkaConsumer(**connection.kafka_python(), auto_offset_reset="earliest", enable_auto_commit=False)
    except KafkaError as error:
        raise Unavailable(f"The cluster at {connection.bootstrap} does not answer ({error}).") from error
    try:
        partitions = [TopicPartition(name, p) for p in consumer.partitions_for_topic(name) or ()]
        if not partitions:
            raise Unavailable(f"The topic {name} is not on the cluster: run `asm topics apply`.")
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(tp) < end for tp, end in ends.items()):
            for records in consumer.poll(timeout_ms=_POLL_MS).values():
                for record in records:
                    if (record.key or b"").decode().startswith(digest):
                        return str(record.value.decode())
    finally:
        consumer.close()
    return None
