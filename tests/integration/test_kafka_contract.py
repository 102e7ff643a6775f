"""What the product relies on in a real Kafka and in aiokafka against it: transactions, fences, offsets.

Where ours differs from aiokafka's own, the test shows both.
"""

import asyncio
import functools
import gc
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, InvalidTxnState, KafkaError, MessageSizeTooLargeError, ProducerFenced
from kafka import KafkaConsumer
from kafka import TopicPartition as ReadPartition

from infra.kafka.connection import Connection
from infra.kafka.topics import admin
from infra.settings import Settings
from streams.batching import seek_to_committed
from streams.rows import Row
from streams.transaction import FencedProducer, Offsets

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
#: How a fenced producer may say so.
FENCED = (ProducerFenced, IllegalOperation, AssertionError)
P = ParamSpec("P")
_numbers = itertools.count(1)


def asynchronous(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own, and collect what a fenced producer leaves.

    asyncio logs its futures as they are collected, and formats a traceback by ``ast``; were that in the midst of
    another ``ast.parse``, Python 3.11 would raise a SystemError there.
    """

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            asyncio.run(asyncio.wait_for(test(*args, **kwargs), 30))
        finally:
            gc.collect()

    return run


class Cluster:
    """The cluster, and in it a topic of one partition, a transactional id and a group that no other test has."""

    def __init__(self, bootstrap: str, name: str) -> None:
        settings = Settings.model_validate({"kafka_bootstrap": bootstrap})
        self.connection = Connection(bootstrap, embedded=True, settings=settings)
        self.name = self.topic = self.group = name
        self.partition = TopicPartition(name, 0)

    def create(self, configs: Mapping[str, str]) -> None:
        creation = {"num_partitions": 1, "replication_factor": 1, "configs": dict(configs)}
        with admin(self.connection) as client:
            client.create_topics({self.topic: creation}, wait_for_metadata=True)

    def producer(self) -> FencedProducer:
        return FencedProducer(self.name, self.connection)

    def offsets(self, offset: int, group: str = "") -> Offsets:
        return Offsets(group or self.group, {self.partition: offset})

    def committed(self, group: str = "") -> int | None:
        """The offset that a group committed."""
        with admin(self.connection) as client:
            told = client.list_group_offsets(group or self.group)[group or self.group]
        return told[self.partition].offset if self.partition in told else None

    def values(self, isolation: str = "read_committed") -> list[bytes]:
        """The values that a reader sees."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.connection.bootstrap, isolation_level=isolation, auto_offset_reset="earliest"
        )
        partition = ReadPartition(*self.partition)
        try:
            consumer.assign([partition])
            [end] = consumer.end_offsets([partition]).values()
            found: list[bytes] = []
            while consumer.position(partition) < end:
                found += [r.value for records in consumer.poll(timeout_ms=200).values() for r in records]
            return found
        finally:
            consumer.close()

    async def reader(self, **options: Any) -> AIOKafkaConsumer:
        """A started aiokafka consumer of the partition."""
        consumer = AIOKafkaConsumer(**self.connection.aiokafka(), enable_auto_commit=False, **options)
        await consumer.start()
        consumer.assign([self.partition])
        return consumer


@pytest.fixture
def cluster(bootstrap: str, request: pytest.FixtureRequest) -> Cluster:
    made = Cluster(bootstrap, f"contract-{os.getpid()}-{next(_numbers)}")
    made.create(getattr(request, "param", {}))
    return made


def row(value: bytes) -> Row:
    return Row(key=b"k", value=value)


def writes(cluster: Cluster, *values: bytes) -> dict[str, Sequence[Row]]:
    return {cluster.topic: [row(value) for value in values]}


async def opened(cluster: Cluster) -> FencedProducer:
    producer = cluster.producer()
    await producer.open()
    return producer


async def ended(cluster: Cluster, name: str = "") -> None:
    """Wait until no transaction of a name is open: the broker answers a commit before its markers are written."""
    producer = FencedProducer(name or cluster.name, cluster.connection)
    await producer.open()
    await producer.close()


class Halting(FencedProducer):
    """Halts half way: what it sent is delivered, nothing is committed."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.name, cluster.connection)
        self.delivered, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def _send(self, topic: str, partition: int, rows: Sequence[Row]) -> list[asyncio.Future[object]]:
        deliveries = await super()._send(topic, partition, rows)
        await asyncio.gather(*deliveries)
        self.delivered.set()
        await self.may_go_on.wait()
        return deliveries


async def halfway(cluster: Cluster, value: bytes, offset: int) -> tuple[Halting, asyncio.Task[None]]:
    """A producer halfway through a commit."""
    producer = Halting(cluster)
    await producer.open()
    committing = asyncio.create_task(producer.commit(writes(cluster, value), 0, cluster.offsets(offset)))
    await producer.delivered.wait()
    return producer, committing


# Delivery


SMALL = pytest.mark.parametrize("cluster", [{"max.message.bytes": "1000"}], indirect=True, ids=["small-messages"])
TOO_LARGE = os.urandom(5000)


@SMALL
@asynchronous
async def test_aiokafka_commits_happily_without_a_batch_whose_delivery_failed(cluster: Cluster) -> None:
    producer = AIOKafkaProducer(**cluster.connection.aiokafka(), transactional_id=cluster.name)
    await producer.start()
    await producer.begin_transaction()
    delivery = await producer.send(cluster.topic, TOO_LARGE, partition=0)
    await producer.send_offsets_to_transaction({cluster.partition: 7}, cluster.group)
    await producer.commit_transaction()
    with pytest.raises(MessageSizeTooLargeError):
        await delivery
    await producer.stop()
    await ended(cluster)
    assert (cluster.values(), cluster.committed()) == ([], 7)


@SMALL
@asynchronous
async def test_a_fenced_producer_does_not_commit_when_a_delivery_failed(cluster: Cluster) -> None:
    producer = await opened(cluster)
    with pytest.raises(MessageSizeTooLargeError):
        await producer.commit(writes(cluster, b"small", TOO_LARGE), 0, cluster.offsets(7))
    await producer.close()
    await ended(cluster)
    assert (cluster.values(), cluster.committed()) == ([], None)


@asynchronous
async def test_rows_of_several_batches_and_a_row_larger_than_one_arrive_in_order(cluster: Cluster) -> None:
    sizes, now = [400_000, 400_000, 400_000, 950_000, 10], int(time.time() * 1000)
    rows = [
        Row(key=b"%d" % n, value=bytes(size), timestamp=now + n, headers=(("n", b"%d" % n),))
        for n, size in enumerate(sizes)
    ]
    producer = await opened(cluster)
    await producer.commit({cluster.topic: rows}, 0, None)
    await producer.close()
    reader = await cluster.reader(isolation_level="read_committed", auto_offset_reset="earliest")
    found = [await reader.getone() for _ in sizes]
    await reader.stop()
    assert [Row(key=r.key, value=r.value, timestamp=r.timestamp, headers=r.headers) for r in found] == rows


# All or nothing


@asynchronous
async def test_one_commit_writes_rows_and_offsets(cluster: Cluster) -> None:
    producer = await opened(cluster)
    await producer.commit(writes(cluster, b"one", b"two"), 0, cluster.offsets(5))
    await producer.close()
    await ended(cluster)
    assert (cluster.values(), cluster.committed()) == ([b"one", b"two"], 5)


KILLED = """
import asyncio, os, signal, sys
from aiokafka import AIOKafkaProducer
from tests.integration.test_kafka_contract import Cluster, opened, writes

async def die(producer):
    os.kill(os.getpid(), signal.SIGKILL)

async def commit(cluster):
    await (await opened(cluster)).commit(writes(cluster, b"lost"), 0, cluster.offsets(9))

AIOKafkaProducer.commit_transaction = die
asyncio.run(commit(Cluster(sys.argv[1], sys.argv[2])))
"""


@asynchronous
async def test_a_process_killed_before_its_commit_leaves_neither_rows_nor_offsets(cluster: Cluster) -> None:
    producer = await opened(cluster)
    await producer.commit(writes(cluster, b"kept"), 0, cluster.offsets(5))
    await producer.close()
    command = [sys.executable, "-c", KILLED, cluster.connection.bootstrap, cluster.name]
    killed = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    await ended(cluster)
    assert cluster.values("read_uncommitted") == [b"kept", b"lost"]
    assert (cluster.values(), cluster.committed()) == ([b"kept"], 5)


@asynchronous
async def test_a_commit_that_is_cancelled_half_way_leaves_nothing_committed(cluster: Cluster) -> None:
    producer, committing = await halfway(cluster, b"cancelled", 9)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing
    await producer.close()
    again = await opened(cluster)
    await again.commit(writes(cluster, b"again"), 0, cluster.offsets(10))
    await again.close()
    await ended(cluster)
    assert cluster.values("read_uncommitted") == [b"cancelled", b"again"]
    assert (cluster.values(), cluster.committed()) == ([b"again"], 10)


# The fence


@asynchronous
async def test_a_second_producer_of_a_name_fences_the_first(cluster: Cluster) -> None:
    first = await opened(cluster)
    await first.commit(writes(cluster, b"before"), 0, cluster.offsets(1))
    second = await opened(cluster)
    for _ in range(2):  # it stays so
        with pytest.raises(FENCED):
            await first.commit(writes(cluster, b"zombie"), 0, cluster.offsets(2))
    await first.close()
    await second.commit(writes(cluster, b"after"), 0, cluster.offsets(3))
    await second.close()
    await ended(cluster)
    assert (cluster.values(), cluster.committed()) == ([b"before", b"after"], 3)


@asynchronous
async def test_opening_ends_the_transaction_that_the_former_owner_began(cluster: Cluster) -> None:
    first, committing = await halfway(cluster, b"zombie", 2)
    reader = await cluster.reader(isolation_level="read_committed")
    assert await reader.end_offsets([cluster.partition]) == {cluster.partition: 0}
    second = await opened(cluster)
    assert await reader.end_offsets([cluster.partition]) == {cluster.partition: 2}  # the record and its marker
    await reader.stop()
    first.may_go_on.set()
    with pytest.raises(FENCED):
        await committing
    await first.close()
    await second.close()
    assert (cluster.values(), cluster.committed()) == ([], None)


@asynchronous
async def test_producers_of_two_names_do_not_fence_each_other(cluster: Cluster) -> None:
    first, other = await opened(cluster), FencedProducer(f"{cluster.name}-other", cluster.connection)
    await other.open()
    await first.commit(writes(cluster, b"first"), 0, None)
    await other.commit(writes(cluster, b"other"), 0, None)
    await first.close()
    await other.close()
    await ended(cluster)
    await ended(cluster, other.name)
    assert cluster.values() == [b"first", b"other"]


# Offsets


@asynchronous
async def test_a_producer_that_is_no_member_commits_the_offsets_of_a_group_with_members(cluster: Cluster) -> None:
    """So the fence is the transactional id alone: a worker that lost the partition could commit in its group."""
    member = AIOKafkaConsumer(
        cluster.topic, **cluster.connection.aiokafka(), group_id=cluster.group, enable_auto_commit=False
    )
    await member.start()
    assert member.assignment() == {cluster.partition}
    producer = await opened(cluster)
    await producer.commit(writes(cluster, b"one"), 0, cluster.offsets(41))
    await producer.close()
    await ended(cluster)
    assert await member.committed(cluster.partition) == 41
    await member.stop()


@pytest.mark.parametrize("committed", [None, 0])
@asynchronous
async def test_seeking_to_committed_goes_to_the_beginning_where_aiokafka_stays(
    cluster: Cluster, committed: int | None
) -> None:
    producer = await opened(cluster)
    offsets = None if committed is None else cluster.offsets(committed)
    await producer.commit(writes(cluster, b"0", b"1", b"2"), 0, offsets)
    await producer.close()
    await ended(cluster)
    reader = await cluster.reader(group_id=cluster.group, auto_offset_reset="earliest")
    read = [(await reader.getone()).offset for _ in range(3)]
    told = [await reader.seek_to_committed(), await reader.position(cluster.partition)]
    told += [await seek_to_committed(reader), await reader.position(cluster.partition)]
    again = [(await reader.getone()).offset for _ in range(3)]
    await reader.stop()
    assert (read, told, again) == (
        [0, 1, 2],
        [{cluster.partition: committed}, 3, {cluster.partition: committed}, 0],
        [0, 1, 2],
    )


@asynchronous
async def test_seeking_to_committed_goes_to_the_committed_offset(cluster: Cluster) -> None:
    producer = await opened(cluster)
    await producer.commit(writes(cluster, b"0", b"1", b"2"), 0, cluster.offsets(1))
    await producer.close()
    await ended(cluster)
    reader = await cluster.reader(group_id=cluster.group, auto_offset_reset="earliest")
    await reader.seek_to_end(cluster.partition)
    assert await seek_to_committed(reader) == {cluster.partition: 1}
    assert (await reader.getone()).offset == 1
    await reader.stop()


@asynchronous
async def test_end_offsets_without_isolation_stand_above_an_open_transaction_and_with_it_below(
    cluster: Cluster,
) -> None:
    """So a tick waits for records that were received and not yet committed."""
    producer, committing = await halfway(cluster, b"open", 1)
    ends = []
    for isolation in ("read_uncommitted", "read_committed"):
        reader = await cluster.reader(isolation_level=isolation)
        ends.append((await reader.end_offsets([cluster.partition]))[cluster.partition])
        await reader.stop()
    producer.may_go_on.set()
    await committing
    await producer.close()
    assert ends == [1, 0]


@asynchronous
async def test_a_position_passes_the_marker_behind_the_last_record_of_a_transaction(cluster: Cluster) -> None:
    """So the position reaches the end offset, and a tick is not held up by what is no record."""
    producer = await opened(cluster)
    await producer.commit(writes(cluster, b"one"), 0, None)
    await producer.close()
    await ended(cluster)
    reader = await cluster.reader(isolation_level="read_committed", auto_offset_reset="earliest")
    found = await reader.getmany(timeout_ms=10_000)
    ends = await reader.end_offsets([cluster.partition])
    position = await reader.position(cluster.partition)
    while position < ends[cluster.partition]:
        assert await reader.getmany(timeout_ms=100) == {}
        position = await reader.position(cluster.partition)
    await reader.stop()
    assert ([r.offset for r in found[cluster.partition]], position, ends) == ([0], 2, {cluster.partition: 2})


# One group a transaction


def offsets_partitions(cluster: Cluster) -> int:
    """How many partitions the topic of the offsets has, once there is one."""
    with admin(cluster.connection) as client:
        [told] = client.describe_topics(["__consumer_offsets"])
    return len(told["partitions"])


def coordinator_partition(group: str, partitions: int) -> int:
    """Where the broker keeps a group's offsets: Java's hash of its name."""
    code = 0
    for character in group:
        code = (31 * code + ord(character)) & 0xFFFFFFFF
    return abs(code - (1 << 32) if code >> 31 else code) % partitions


def second_group(cluster: Cluster, shares: bool) -> str:
    """A group whose offsets are kept in the partition of the first one's, or in another."""
    partitions = offsets_partitions(cluster)
    first = coordinator_partition(cluster.group, partitions)
    names = (f"{cluster.group}-{n}" for n in itertools.count())
    return next(name for name in names if (coordinator_partition(name, partitions) == first) is shares)


async def commit_two_groups(cluster: Cluster, second: str) -> None:
    producer = AIOKafkaProducer(**cluster.connection.aiokafka(), transactional_id=cluster.name)
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_offsets_to_transaction({cluster.partition: 5}, cluster.group)
        await producer.send_offsets_to_transaction({cluster.partition: 6}, second)
        await producer.commit_transaction()
    finally:
        await producer.stop()


@asynchronous
async def test_offsets_of_a_second_group_are_refused_as_an_invalid_transaction_state(cluster: Cluster) -> None:
    assert cluster.committed() is None  # asking makes the topic of the offsets
    second = second_group(cluster, shares=False)
    with pytest.raises(KafkaError, match="Unexpected error during batch delivery") as refused:
        await commit_two_groups(cluster, second)
    assert type(refused.value.__cause__) is InvalidTxnState
    await ended(cluster)
    assert (cluster.committed(), cluster.committed(second)) == (None, None)


@asynchronous
async def test_offsets_of_a_second_group_pass_where_it_shares_the_partition_of_the_first(cluster: Cluster) -> None:
    assert cluster.committed() is None  # asking makes the topic of the offsets
    second = second_group(cluster, shares=True)
    await commit_two_groups(cluster, second)
    await ended(cluster)
    assert (cluster.committed(), cluster.committed(second)) == (5, 6)
