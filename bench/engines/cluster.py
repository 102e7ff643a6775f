"""Topics of the benchmark's broker: filled in whole record batches, read from the beginning, and how far a group is."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import NewTopic, OffsetSpec

from streams.rows import Row

PARTITIONS = 4
_BATCH_BYTES = 500_000
_FETCH_BYTES = 8 << 20


async def fill(bootstrap: str, topic: str, rows: Iterable[tuple[int, Row]]) -> None:
    """Append rows to partitions of a topic, as a feed does: without a transaction.

    :raises KafkaError: the broker does not take a batch.
    """
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        open_batches = {partition: producer.create_batch() for partition in range(PARTITIONS)}
        delivered = []
        for partition, row in rows:
            if not _append(open_batches[partition], row):
                delivered.append(await producer.send_batch(open_batches[partition], topic, partition=partition))
                open_batches[partition] = producer.create_batch()
                _append(open_batches[partition], row)
        for partition, batch in open_batches.items():
            if batch.record_count():
                delivered.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*delivered)
    finally:
        await producer.stop()


async def read(bootstrap: str, topic: str, begins: Mapping[TopicPartition, int] | None = None) -> AsyncIterator[Any]:
    """Yield the committed records of a topic, from its beginning or from given offsets up to what is there now."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    consumer.assign(partitions)
    await consumer.start()
    try:
        for tp in partitions:
            consumer.seek(tp, (begins or {}).get(tp, 0))
        ends = await consumer.end_offsets(partitions)
        for tp, end in ends.items():
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, ()):
                    yield record
    finally:
        await consumer.stop()


async def commit(bootstrap: str, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Commit offsets for a group that has no members."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    consumer.assign(list(offsets))
    await consumer.start()
    try:
        await consumer.commit(dict(offsets))
    finally:
        await consumer.stop()


class Cluster:
    """Questions to the benchmark's broker."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)

    def create(self, topic: str, **configuration: str) -> None:
        """Create a topic."""
        settings = {name.replace("_", "."): value for name, value in configuration.items()}
        new = NewTopic(name=topic, num_partitions=PARTITIONS, replication_factor=1, topic_configs=settings)
        self._admin.create_topics([new], wait_for_metadata=True)

    def ends(self, topic: str) -> Mapping[TopicPartition, int]:
        """Return where each partition of a topic ends."""
        asked = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        told = self._admin.list_partition_offsets(dict.fromkeys(asked, OffsetSpec.LATEST))
        return {tp: told[tp].offset for tp in asked}

    def has_reached(self, group: str, ends: Mapping[TopicPartition, int]) -> bool:
        """Say whether a group has committed up to these ends."""
        told = self._admin.list_group_offsets(group)[group]
        return all(tp in told and told[tp].offset >= end for tp, end in ends.items())

    def close(self) -> None:
        """Close the client."""
        self._admin.close()


def _append(batch: Any, row: Row) -> bool:
    appended = batch.append(key=row.key, value=row.value, timestamp=row.timestamp, headers=list(row.headers))
    return appended is not None
