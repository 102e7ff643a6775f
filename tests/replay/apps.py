"""A worker's two apps without Faust: the product's owners, settling and order of effects over simulated clients.

What stands in here for Faust and aiokafka's group consumer is the fetch loop, the queue of the stream, and the member's
round of revocation, joining, taking over and going to the committed offsets, in the order that ``streams/batching.py``
and its contract tests hold them to.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from faust.types import TP

from infra.kafka.connection import Connection
from schemas.topics import TopicNames
from streams.admission import Rules
from streams.admitting import AdmissionTools, Admitting
from streams.assessing import Assessing, AssessmentTools
from streams.assessment import Law
from streams.clients import Clients
from streams.clock import CLOCK_TOPIC, Clock, SimulatedClock, WallClock
from streams.owners import Owner, Owners
from streams.refusals import RefusalGauge
from streams.settling import Settling
from streams.transaction import FencedProducer
from tests.replay.broker import INBOUND, Broker, Calendar
from tests.replay.clients import SimulatedConsumer, SimulatedProducer
from tests.replay.log import Stored
from tests.replay.membership import HEARTBEAT_SECONDS, Group
from tests.replay.process import Process

ADMISSION, ASSESSMENT = "asm-admission", "asm-assessment-live"
_NAMES = TopicNames()
_QUEUED_BATCHES = 4


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What all processes of a run reach, and what they are made of: a control run takes another kind of producer."""

    broker: Broker
    calendar: Calendar
    groups: dict[str, Group]
    connection: Connection
    law: Law
    partitions: int
    producer: type[FencedProducer] = FencedProducer
    client: type[SimulatedProducer] = SimulatedProducer

    def clients(self, process: Process) -> Clients:
        """Return the clients of a process."""
        return Clients(
            producer=partial(self.client, process, self.broker),
            consumer=partial(SimulatedConsumer, process, self.broker),
        )


@dataclass(frozen=True, eq=False)
class Message:
    """Where a batch was fetched, and under which assignment."""

    tp: TP
    offset: int
    generation_id: int

    @property
    def partition(self) -> int:
        """Its partition."""
        return self.tp.partition


@dataclass(frozen=True, eq=False)
class Fetched:
    """A fetched batch, as the owners get it."""

    message: Message
    value: Sequence[Stored]


class SimulatedApp(Owners):
    """One app of a process: a member of its group."""

    def __init__(self, group: str, topics: Sequence[str], process: Process, cluster: Cluster) -> None:
        self.owners = {}
        self.group = group
        self.process, self.cluster = process, cluster
        self.settling = Settling()
        self._topics = topics
        self._members = cluster.groups[group]
        self._generation, self._flows = -1, False
        self._positions: dict[TopicPartition, int] = {}
        self._queue: asyncio.Queue[Fetched] = asyncio.Queue(_QUEUED_BATCHES)
        for work in (self._member, self._beat, self._fetch, self._dispatch):
            process.start(work())

    def settle(self, event: Any) -> None:
        """Say that the transaction of this batch is committed."""
        self.settling.settle(event.message.tp, event.message.offset)

    def settled_below(self, tp: TP) -> int | None:
        """Return the offset below which all of a partition is settled."""
        return self.settling.settled_below(tp)

    def end_process(self, code: int) -> None:
        """End the process; what it ends of is kept, since a restart must not hide an error of ours."""
        self.process.exit(code, sys.exc_info()[1])

    async def stop(self) -> None:
        """Stop as planned: finish what is begun, then leave the group."""
        self._flows = False
        await self.give_up()
        self._members.leave(self.process.name)

    async def _member(self) -> None:
        while True:
            self._flows = False
            await self.let_go()
            self.settling.forget()
            await self.process.reach(f"{self.group}: before joining")
            generation, partitions = await self._members.join(self.process.name)
            await self.process.reach(f"{self.group}: joined")
            await self.take_over(partitions, generation)
            await self.process.reach(f"{self.group}: before going to the committed offsets")
            tps = [TopicPartition(topic, partition) for topic in self._topics for partition in partitions]
            self._positions = {tp: self.cluster.broker.offsets.get((self.group, tp), 0) for tp in tps}
            self._generation, self._flows = generation, True
            while not self._members.must_join(self.process.name, generation):  # noqa: ASYNC110 - as a heartbeat tells
                await asyncio.sleep(HEARTBEAT_SECONDS / 4)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self.process.reach(f"{self.group}: heartbeat")
            self._members.heartbeat(self.process.name)

    async def _fetch(self) -> None:
        chance = self.process.chance
        while True:
            await asyncio.sleep(chance.uniform(0.02, 0.5))
            await self.process.reach(f"{self.group}: before a fetch")
            if self._flows:
                await self._fetch_once(self._generation)

    async def _fetch_once(self, generation: int) -> None:
        chance, batches = self.process.chance, []
        for tp, position in self._positions.items():
            if chance.random() < 0.8:
                records, self._positions[tp] = self.cluster.broker.log(tp).fetch(position, chance.randrange(1, 7))
                if records:
                    batches.append(Fetched(Message(TP(*tp), records[0].offset, generation), records))
        first_offsets = {batch.message.tp: batch.message.offset for batch in batches}
        self.settling.fetched(first_offsets, {TP(*tp): position for tp, position in self._positions.items()})
        for batch in batches:
            if not self._flows or self._generation != generation:
                return
            await self._queue.put(batch)

    async def _dispatch(self) -> None:
        while True:
            event = await self._queue.get()
            await self.process.reach(f"{self.group}: before dispatching")
            await self.hand_over(event)


class SimulatedAdmission(SimulatedApp):
    """Inbound topics -> journal."""

    def __init__(self, process: Process, cluster: Cluster) -> None:
        clients = cluster.clients(process)
        self._tools = AdmissionTools(
            names=_NAMES,
            rules=Rules(partitions=cluster.partitions),
            clock=_clock(process, cluster),
            gauge=RefusalGauge(),
            broker=clients.consumer(),
        )
        super().__init__(ADMISSION, INBOUND, process, cluster)

    async def start(self) -> None:
        """Start the clock."""
        await self._tools.clock.start()

    def new_owner(self, partition: int) -> Owner:
        """Return what admits a partition."""
        clients = self.cluster.clients(self.process)
        producer = self.cluster.producer(f"{self.group}-{partition}", self.cluster.connection, clients)
        return Admitting(self, partition, producer, self._tools)


class SimulatedAssessment(SimulatedApp):
    """Journal -> outputs and state."""

    def __init__(self, process: Process, cluster: Cluster) -> None:
        self._tools = AssessmentTools(
            names=_NAMES, law=cluster.law, connection=cluster.connection, clients=cluster.clients(process)
        )
        super().__init__(ASSESSMENT, ["asm.journal.v1"], process, cluster)

    def new_owner(self, partition: int) -> Owner:
        """Return what assesses a partition."""
        producer = self.cluster.producer(f"{self.group}-{partition}", self.cluster.connection, self._tools.clients)
        return Assessing(self, partition, producer, self._tools)


def _clock(process: Process, cluster: Cluster) -> Clock:
    """The product's clock of the run's profile; each process's wall is a little wrong, by less than the margin."""
    settings = cluster.connection.settings
    if settings.clock == "events":
        return SimulatedClock(_NAMES.of(CLOCK_TOPIC), cluster.connection, cluster.clients(process))
    return WallClock(settings.clock_margin_seconds, partial(cluster.calendar.now, process.skew_seconds))
