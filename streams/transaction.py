"""One fenced transactional producer a partition.

Its ``transactional.id`` is the app and the partition, so opening it fences whoever owned the partition before: a worker
that was frozen and wakes up can write nothing. aiokafka sends neither generation nor member id with transactional
offsets, so this is the only fence there is.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.producer import sender

from infra.kafka.connection import Connection
from infra.log import Log
from streams.clients import AIOKAFKA, Clients
from streams.rows import Row

#: Rows by topic, in the partition that the producer is for, or by topic and partition.
Writes = Mapping[str | TopicPartition, Sequence[Row]]
_RETRY_MS = 5
_BATCH_BYTES = 900_000
#: A lost leader or coordinator is replaced within seconds, during which aiokafka tries again by itself; for how long it
#: says of a delivery (its request time-out, 40 s), and of the rest of a transaction not at all.
_SAID_SECONDS = 2.0
LIMIT_SECONDS = 60.0
#: The broker answers a commit before its marker is written; the next transaction is then told to try again. aiokafka
#: waits 20 ms for that, which is most of what a small transaction costs.
sender.BACKOFF_OVERRIDE = _RETRY_MS / 1000


@dataclass(frozen=True, slots=True)
class Offsets:
    """Positions of one group, to be committed with the records.

    One group a transaction: aiokafka adds only the first to it (``consumer_group_to_add`` of its transaction manager),
    and the broker answers the second with InvalidTxnState, unless both happen to share a partition of their topic.
    """

    group: str
    positions: Mapping[TopicPartition, int]


class FencedProducer:
    """The transactional producer of a partition; at most one of a name can commit."""

    def __init__(self, name: str, connection: Connection, clients: Clients = AIOKAFKA) -> None:
        self.name = name
        self._connection = connection
        self._clients = clients
        self._log = Log(producer=name)
        self._producer: Any = None

    @property
    def linger_seconds(self) -> float:
        """How long to wait for more before a transaction, to make fewer of them."""
        return self._connection.settings.linger_seconds

    async def open(self) -> None:
        """Fence the former owner; returns when its transaction has ended.

        :raises Exception: the cluster does not answer, or not within a minute.
        """
        producer = self._clients.producer(
            **self._connection.aiokafka(),
            transactional_id=self.name,
            enable_idempotence=True,
            transaction_timeout_ms=int(self._connection.settings.transaction_timeout_seconds * 1000),
            max_batch_size=_BATCH_BYTES,
            retry_backoff_ms=_RETRY_MS,
        )
        async with self._patience():
            await producer.start()
        self._producer = producer

    async def commit(self, writes: Writes, partition: int, offsets: Offsets | None) -> None:
        """Write rows, and the offsets of a group, all or nothing.

        :raises Exception: fenced, refused, not delivered, or not done within a minute. The process must end then: what
            is in memory may be ahead of what is in Kafka, and another producer of this name would fence the rightful
            owner.
        """
        producer = self._opened()
        async with self._patience():
            await producer.begin_transaction()
            deliveries = [d for place, rows in writes.items() for d in await self._send(place, partition, rows)]
            if offsets is not None:
                await producer.send_offsets_to_transaction(dict(offsets.positions), offsets.group)
            await asyncio.gather(*deliveries)  # aiokafka commits happily without a batch that failed
            await producer.commit_transaction()

    async def close(self) -> None:
        """Close the producer; nothing is in flight then."""
        if self._producer is not None:
            await self._producer.stop()

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        """Bound a wait for the cluster; say that it lasts, each time it has doubled, and that it is over."""
        loop = asyncio.get_running_loop()
        began, timer = loop.time(), None

        def say(seconds: float) -> None:
            nonlocal timer
            self._log.warning("transaction_waiting", seconds=seconds)
            timer = loop.call_later(seconds, say, 2 * seconds)

        first = timer = loop.call_later(_SAID_SECONDS, say, _SAID_SECONDS)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                yield
        finally:
            timer.cancel()
        if timer is not first:
            self._log.info("transaction_resumed", seconds=round(loop.time() - began, 1))

    def _opened(self) -> Any:
        if self._producer is None:
            raise RuntimeError(f"the producer {self.name} is not open")
        return self._producer

    async def _send(
        self, place: str | TopicPartition, partition: int, rows: Sequence[Row]
    ) -> list[asyncio.Future[object]]:
        """Send rows in whole record batches; return a future of each batch's delivery."""
        topic, partition = place if isinstance(place, TopicPartition) else (place, partition)
        producer, deliveries = self._opened(), []
        batch = producer.create_batch()
        for row in rows:
            if _append(batch, row):
                continue
            batch.close()
            deliveries.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            _append(batch, row)  # an empty batch takes a record of any size; the broker may refuse it
        if batch.record_count():
            batch.close()
            deliveries.append(await producer.send_batch(batch, topic, partition=partition))
        return deliveries


def _append(batch: object, row: Row) -> bool:
    appended = batch.append(  # type: ignore[attr-defined]  # aiokafka is not typed
        key=row.key, value=row.value, timestamp=row.timestamp, headers=list(row.headers)
    )
    return appended is not None
