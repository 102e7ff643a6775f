"""One run: the script's feeds and wall, two supervised workers, the weather; then all is healed and becomes quiet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from infra.kafka.connection import Connection
from infra.settings import Settings
from schemas.codec import encode
from schemas.records import ClockSet
from schemas.state import PartitionMark, unpack
from streams.admission import milliseconds
from streams.assessment import Law
from streams.beginning import Overtaken
from streams.rows import Row
from streams.state import MARK_KEY
from streams.transaction import FencedProducer
from tests.replay.apps import ADMISSION, ASSESSMENT, Cluster, SimulatedAdmission, SimulatedAssessment
from tests.replay.broker import INBOUND, Broker, Calendar
from tests.replay.clients import SimulatedProducer
from tests.replay.membership import Group
from tests.replay.process import KILLED, Process, Seen, Storm
from tests.replay.script import Phase, Script, Sent

JOURNAL, STATE, CLOCK = "asm.journal.v1", "asm.state.live.v1", "asm.clock.v1"
_QUIET_SECONDS = 150
_TRANSACTION_SECONDS = 6.0


class NotQuiet(Exception):
    """All faults are over, and the system does not come to rest."""


class EndedWrongly(Exception):
    """A worker ended of something that is neither a fault of the machine's nor its being fenced."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the processes of a run are made of; a control run takes something broken, and weather of its own."""

    producer: type[FencedProducer] = FencedProducer
    client: type[SimulatedProducer] = SimulatedProducer
    weather: Storm | None = None


class World:
    """The machines of one seed."""

    def __init__(self, script: Script, law: Law, seen: Seen, kind: Kind) -> None:
        self.script, self.seen = script, seen
        self._chance = Random(f"weather {script.seed}")  # noqa: S311 - weather, not a secret
        self._storm = replace(kind.weather) if kind.weather else Storm.drawn(self._chance)
        settings = Settings.model_validate(
            {"clock": script.clock, "transaction_timeout_seconds": _TRANSACTION_SECONDS, "kafka_bootstrap": "nowhere:1"}
        )
        self.calendar = Calendar()
        self.cluster = Cluster(
            broker=Broker(self._chance, self.calendar, append_time=script.clock == "wall"),
            calendar=self.calendar,
            groups={group: Group(script.partitions) for group in (ADMISSION, ASSESSMENT)},
            connection=Connection("nowhere:1", embedded=True, settings=settings),
            law=law,
            partitions=script.partitions,
            producer=kind.producer,
            client=kind.client,
        )
        self._processes: list[Process | None] = [None, None]
        self._apps: list[tuple[SimulatedAdmission, SimulatedAssessment] | None] = [None, None]
        self._down = [False, self._chance.random() < 0.3]  # the second sometimes joins late
        self._feeds: list[asyncio.Task[None]] = []
        self._wrong_end: BaseException | None = None
        self._version: tuple[int, ...] = ()

    async def play(self) -> None:
        """Play the script, then heal everything and wait until all is quiet.

        :raises NotQuiet: it does not become so.
        :raises EndedWrongly: a worker ended of an error of ours.
        """
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._supervise(slot)) for slot in (0, 1)]
        tasks.append(loop.create_task(self._expire()))
        for phase in self.script.phases:
            await self._play_phase(phase)
        self._storm.left, self._storm.slow = 0, 0.0
        self._down = [False, False]
        for process in self._processes:
            if process is not None:
                process.thaw()
        await asyncio.gather(*self._feeds)
        self.seen.say("all is healed")
        await self._set_clock(self.script.end)
        await self._become_quiet()

    async def _play_phase(self, phase: Phase) -> None:
        self.seen.say(f"the wall moves to {phase.instant.isoformat()}, {len(phase.sent)} records, {phase.happening}")
        if self.script.clock == "wall":
            self.calendar.move_to(phase.instant)
        self._happen(phase)
        for start in range(0, len(phase.sent), 3):
            self._send(phase.sent[start : start + 3])
            await asyncio.sleep(self._chance.choice((0, 0, 0.1, 0.5)))
        if self.script.clock == "events":
            await asyncio.gather(*self._feeds)
            await self._set_clock(phase.instant)
        await asyncio.sleep(self._chance.choice((0, 0.2, 1, 4)))
        if phase.happening != "outage":
            self._down = [False, False]

    async def _set_clock(self, instant: datetime) -> None:
        self.calendar.move_to(instant)
        if self.script.clock == "events":
            row = Row(key=None, value=encode(ClockSet(instant=instant)), timestamp=milliseconds(instant))
            self.cluster.broker.append(TopicPartition(CLOCK, 0), [row])

    def _happen(self, phase: Phase) -> None:
        """Let befall the workers what the script says; the weather comes on top."""
        self.seen.faults[phase.happening] += phase.happening != "nothing"
        if phase.happening == "rebalance":
            for group in self.cluster.groups.values():
                group.rebalance()
        elif phase.happening == "outage":
            self._down = [True, True]
            for each in self._processes:
                if each is not None:
                    each.end(KILLED)
        else:
            self._happen_to(phase.slot, phase.happening)

    def _happen_to(self, slot: int, happening: str) -> None:
        process, apps = self._processes[slot], self._apps[slot]
        if process is None or apps is None or not process.alive:
            return
        if happening == "kill":
            process.end(KILLED)
        elif happening == "freeze":
            process.freeze(self._chance.uniform(1, 12))
        elif happening == "planned stop":
            self._down[slot] = True
            process.start(_stop(process, apps))

    def _send(self, sent: Sequence[Sent]) -> None:
        """Send a few records, one by one or in a transaction of the feed, which may be long or come to nothing."""
        if self._chance.random() < 0.6:
            for item in sent:
                self.cluster.broker.append(item.tp, [item.row])
        else:
            self._feeds.append(asyncio.get_running_loop().create_task(self._send_in_transaction(sent)))

    async def _send_in_transaction(self, sent: Sequence[Sent]) -> None:
        broker, name = self.cluster.broker, f"feed-{len(self._feeds)}"
        self.seen.faults["feed's transaction"] += 1
        transaction = broker.begin(name, broker.fence(name), 60)
        for item in sent:
            broker.write(transaction, item.tp, [item.row])
            await asyncio.sleep(self._chance.choice((0, 0.05, 1.0)))
        committed = self._chance.random() < 0.7
        broker.finish(transaction, committed=committed)
        await broker.completed(name)
        if not committed:
            self.seen.faults["feed's abort"] += 1
            for item in sent:
                broker.append(item.tp, [item.row])

    async def _supervise(self, slot: int) -> None:
        """Start the worker of a place whenever it has ended, unless it is to stay down."""
        number = 0
        while True:
            if not self._down[slot]:
                number += 1
                process = self._started(slot, number)
                while process.alive:  # noqa: ASYNC110 - as a supervisor looks
                    await asyncio.sleep(0.3)
                if process.error is not None and not isinstance(process.error, (KafkaError, Overtaken)):
                    self._wrong_end = process.error
            await asyncio.sleep(self._chance.uniform(0.2, 3.0))

    def _started(self, slot: int, number: int) -> Process:
        process = Process(f"w{slot}.{number}", self._chance, self._storm, self.seen)
        process.visited = self._visit
        admission = SimulatedAdmission(process, self.cluster)
        self._processes[slot] = process
        self._apps[slot] = admission, SimulatedAssessment(process, self.cluster)
        process.start(admission.start())
        self.seen.say(f"{process.name} starts")
        return process

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            for group in self.cluster.groups.values():
                group.expire()

    async def _become_quiet(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _QUIET_SECONDS
        while (unrest := self._unrest()) is not None:
            if self._wrong_end is not None:
                raise EndedWrongly(repr(self._wrong_end))
            if loop.time() > until:
                raise NotQuiet(unrest)
            await asyncio.sleep(1.0)

    def _unrest(self) -> str | None:
        """Say what is not at rest yet: an unread record, or a partition that has not come to the end of time."""
        broker = self.cluster.broker
        if unstable := [log.tp for log in broker.logs.values() if log.is_open]:
            return f"a transaction is open in {unstable}"
        for partition in range(self.script.partitions):
            read_by = [(ADMISSION, topic) for topic in INBOUND] + [(ASSESSMENT, JOURNAL)]
            for group, topic in read_by:
                if not _is_read(broker, group, TopicPartition(topic, partition)):
                    return f"{group} has not read {topic}/{partition}"
            marks = [r.value for r in broker.log(TopicPartition(STATE, partition)).read() if r.key == MARK_KEY]
            as_of = unpack(marks[-1] or b"", PartitionMark).as_of if marks else None
            if as_of is None or as_of < self.script.end.replace(second=0, microsecond=0):
                return f"partition {partition} is as of {as_of}"
        return None

    def _visit(self) -> None:
        """Note the state that the system is in, where it is another than before."""
        broker, groups = self.cluster.broker, self.cluster.groups
        version = (broker.version, *(group.generation for group in groups.values()))
        if version == self._version:
            return
        self._version = version
        owners = tuple(
            (int(name[1]), partition)
            for group in groups.values()
            for name, share in sorted(group.assignment.items())
            for partition in share
        )
        logs = tuple(log.digest for log in broker.logs.values())
        self.seen.states.add(hash((logs, tuple(broker.offsets.values()), owners)))
        for partition in range(self.script.partitions):
            self.seen.shapes.add(self._shape(partition))

    def _shape(self, partition: int) -> tuple[int, ...]:
        """The state of a partition without its contents: what waits, what is open, who owns it."""
        broker, journal = self.cluster.broker, self.cluster.broker.log(TopicPartition(JOURNAL, partition))
        inbound = [TopicPartition(topic, partition) for topic in INBOUND]
        waiting = sum(broker.log(tp).end - broker.offsets.get((ADMISSION, tp), 0) for tp in inbound)
        unread = journal.end - broker.offsets.get((ASSESSMENT, journal.tp), 0)
        state = broker.log(TopicPartition(STATE, partition))
        owners = tuple(
            next((int(name[1]) for name, share in group.assignment.items() if partition in share), -1)
            for group in self.cluster.groups.values()
        )
        return (min(waiting, 4), min(unread, 4), journal.is_open, state.is_open, *owners)


async def _stop(process: Process, apps: tuple[SimulatedAdmission, SimulatedAssessment]) -> None:
    for app in apps:
        await app.stop()
    process.end(0)


def _is_read(broker: Broker, group: str, tp: TopicPartition) -> bool:
    return not broker.log(tp).fetch(broker.offsets.get((group, tp), 0), 1)[0]
