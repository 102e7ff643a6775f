"""Looks every few seconds how far the partitions of an app are, so that one that stops making progress is seen.

The end of a partition is asked for, not taken from the last fetch: a consumer that fetches nothing knows no end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from infra.log import Log
from infra.progress import PROGRESS, Progress, Stage

LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a watch sees of its app: its partitions, below what each is settled, its ends, and who tells of batches."""

    partitions: Callable[[], Iterable[int]]
    settled_below: Callable[[TopicPartition], int | None]
    ends: Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
    tell: Callable[[], None]


class ProgressWatch:
    """Watches over the partitions of one stage; ``topics`` are those it reads, by their names on the cluster."""

    def __init__(self, stage: Stage, topics: Mapping[str, str], sight: Sight, limit_seconds: float) -> None:
        self._stage: Stage = stage
        self._topics = topics
        self._sight = sight
        self._limit_seconds = limit_seconds

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once; a broker that does not answer is somebody else's to tell of, and leaves the ends as they were."""
        PROGRESS.beat()
        wanted = [TopicPartition(topic, p) for p in sorted(self._sight.partitions()) for topic in self._topics]
        ends: Mapping[TopicPartition, int] = {}
        with suppress(KafkaError, TimeoutError):
            ends = await asyncio.wait_for(self._sight.ends(wanted), LOOK_SECONDS) if wanted else {}
        for tp in wanted:
            PROGRESS.look(
                self._stage,
                tp.partition,
                self._topics[tp.topic],
                next_offset=self._sight.settled_below(tp),
                end=ends.get(tp),
            )
        self._sight.tell()
        tell_stalls(PROGRESS, self._limit_seconds)


def tell_stalls(progress: Progress, limit_seconds: float) -> None:
    """Write a line of each partition that began to stand still, or moves again."""
    log = Log()
    for stall in progress.stalls(limit_seconds):
        told = log.info if stall.moving else log.warning
        told(
            "partition_moving" if stall.moving else "partition_stalled",
            stage=stall.stage,
            partition=stall.partition,
            topic=stall.topic,
            last_offset=None if stall.next_offset is None else stall.next_offset - 1,
            lag=stall.lag,
            seconds_since_progress=stall.seconds,
        )
