"""Control runs: each takes one guard of the product away, and must be caught by a named oracle."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from aiokafka import TopicPartition

from processors.events import Observed, YearEvent
from processors.facts import PracticeYear, fold
from streams import assessment, beginning
from streams.admitting import Admitting
from streams.clock import Watermark
from streams.ownership import PartitionOwner
from streams.rows import Row
from streams.settling import Settling
from streams.transaction import FencedProducer, Offsets
from tests.replay.clients import SimulatedProducer
from tests.replay.process import Storm
from tests.replay.seed import Break
from tests.replay.world import Kind

_NUMBERS = count()
_HARD = Storm(crash=0.01, freeze=0.01, drop=0.01, slow=0.05, left=12)
_BAD_LINES = Storm(crash=0.0, freeze=0.0, drop=0.05, slow=0.0, left=30)
_OPEN = PartitionOwner.open


class Unfenced(SimulatedProducer):
    """Every producer has a name of its own: nobody is ever fenced."""

    async def start(self) -> None:
        self.name = f"{self.name}-{next(_NUMBERS)}"
        await super().start()


class OutsideTheTransaction(SimulatedProducer):
    """Records are there at once; only the offsets are in the transaction (Faust's own exactly_once)."""

    async def deliver(self, tp: TopicPartition, rows: Sequence[Row]) -> None:
        await self._opened()
        self._broker.append(tp, rows)


class OffsetsFirst(FencedProducer):
    """The offsets are committed before the records."""

    async def commit(self, writes: Mapping[str, Sequence[Row]], partition: int, offsets: Offsets | None) -> None:
        if offsets is not None:
            producer = self._opened()
            await producer.begin_transaction()
            await producer.send_offsets_to_transaction(dict(offsets.positions), offsets.group)
            await producer.commit_transaction()
        await super().commit(writes, partition, None)


class Unawaited(FencedProducer):
    """It commits without looking whether all was delivered."""

    async def commit(self, writes: Mapping[str, Sequence[Row]], partition: int, offsets: Offsets | None) -> None:
        producer = self._opened()
        await producer.begin_transaction()
        deliveries = [d for topic, rows in writes.items() for d in await self._send(topic, partition, rows)]
        if offsets is not None:
            await producer.send_offsets_to_transaction(dict(offsets.positions), offsets.group)
        await producer.commit_transaction()
        await asyncio.gather(*deliveries, return_exceptions=True)


def _fold_twice(facts: PracticeYear, observed: Observed[YearEvent]) -> PracticeYear:
    return fold(facts, replace(observed, digest=f"{observed.digest}{observed.origin}"))


async def _reached_at_once(watermark: Watermark, is_current: Any) -> bool:
    return bool(is_current())


async def _open_unfenced(owner: PartitionOwner) -> None:
    """Read the state, and fence the former owner only then."""
    fence, load = owner.producer.open, owner.load
    owner.producer.open, owner.load = load, fence  # type: ignore[method-assign]
    await _OPEN(owner)


def _position(settling: Settling, tp: Any) -> int | None:
    return settling._positions.get(tp)


@dataclass(frozen=True, kw_only=True)
class Control:
    """What is broken, and the oracles of which one must say so."""

    broken: Break
    caught_by: frozenset[str]


CONTROLS: Mapping[str, Control] = {
    "no fencing": Control(
        broken=Break(kind=Kind(client=Unfenced, weather=_HARD)),
        # quiet: a woken owner sets an offset back, below which its successor does not read again
        caught_by=frozenset({"journal", "state", "outputs", "revisions", "errors", "quiet"}),
    ),
    "effects outside the transaction": Control(
        broken=Break(kind=Kind(client=OutsideTheTransaction, weather=_HARD)),
        caught_by=frozenset({"journal", "state", "outputs", "revisions", "errors"}),
    ),
    "offsets committed first": Control(
        broken=Break(kind=Kind(producer=OffsetsFirst, weather=_HARD)),
        caught_by=frozenset({"journal", "errors"}),
    ),
    "idempotence of the fold off": Control(
        broken=Break(kind=Kind(weather=_HARD), instead=[(assessment, "fold", _fold_twice)]),
        caught_by=frozenset({"state", "outputs", "truth"}),
    ),
    "deliveries not awaited": Control(
        broken=Break(kind=Kind(producer=Unawaited, weather=_BAD_LINES)),
        # an error: offsets were committed without the state of that prefix, and the next owner refuses it
        caught_by=frozenset({"journal", "state", "outputs", "errors"}),
    ),
    "ticks without a watermark": Control(
        broken=Break(kind=Kind(weather=_HARD), instead=[(Watermark, "reached", _reached_at_once)]),
        caught_by=frozenset({"ticks"}),
    ),
    "open batches count as settled": Control(
        broken=Break(kind=Kind(weather=_HARD), instead=[(Settling, "settled_below", _position)]),
        caught_by=frozenset({"ticks"}),
    ),
    "admission forgets what it admitted": Control(
        broken=Break(kind=Kind(weather=_HARD), instead=[(Admitting, "_not_admitted", lambda _, event: event.value)]),
        caught_by=frozenset({"journal"}),
    ),
    "state read before fencing": Control(
        broken=Break(
            kind=Kind(weather=_HARD),
            instead=[(PartitionOwner, "open", _open_unfenced), (beginning, "_AGAIN_SECONDS", 0.0)],
        ),
        caught_by=frozenset({"state", "outputs", "revisions", "errors"}),
    ),
}
