"""Reading a compacted topic whole, as fast as it goes: aiokafka takes batches apart in C, kafka-python in Python."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.kafka.connection import Connection, unreachable
from infra.kafka.reading import reader

_FETCH_BYTES = 16 << 20
_POLL_MS = 200


def latest_records(connection: Connection, topic: str) -> dict[int, dict[bytes, bytes]]:
    """Return by partition the latest value of each key, as a read_committed reader sees it now.

    :raises Unavailable: the cluster does not answer, or has no such topic (by its name on the cluster).
    """
    with reader(connection, topic) as asked:
        partitions = sorted(tp.partition for tp in asked.assignment())
    try:
        return asyncio.run(_latest(connection, topic, partitions))
    except KafkaError as error:
        raise unreachable(connection, error) from error


async def _latest(connection: Connection, topic: str, partitions: list[int]) -> dict[int, dict[bytes, bytes]]:
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in partitions]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        found: dict[int, dict[bytes, bytes]] = {tp.partition: {} for tp in places}
        for tp in places:
            async for record in read_to_end(consumer, tp):
                if record.value is None:
                    found[tp.partition].pop(record.key, None)
                else:
                    found[tp.partition][record.key] = record.value
    finally:
        await consumer.stop()
    return found


async def read_to_end(
    consumer: Any, tp: TopicPartition, progress: Callable[[float], None] = lambda _share: None
) -> AsyncIterator[Any]:
    """Yield the records of an assigned partition, up to what is there now; ``progress`` is told the share before."""
    end = (await consumer.end_offsets([tp]))[tp]
    while (position := await consumer.position(tp)) < end:  # the last record may be a commit marker
        progress(position / end)
        for batch in (await consumer.getmany(tp, timeout_ms=_POLL_MS)).values():
            for record in batch:
                yield record
