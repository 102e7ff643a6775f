"""What the product relies on in the insides of faust-streaming and aiokafka, as far as no broker is needed for it.

Where the product sets something that a library would do otherwise, the test shows both: an upgrade that changes the
library, and an edit that forgets the setting, each turn it red.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any, ParamSpec

import mode
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import ConcurrentTransactions
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol.metadata import MetadataResponse_v0
from aiokafka.protocol.transaction import TxnOffsetCommitRequest
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from faust import Event
from faust.assignor.partition_assignor import PartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from infra.kafka.connection import Connection
from infra.settings import Settings
from schemas.topics import contract
from streams import transaction
from streams.admission import PROMOTIONS, REDRIVE
from streams.app import AdmissionApp, AssessmentApp
from streams.batching import BatchApp, BatchConsumer, BatchConsumerThread, _Fetched
from streams.ownership import RESTART, PartitionOwner
from streams.transaction import FencedProducer, Offsets

NOWHERE = "127.0.0.1:9"
GENERATION = 7
A0, B0 = TP("a", 0), TP("b", 0)
P = ParamSpec("P")


def asynchronous(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 20))

    return run


def connection(**settings: Any) -> Connection:
    wanted = Settings.model_validate({"kafka_bootstrap": NOWHERE, "namespace": "contract."} | settings)
    return Connection(NOWHERE, embedded=True, settings=wanted)


class NotedOwner:
    """An owner that notes what is done to it."""

    def __init__(self, partition: int, notes: list[Any]) -> None:
        self.generation: int | None = None
        self._partition, self._notes = partition, notes
        self.taken: asyncio.Queue[Any] = asyncio.Queue()

    async def open(self) -> None:
        self._notes.append(("open", self._partition))

    async def put(self, event: Any) -> None:
        await self.taken.put(event)

    def resume(self, generation: int) -> None:
        self.generation = generation
        self._notes.append(("resume", self._partition, generation))

    async def let_go(self) -> None:
        self.generation = None
        self._notes.append(("let go", self._partition))

    async def close(self) -> None:
        self._notes.append(("close", self._partition))

    def tell(self) -> None: ...


class NotedApp(BatchApp):
    """A batch app whose owners note what is done to them, as it notes when Faust's own handling has its turn."""

    stage = "assessment"

    def __init__(self) -> None:
        self.notes: list[Any] = []
        super().__init__("contract", ["a", "b"], broker=[f"kafka://{NOWHERE}"])
        self.consumer_generation_id = GENERATION

    def new_owner(self, partition: int) -> NotedOwner:
        return NotedOwner(partition, self.notes)

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.notes.append(("faust revokes", revoked))

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.notes.append(("faust assigns", assigned, generation_id))


@contextmanager
def consumer_of(app: BatchApp, consumer_type: type[driver.Consumer] = BatchConsumer) -> Iterator[Any]:
    """The consumer of an app, not started: what is fetched stands in ``fetches``, what is committed in ``commits``."""

    class Held(consumer_type):  # type: ignore[misc,valid-type]
        fetches: list[Any]
        commits: list[dict[TP, int]]

        async def _getmany(self, **_: Any) -> Any:
            fetch = self.fetches.pop(0)
            return fetch() if callable(fetch) else fetch

        async def _commit(self, offsets: dict[TP, int]) -> bool:
            self.commits.append(offsets)
            return True

        def assignment(self) -> set[TP]:
            return {A0, B0}

    async def no_callback(_: Any) -> None: ...

    consumer = app.consumer = Held(
        app.transport,
        callback=no_callback,
        on_partitions_revoked=app._on_partitions_revoked,
        on_partitions_assigned=app._on_partitions_assigned,
    )
    consumer.fetches, consumer.commits = [], []
    consumer._set_active_tps({A0, B0})
    app.topics._acking_topics |= {"a", "b"}  # type: ignore[attr-defined]
    try:
        yield consumer
    finally:
        consumer._thread.thread_loop.close()


@asynccontextmanager
async def started_by(thread_type: type[driver.AIOKafkaConsumerThread], app: BatchApp) -> AsyncIterator[Any]:
    """The aiokafka consumer that a thread of this class starts, before it starts."""
    loop = asyncio.get_running_loop()
    with consumer_of(app) as consumer:
        made = thread_type(consumer, thread_loop=loop)._create_consumer(loop)
        try:
            yield made
        finally:
            await made.stop()


def fetched(batches: dict[TP, Sequence[int]], positions: dict[TP, int]) -> _Fetched:
    """What a fetch returned: offsets by partition, and the positions in the step in which it did."""
    records: Any = {
        tp: [ConsumerRecord(tp.topic, tp.partition, offset, 0, 0, b"k", b"v", None, 1, 1, ()) for offset in offsets]
        for tp, offsets in batches.items()
    }
    found = _Fetched(records)
    found.positions = positions
    return found


async def take(consumer: BatchConsumer) -> list[Any]:
    """The events of one fetch, as a stream gets them."""
    return [event_of(consumer.app, message) async for _, message in consumer.getmany(1.0)]


def event_of(app: BatchApp, message: ConsumerMessage) -> Event:
    message.incref()
    return Event(app, message.key, message.value, None, message)


def event_at(app: BatchApp, offset: int, generation: int = GENERATION) -> Event:
    message = ConsumerMessage("a", 0, offset, 0.0, 0, None, b"k", b"v", None, generation_id=generation)
    return event_of(app, message)


# The settings (streams/app.py, streams/batching.py)


@pytest.mark.parametrize("app_type", [lambda c: AdmissionApp(c, 4), AssessmentApp], ids=["admission", "assessment"])
def test_the_faust_settings_of_both_apps_are_those_wanted(app_type: Callable[[Connection], BatchApp]) -> None:
    conf = app_type(connection()).conf
    assert {
        "web_enabled": conf.web_enabled,
        "topic_disable_leader": conf.topic_disable_leader,
        "topic_allow_declare": conf.topic_allow_declare,
        "agent_supervisor": conf.agent_supervisor,
        "consumer_auto_offset_reset": conf.consumer_auto_offset_reset,
        "broker_session_timeout": conf.broker_session_timeout,
        "broker_heartbeat_interval": conf.broker_heartbeat_interval,
        "broker_rebalance_timeout": conf.broker_rebalance_timeout,
        "consumer_max_fetch_size": conf.consumer_max_fetch_size,
        "stream_wait_empty": conf.stream_wait_empty,
        "processing_guarantee": conf.processing_guarantee.value,
    } == {
        "web_enabled": False,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "agent_supervisor": mode.CrashingSupervisor,
        "consumer_auto_offset_reset": "earliest",
        "broker_session_timeout": 8.0,
        "broker_heartbeat_interval": 2.0,
        "broker_rebalance_timeout": 60.0,
        "consumer_max_fetch_size": 8 << 20,
        "stream_wait_empty": False,
        "processing_guarantee": "at_least_once",
    }


def test_an_app_has_one_agent_for_all_its_topics_which_crashes_with_what_it_raises() -> None:
    agents = AdmissionApp(connection(), 4).agents
    assert {
        name: (agent.concurrency, agent._get_supervisor_strategy(), sorted(agent.get_topic_names()))
        for name, agent in agents.items()
    } == {
        "contract.asm-admission-dispatch": (
            1,
            mode.CrashingSupervisor,
            sorted(f"contract.{topic}" for topic in (*contract().inbound(), PROMOTIONS, REDRIVE)),
        )
    }


@asynchronous
async def test_the_settings_arrive_at_the_consumer_of_the_group() -> None:
    async with started_by(BatchConsumerThread, AdmissionApp(connection(instance="one"), 4)) as consumer:
        told = {
            "group": consumer._group_id,
            "instance": consumer._group_instance_id,
            "auto_commit": consumer._enable_auto_commit,
            "offset_reset": consumer._auto_offset_reset,
            "session_ms": consumer._session_timeout_ms,
            "heartbeat_ms": consumer._heartbeat_interval_ms,
            "rebalance_ms": consumer._rebalance_timeout_ms,
            "metadata_ms": consumer._client._metadata_max_age_ms,
        }
    assert told == {
        "group": "contract.asm-admission",
        "instance": "admission-one",
        "auto_commit": False,
        "offset_reset": "none",
        "session_ms": 8000,
        "heartbeat_ms": 2000,
        "rebalance_ms": 60_000,
        "metadata_ms": 5000,
    }


@asynchronous
async def test_what_the_driver_hard_codes_or_would_reset_in_silence_is_set_on_the_consumer() -> None:
    async with started_by(driver.AIOKafkaConsumerThread, NotedApp()) as hard_coded:
        assert (hard_coded._isolation_level, hard_coded._fetch_max_wait_ms) == ("read_uncommitted", 1500)
        assert hard_coded._auto_offset_reset == "earliest"
        assert [type(a) for a in hard_coded._partition_assignment_strategy] == [PartitionAssignor]
    async with started_by(BatchConsumerThread, NotedApp()) as ours:
        assert (ours._isolation_level, ours._fetch_max_wait_ms) == ("read_committed", 50)
        assert ours._auto_offset_reset == "none"
        assert ours._partition_assignment_strategy == (RangePartitionAssignor,)


def test_an_aiokafka_consumer_reads_isolation_fetch_wait_and_assignor_as_it_starts() -> None:
    names = {"_isolation_level", "_fetch_max_wait_ms", "_partition_assignment_strategy"}
    assert names - set(AIOKafkaConsumer.start.__code__.co_names) == set()


def test_a_batch_app_fetches_by_a_thread_of_ours() -> None:
    with consumer_of(NotedApp()) as consumer:
        assert (type(consumer.transport).Consumer, type(consumer._thread)) == (BatchConsumer, BatchConsumerThread)


# The assignment: partition p of all inbound topics together


def shares_of(assignor: Any, workers: int, topics: Sequence[str], partitions: int) -> dict[str, set[tuple[str, int]]]:
    """Who gets what of topics with that many partitions each."""
    cluster: Any = ClusterMetadata()
    told = [(0, topic, [(0, p, 1, [1], [1]) for p in range(partitions)]) for topic in topics]
    cluster.update_metadata(MetadataResponse_v0([(1, "127.0.0.1", 9)], told))
    members = {f"worker-{n}": assignor.metadata(set(topics)) for n in range(workers)}
    return {
        worker: {tuple(tp) for tp in assignment.partitions()}
        for worker, assignment in assignor.assign(cluster, members).items()
    }


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_range_keeps_partition_p_of_all_inbound_topics_together(workers: int) -> None:
    inbound = contract().inbound()
    shares = shares_of(RangePartitionAssignor, workers, inbound, 4)
    owners = {p: {worker for worker, share in shares.items() for t, q in share if q == p} for p in range(4)}
    assert {p: len(who) for p, who in owners.items()} == dict.fromkeys(range(4), 1)
    assert sorted(tp for share in shares.values() for tp in share) == sorted((t, p) for t in inbound for p in range(4))


def test_round_robin_splits_partition_p_of_the_topics_across_workers() -> None:
    assert shares_of(RoundRobinPartitionAssignor, 2, ["a", "b", "c"], 3) == {
        "worker-0": {("a", 0), ("a", 2), ("b", 1), ("c", 0), ("c", 2)},
        "worker-1": {("a", 1), ("b", 0), ("b", 2), ("c", 1)},
    }


# One event a batch


@asynchronous
async def test_a_fetched_batch_is_one_message_with_the_list_of_records_and_the_offset_of_the_first() -> None:
    with consumer_of(NotedApp()) as consumer:
        consumer.fetches = [fetched({A0: [5, 6, 9], B0: [2]}, {A0: 10, B0: 3})]
        messages = [event.message for event in await take(consumer)]
        assert [(m.tp, m.offset, m.generation_id, [r.offset for r in m.value]) for m in messages] == [
            (A0, 5, GENERATION, [5, 6, 9]),
            (B0, 2, GENERATION, [2]),
        ]
        assert dict(consumer._read_offset) == {A0: 9, B0: 2}


@asynchronous
async def test_batches_that_are_left_when_the_assignment_changes_are_dropped() -> None:
    app, taken = NotedApp(), []
    with consumer_of(app) as consumer:
        consumer.fetches = [fetched({A0: [5], B0: [2]}, {})]
        async for tp, _ in consumer.getmany(1.0):
            taken.append(tp)
            app.consumer_generation_id = GENERATION + 1
    assert taken == [A0]


@asynchronous
async def test_what_was_fetched_while_the_flow_stopped_is_sought_again_from_the_committed_offsets() -> None:
    with consumer_of(NotedApp()) as consumer:

        async def seek_to_committed() -> dict[TP, int]:
            return {A0: 4}

        def stop_as_it_returns() -> _Fetched:
            consumer.stop_flow()
            return fetched({A0: [5]}, {A0: 6})

        consumer.fetches, consumer.seek_to_committed = [stop_as_it_returns], seek_to_committed
        assert await take(consumer) == []
        assert (dict(consumer._committed_offset), consumer.settled_below(A0)) == ({A0: 4}, None)


@asynchronous
async def test_a_batch_consumer_seeks_to_the_beginning_what_has_no_committed_offset() -> None:
    """That ours does so on a real Kafka, and aiokafka's not, is in the integration tests."""
    sought = []

    async def call_directly(method: Any, *args: Any) -> Any:
        return await method(*args)

    async def committed() -> dict[TP, int | None]:
        return {A0: 3, B0: None}

    async def beginning(*tps: TP) -> None:
        sought.append(tps)

    with consumer_of(NotedApp()) as consumer:
        consumer._thread.call_thread = call_directly
        consumer._thread._consumer = SimpleNamespace(seek_to_committed=committed, seek_to_beginning=beginning)
        assert await consumer.seek_to_committed() == {A0: 3, B0: None}
    assert sought == [(B0,)]


@asynchronous
async def test_a_full_queue_does_not_pause_its_partition_as_fausts_consumer_does() -> None:
    with consumer_of(NotedApp()) as consumer:
        consumer.on_buffer_full(A0)
        assert consumer._get_active_partitions() == {A0, B0}
        driver.Consumer.on_buffer_full(consumer, A0)
        assert consumer._get_active_partitions() == {B0}


# Acknowledging and committing


@pytest.mark.parametrize(("noack", "acked"), [(False, (True, 0)), (True, (False, 1))], ids=["plain", "noack"])
@asynchronous
async def test_an_event_of_a_stream_is_acknowledged_by_itself_unless_the_stream_is_without_acks(
    noack: bool, acked: tuple[bool, int]
) -> None:
    app = NotedApp()
    app.flow_control.resume()
    with consumer_of(app):
        first, last, channel = event_at(app, 0), event_at(app, 1), app.channel()
        stream: Any = app.stream(channel)
        for event in (first, last):
            await channel.put(event)
        async for event in (stream.noack() if noack else stream).events():
            if event is last:  # then the stream is done with the first
                break
        assert (first.message.acked, first.message.refcount) == acked


@asynchronous
async def test_the_dispatcher_hands_a_batch_to_the_owner_of_its_partition_and_acknowledges_nothing() -> None:
    app = NotedApp()
    app.flow_control.resume()
    with consumer_of(app):
        await app.take_over({0}, GENERATION)
        owner: Any = app.owners[0]
        channel = app.channel()
        stream = app.stream(channel)
        for offset in (3, 4):
            await channel.put(event_at(app, offset))
        dispatching = asyncio.create_task(app._dispatch(stream))
        taken = [await owner.taken.get(), await owner.taken.get()]
        assert ([e.message.offset for e in taken], [e.message.acked for e in taken]) == ([3, 4], [False, False])
        dispatching.cancel()
        await asyncio.gather(dispatching, return_exceptions=True)


@asynchronous
async def test_a_batch_for_an_owner_that_let_go_is_dropped_unacknowledged() -> None:
    app = NotedApp()
    app.flow_control.resume()
    with consumer_of(app):
        await app.take_over({0}, GENERATION)
        owner: Any = app.owners[0]
        before, after = event_at(app, 3), event_at(app, 4)
        await owner.let_go()

        async def events() -> AsyncIterator[Event]:
            yield before
            owner.resume(GENERATION)
            yield after

        await app._dispatch(SimpleNamespace(noack=lambda: SimpleNamespace(events=events)))
        assert ([owner.taken.get_nowait()], owner.taken.empty(), before.message.acked) == ([after], True, False)


@pytest.mark.parametrize(("consumer_type", "commits"), [(driver.Consumer, [{A0: 1}]), (BatchConsumer, [])])
@asynchronous
async def test_faust_commits_what_is_acknowledged_and_a_batch_consumer_never_does(
    consumer_type: type[driver.Consumer], commits: list[dict[TP, int]]
) -> None:
    app = NotedApp()
    with consumer_of(app, consumer_type) as consumer:
        assert event_at(app, 0).ack() is True
        assert dict(consumer._acked) == {A0: [0]}
        await consumer.commit()
        await consumer.commit_and_end_transactions()
        assert (consumer.commits, consumer._acked[A0], consumer._acked_index[A0]) == (commits, [], set())


@asynchronous
async def test_a_settled_batch_is_acknowledged_and_keeps_the_livelock_detector_quiet() -> None:
    with consumer_of(NotedApp()) as consumer:
        assert consumer._thread.tp_last_committed_at == {}
        consumer.fetches = [fetched({A0: [5]}, {A0: 6})]
        [event] = await take(consumer)
        consumer.settle(event)
        assert (event.message.acked, set(consumer._thread.tp_last_committed_at)) == (True, {A0})


# What is settled


@asynchronous
async def test_below_the_first_open_batch_all_is_settled_and_below_the_position_where_none_is_open() -> None:
    with consumer_of(NotedApp()) as consumer:
        told = [consumer.settled_below(A0)]
        consumer.fetches = [fetched({A0: [5, 6]}, {A0: 7, B0: 0}), fetched({A0: [7]}, {A0: 9, B0: 0})]
        [first], [second] = await take(consumer), await take(consumer)
        told.append(consumer.settled_below(A0))
        consumer.settle(first)
        told.append(consumer.settled_below(A0))
        consumer.settle(second)
        told += [consumer.settled_below(A0), consumer.settled_below(B0)]
        assert told == [None, 5, 7, 9, 0]


@asynchronous
async def test_a_batch_is_open_before_the_position_passes_it() -> None:
    """A batch that waits behind another of its fetch, which no stream has seen yet, holds the clock already."""
    with consumer_of(NotedApp()) as consumer:
        consumer.fetches = [fetched({A0: [5], B0: [2]}, {A0: 6, B0: 3})]
        getting = consumer.getmany(1.0)
        assert (await anext(getting))[0] == A0
        assert (consumer.settled_below(A0), consumer.settled_below(B0)) == (5, 2)
        await getting.aclose()


@asynchronous
async def test_a_revocation_forgets_what_was_open_and_where_the_consumer_stood() -> None:
    app = NotedApp()
    with consumer_of(app) as consumer:
        consumer.fetches = [fetched({A0: [5]}, {A0: 6, B0: 1})]
        await take(consumer)
        await consumer.on_partitions_revoked({A0, B0})
        assert (consumer.settled_below(A0), consumer.settled_below(B0)) == (None, None)


@asynchronous
async def test_positions_are_those_of_the_step_in_which_the_records_are_returned() -> None:
    """The fetcher's position passes the records and the control records behind them as it returns them."""
    a0, b0, new = TopicPartition("a", 0), TopicPartition("b", 0), TopicPartition("c", 0)
    with consumer_of(NotedApp()) as consumer:
        fetcher = AIOKafkaConsumer(bootstrap_servers=NOWHERE)
        fetcher.assign([a0, b0, new])
        states = fetcher._subscription.subscription.assignment
        states.state_value(a0).reset_to(5)
        states.state_value(b0).reset_to(0)

        async def return_records(*_: Any, **__: Any) -> dict[TopicPartition, list[str]]:
            states.state_value(a0).consumed_to(8)
            return {a0: ["record 5"]}

        fetcher._fetcher = SimpleNamespace(
            _closed=False, _subscriptions=fetcher._subscription, fetched_records=return_records
        )
        found = await consumer._thread._fetch_records(fetcher, {a0, b0})
        fetcher._fetcher = None
        await fetcher.stop()
    assert (dict(found), found.positions) == ({a0: ["record 5"]}, {A0: 8, B0: 0})


# Taking over and giving up


@asynchronous
async def test_what_is_new_is_opened_and_resumed_before_faust_goes_to_the_committed_offsets() -> None:
    app = NotedApp()
    with consumer_of(app) as consumer:
        await app.take_over({0, 1}, 6)
        app.notes.clear()
        app.on_rebalance_start()
        both = {TP("a", 1), TP("a", 2)}
        await consumer.on_partitions_assigned(both, GENERATION)
        assert app.notes == [
            ("close", 0),
            ("open", 2),
            ("resume", 1, GENERATION),
            ("resume", 2, GENERATION),
            ("faust assigns", both, GENERATION),
        ]


@asynchronous
async def test_what_is_begun_is_finished_after_faust_stopped_the_flow() -> None:
    app = NotedApp()
    with consumer_of(app) as consumer:
        await app.take_over({0, 1}, GENERATION)
        app.notes.clear()
        await consumer.on_partitions_revoked({A0})
        assert app.notes == [("faust revokes", {A0}), ("let go", 0), ("let go", 1)]


@asynchronous
async def test_faust_stops_the_flow_when_partitions_are_revoked_and_waits_for_no_acknowledgement() -> None:
    app = NotedApp()
    with consumer_of(app) as consumer:
        consumer.track_message(event_at(app, 0).message)
        await BatchApp._on_partitions_revoked(app, {A0})
        assert (consumer.flow_active, app.flow_control.is_active()) == (False, False)


class NotedPartition(PartitionOwner):
    """A partition's owner whose work waits until it may go on."""

    stage = "assessment"

    def __init__(self, app: BatchApp, notes: list[Any]) -> None:
        self.notes = notes
        super().__init__(app, 0, NotedProducer(notes))
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def load(self) -> None:
        self.notes.append("state")

    async def process(self, events: Sequence[Any]) -> None:
        self.notes.append([event.message.offset for event in events])
        self.begun.set()
        await self.may_go_on.wait()
        if events[0].message.offset == UNLUCKY:
            raise ZeroDivisionError

    def end_process(self, code: int, error: BaseException) -> None:
        self.notes.append((code, type(error)))
        self.begun.set()


class NotedProducer(FencedProducer):
    """A producer that fences nobody."""

    def __init__(self, notes: list[Any]) -> None:
        super().__init__("contract-0", connection())
        self._notes = notes

    async def open(self) -> None:
        self._notes.append("fence")


UNLUCKY = 13


@asynchronous
async def test_a_partition_is_fenced_before_its_state_is_read() -> None:
    notes: list[Any] = []
    owner = NotedPartition(NotedApp(), notes)
    await owner.open()
    await asyncio.sleep(0)  # its task begins
    await owner.close()
    assert notes == ["fence", "state"]


@asynchronous
async def test_giving_up_waits_for_the_transaction_that_is_begun_and_begins_no_other() -> None:
    app, notes = NotedApp(), list[Any]()
    owner = NotedPartition(app, notes)
    await owner.open()
    owner.resume(GENERATION)
    await owner.put(event_at(app, 0))
    await owner.begun.wait()
    await owner.put(event_at(app, 1))
    letting_go = asyncio.create_task(owner.let_go())
    await asyncio.wait({letting_go}, timeout=0.01)
    assert not letting_go.done()
    owner.may_go_on.set()
    await letting_go
    owner.resume(GENERATION + 1)
    await owner.put(event_at(app, 1, GENERATION))
    owner.begun.clear()
    await owner.put(event_at(app, 2, GENERATION + 1))
    await owner.begun.wait()
    await owner.close()
    assert notes == ["fence", "state", [0], [2]]


@asynchronous
async def test_an_error_in_the_work_of_a_partition_ends_the_process_to_be_started_again() -> None:
    app, notes = NotedApp(), list[Any]()
    owner = NotedPartition(app, notes)
    owner.may_go_on.set()
    await owner.open()
    owner.resume(GENERATION)
    await owner.put(event_at(app, UNLUCKY))
    await asyncio.wait(owner._tasks)
    assert notes == ["fence", "state", [UNLUCKY], (RESTART, ZeroDivisionError)]


# The producer (streams/transaction.py)


@asynchronous
async def test_a_fenced_producer_is_idempotent_transactional_and_tries_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def started(self: Any) -> None: ...

    monkeypatch.setattr(AIOKafkaProducer, "start", started)
    fenced = FencedProducer("contract-app-3", connection())
    await fenced.open()
    producer: Any = fenced._producer
    told = {
        "id": producer._txn_manager.transactional_id,
        "timeout_ms": producer._txn_manager.transaction_timeout_ms,
        "acks": producer._sender._acks,
        "retry_seconds": producer._sender._retry_backoff,
    }
    await fenced.close()
    assert told == {"id": "contract-app-3", "timeout_ms": 20_000, "acks": -1, "retry_seconds": 0.005}


def test_the_wait_of_aiokafka_for_the_marker_of_the_last_commit_is_ours() -> None:
    assert sender.BACKOFF_OVERRIDE == transaction._RETRY_MS / 1000 == 0.005
    waiting = SimpleNamespace(_txn_manager=SimpleNamespace(txn_partitions=set()), _retry_backoff=0.1)
    told = SimpleNamespace(errors=[("a", [(0, ConcurrentTransactions.errno)])])
    assert sender.AddPartitionsToTxnHandler(waiting, set()).handle_response(told) == 0.005


def test_an_unopened_producer_says_so() -> None:
    with pytest.raises(RuntimeError, match="the producer contract-0 is not open"):
        asyncio.run(FencedProducer("contract-0", connection()).commit({}, 0, None))


def test_an_empty_batch_takes_a_record_of_any_size_and_no_other_behind_it() -> None:
    batch = BatchBuilder(100, 0, is_transactional=1)
    taken = [batch.append(key=b"k", value=value, timestamp=None) is not None for value in (bytes(10_000), b"")]
    assert (taken, batch.record_count()) == ([True, False], 1)


def test_a_batch_takes_headers_as_a_list_only() -> None:
    batch = BatchBuilder(100, 0, is_transactional=1)
    with pytest.raises(TypeError):
        batch.append(key=b"k", value=b"v", timestamp=None, headers=(("origin", b"a/0/0"),))
    assert batch.append(key=b"k", value=b"v", timestamp=None, headers=[("origin", b"a/0/0")]) is not None


@asynchronous
async def test_aiokafka_adds_only_the_first_group_to_a_transaction() -> None:
    """Hence ``Offsets`` holds one group; the broker's answer to the second is in the integration tests."""
    manager = TransactionManager("contract-0", 1000)
    manager.set_pid_and_epoch(1, 0)
    manager.begin_transaction()
    tp = TopicPartition("a", 0)
    for group in ("first", "second"):
        manager.add_offsets_to_txn({tp: OffsetAndMetadata(5, "")}, group)
    added = [manager.consumer_group_to_add()]
    manager.consumer_group_added("first")
    manager.offset_committed(tp, 5, "first")
    added.append(manager.consumer_group_to_add())
    assert (added, manager.offsets_to_commit()) == (["first", None], ({tp: OffsetAndMetadata(5, "")}, "second"))
    assert list(Offsets.__dataclass_fields__) == ["group", "positions"]


def test_aiokafka_sends_neither_generation_nor_member_with_transactional_offsets() -> None:
    assert list(inspect.signature(TxnOffsetCommitRequest).parameters) == [
        "transactional_id",
        "group_id",
        "producer_id",
        "producer_epoch",
        "topics",
    ]
