"""What the simulation of faults found, each told by itself: the seed named what now has a name."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from infra.kafka.connection import Connection
from infra.settings import Settings
from processors.simulation import simulate
from schemas.state import pack
from schemas.topics import TopicNames
from streams.assessing import Assessing, AssessmentTools
from streams.beginning import Overtaken
from streams.clients import Clients
from streams.clock import SimulatedClock
from streams.rows import Row
from streams.state import MARK_KEY, StateRefused
from streams.transaction import FencedProducer
from tests.replay.loop import run
from tests.replay.seed import LAW

CONNECTION = Connection("nowhere:1", embedded=True, settings=Settings.model_validate({"kafka_bootstrap": "nowhere:1"}))
JOURNAL, STATE = TopicPartition("asm.journal.v1", 0), TopicPartition("asm.state.live.v1", 0)


class Alone:
    """An app with one partition."""

    group = "asm-assessment-live"

    def settle(self, event: Any) -> None: ...

    def settled_below(self, tp: Any) -> int | None: ...

    def end_process(self, code: int) -> None: ...


class Reading:
    """A consumer whose state ends at offset 2; the group's offset is what it is told next."""

    def __init__(self, committed: list[int], **_: Any) -> None:
        self._committed, self._position = committed, 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assign(self, partitions: Any) -> None: ...

    def pause(self, *partitions: Any) -> None: ...

    async def seek_to_beginning(self, *partitions: Any) -> None: ...

    async def committed(self, *_: Any) -> int:
        return self._committed.pop(0)

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, *_: Any) -> dict[TopicPartition, int]:
        return {STATE: 1}

    async def position(self, *_: Any) -> int:
        return self._position

    async def getmany(self, *_: Any, **__: Any) -> dict[TopicPartition, list[Row]]:
        self._position = 1
        return {STATE: [Row(key=MARK_KEY, value=pack(replace(LAW.fresh_mark(), applied=2)))]}


@pytest.mark.parametrize(
    ("committed", "error"), [([1, 3], Overtaken), ([1, 1], StateRefused)], ids=["moving", "standing still"]
)
def test_a_worker_overtaken_while_it_reads_the_state_starts_again_and_is_not_refused(
    committed: list[int], error: type[Exception]
) -> None:
    """Seed 129: it froze in taking over, read the offset before and the state after its successor's commit."""
    clients = Clients(consumer=lambda **options: Reading(committed, **options))
    tools = AssessmentTools(names=TopicNames(), law=LAW, connection=CONNECTION, clients=clients)
    owner = Assessing(Alone(), 0, FencedProducer("overtaken-0", CONNECTION), tools)
    with pytest.raises(error):
        run(owner.load())


def test_a_clock_that_cannot_be_read_fails_whoever_waits_for_it() -> None:
    """Seed 179: the task that reads the clock's records died by itself, and the worker went on without ticks."""

    class Deaf(Reading):
        async def start(self) -> None:
            raise KafkaConnectionError("nowhere")

    async def wait_for_the_clock() -> None:
        clock = SimulatedClock("asm.clock.v1", CONNECTION, Clients(consumer=lambda **options: Deaf([], **options)))
        await clock.start()
        try:
            await asyncio.wait_for(clock.next(None), 5)
        finally:
            await clock.stop()

    with pytest.raises(KafkaConnectionError):
        run(wait_for_the_clock())


def test_a_world_of_one_practice_that_forgets_everything_has_nothing_to_spoil() -> None:
    assert all(simulate(seed, 1, LAW.rulebooks[2027]) for seed in range(30))
