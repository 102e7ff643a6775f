"""The batch transport: Faust's stream sees one event a fetched (topic, partition) batch.

Agents, assignment and timers stay Faust's. What differs, each pinned by a contract test in ``tests/streams``:

* read_committed, a fetch wait of 50 ms (the driver hard-codes 1,500) and the Range assignor, which keeps partition *p*
  of all inbound topics together, are set on the consumer before it starts;
* Faust itself never commits: offsets travel in the partition's transaction, and a later plain commit would set
  the group back;
* below which offset of a partition everything is settled is known without a race (``settling.py``): positions are taken
  in the very step in which records are returned;
* going back to the committed offsets means to the beginning where there is none, which aiokafka forgets; an offset that
  the log does not have ends the process (``log_lost.py``), where the driver's setting would go elsewhere in silence;
* on assignment a partition is fenced first, then its state is read, then Faust goes to the committed offsets; on
  revocation what is begun is finished.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic
from typing import Any, ClassVar, cast

import faust
import mode
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from infra.errors import LogLost
from infra.log import Log
from infra.progress import PROGRESS, Stage
from streams.log_lost import what_is_lost
from streams.owners import Owners
from streams.ownership import REFUSED
from streams.settling import Settling

FETCH_WAIT_MS = 50
_FRESH_POSITIONS_SECONDS = 0.1
#: Batches, not records, that may wait in a stream.
_WAITING_BATCHES = 4


class _Fetched(dict[TP, Any]):
    """What one fetch returned, and the consumer's positions in the very step in which it returned."""

    positions: Mapping[TP, int] = {}


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The consumer's thread, with the settings that the driver hard-codes."""

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - read when the consumer starts
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._partition_assignment_strategy = (RangePartitionAssignor,)  # noqa: SLF001
        consumer._auto_offset_reset = "none"  # noqa: SLF001
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go back to the committed offset of every partition, to the beginning where there is none."""
        committed: Mapping[TP, int] = await self.call_thread(seek_to_committed, self._ensure_consumer())
        return committed

    async def _fetch_records(self, consumer: Any, *args: Any, **options: Any) -> Any:
        try:
            fetched = _Fetched(await super()._fetch_records(consumer, *args, **options))
        except NoOffsetForPartitionError:  # a group that never committed: taking over goes to the beginning
            return _Fetched()
        except OffsetOutOfRangeError as error:
            app = cast("BatchApp", self.app)
            app.stop_for(await what_is_lost(error, app.group, consumer))
            return _Fetched()
        subscription = consumer._subscription.subscription  # noqa: SLF001
        assignment = subscription and subscription.assignment
        if assignment:  # no await since the fetch returned
            states = {tp: assignment.state_value(tp) for tp in assignment.tps}
            fetched.positions = {TP(*tp): s.position for tp, s in states.items() if s.has_valid_position}
        return fetched


async def seek_to_committed(consumer: Any) -> Any:
    """Go back to the committed offset of every partition of an aiokafka consumer, to the beginning where there is none.

    aiokafka's own method leaves a partition without a committed offset, or with 0, where it is: what was fetched and
    dropped before the first commit would never be read.
    """
    committed = await consumer.seek_to_committed()
    fresh = [tp for tp, offset in committed.items() if not offset]
    if fresh:
        await consumer.seek_to_beginning(*fresh)
    return committed


class BatchConsumer(driver.Consumer):
    """Yields one message a fetched batch, and knows what of a partition is settled."""

    app: "BatchApp"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._settling = Settling()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        """Yield a message a fetched batch: its value is the list of records, its offset the first of them."""
        fetched: Mapping[TP, Any] | None
        fetched, _ = await self._wait_next_records(min(timeout, _FRESH_POSITIONS_SECONDS))
        if self.should_stop or not self.flow_active:
            if fetched and not self.should_stop:
                await self.perform_seek()
            return
        generation = self.app.consumer_generation_id
        batches: Mapping[TP, Any] = fetched if fetched is not None else {}
        first_offsets = {tp: records[0].offset for tp, records in batches.items()}
        self._settling.fetched(first_offsets, getattr(fetched, "positions", {}))
        for tp, records in batches.items():
            if self._is_stale(generation):
                return
            message: Any = self._to_message(tp, records[0])
            message.value = records
            self._read_offset[tp] = records[0].offset  # no bookkeeping of gaps
            yield tp, message
            self._read_offset[tp] = records[-1].offset

    def _is_stale(self, generation: int) -> bool:
        """Say whether the assignment changed, or is about to, since a fetch."""
        return not self.flow_active or self.app.consumer_generation_id != generation

    def settle(self, event: Any) -> None:
        """Say that the transaction of this batch is committed."""
        tp = event.message.tp
        self._settling.settle(tp, event.message.offset)
        self._thread.tp_last_committed_at[tp] = monotonic()  # keeps Faust's livelock detector quiet
        event.ack()

    def settled_below(self, tp: TP) -> int | None:
        """Return the offset below which all of a partition is committed or no record; None while it is not known."""
        return self._settling.settled_below(tp)

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return None

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: a full queue blocks the fetch loop by itself; the base class pauses, and may sleep a second."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop the flow, then finish what is begun."""
        await super().on_partitions_revoked(revoked)
        await self.app.let_go()
        self._settling.forget()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Fence and read the state of what is new, then go on from the committed offsets."""
        await self.app.take_over({tp.partition for tp in assigned}, generation_id)
        await super().on_partitions_assigned(assigned, generation_id)
        PROGRESS.assigned(self.app.stage)


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with the batch consumer."""

    Consumer = BatchConsumer


class BatchApp(Owners, faust.App):
    """A Faust app whose one agent hands each batch to the owner of its partition."""

    stage: ClassVar[Stage]

    def __init__(self, app_id: str, topics: Sequence[str], **options: Any) -> None:
        self.owners = {}
        super().__init__(
            app_id,
            stream_wait_empty=False,
            web_enabled=False,  # its /table page shows data
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            agent_supervisor=mode.CrashingSupervisor,  # the default leaves a worker alive and deaf
            **options,
        )
        channel = self.topic(*topics, key_serializer="raw", value_serializer="raw", maxsize=_WAITING_BATCHES)
        self.agent(channel, name=f"{app_id}-dispatch", concurrency=1)(self._dispatch)

    @property
    def batches(self) -> BatchConsumer:
        """The consumer, as what it is."""
        return cast("BatchConsumer", self.consumer)

    @property
    def group(self) -> str:
        """The consumer group, which is the app's name."""
        return str(self.conf.id)

    def settle(self, event: Any) -> None:
        """Say that the transaction of this batch is committed."""
        self.batches.settle(event)

    def settled_below(self, tp: TP) -> int | None:
        """Return the offset below which all of a partition is settled; None while it is not known."""
        return self.batches.settled_below(tp)

    def stop_for(self, lost: LogLost) -> None:
        """End the process: no restart would help, a person must decide."""
        Log(app=self.group).critical("log_lost", detail=str(lost), exit_code=REFUSED)
        self.end_process(REFUSED)

    def end_process(self, code: int) -> None:
        """End the process at once, without any of Python's leave-taking, which could still send something."""
        os._exit(code)

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    async def _dispatch(self, stream: Any) -> None:
        async for event in stream.noack().events():
            await self.hand_over(event)
