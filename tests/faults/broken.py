"""The command line with a promise broken on purpose: a run with it must be caught (``test_controls.py``).

``ASM_TEST_BREAK`` names what is broken; while the file that ``ASM_TEST_FLAG`` names is there, the process stops (or is
killed) at the moment that tells. It is no part of the product.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from processors import facts
from streams.commands import main
from streams.rows import Row
from streams.transaction import FencedProducer, Offsets

_BREAK, _FLAG = os.environ["ASM_TEST_BREAK"], Path(os.environ["ASM_TEST_FLAG"])
_commit = FencedProducer.commit
_fold_into = facts._fold_into


def _once(number: signal.Signals, name: str) -> None:
    if "asm-admission" in name and _FLAG.exists():
        _FLAG.unlink()
        os.kill(os.getpid(), number)


async def _stops_before_it_begins(
    producer: FencedProducer, writes: Mapping[str, Sequence[Row]], partition: int, offsets: Offsets | None
) -> None:
    if offsets is not None:
        _once(signal.SIGSTOP, producer.name)
    await _commit(producer, writes, partition, offsets)


async def _effects_outside(
    producer: FencedProducer, writes: Mapping[str, Sequence[Row]], partition: int, offsets: Offsets | None
) -> None:
    plain = AIOKafkaProducer(**producer._connection.aiokafka())
    await plain.start()
    for topic, rows in writes.items():
        for row in rows:
            told = {"key": row.key, "timestamp_ms": row.timestamp, "headers": list(row.headers)}
            await plain.send_and_wait(topic, row.value, partition=partition, **told)
    await plain.stop()
    if offsets is not None:
        _once(signal.SIGKILL, producer.name)
        await _commit(producer, {}, partition, offsets)


async def _offsets_first(
    producer: FencedProducer, writes: Mapping[str, Sequence[Row]], partition: int, offsets: Offsets | None
) -> None:
    if offsets is not None:
        await _commit(producer, {}, partition, offsets)
        _once(signal.SIGKILL, producer.name)
        await asyncio.sleep(0)
    await _commit(producer, writes, partition, None)


def _counts_repeats(before: Any, fields: Mapping[type[object], str], observed: Any) -> Any:
    name = fields[type(observed.event)]
    return replace(before, **{name: (*getattr(before, name), observed)})


if _BREAK == "no fencing":
    _init = FencedProducer.__init__

    def _unfenced(self: FencedProducer, name: str, *rest: Any) -> None:
        _init(self, f"{name}-{os.getpid()}", *rest)

    FencedProducer.__init__ = _unfenced  # type: ignore[assignment, method-assign]
    FencedProducer.commit = _stops_before_it_begins  # type: ignore[assignment, method-assign]
elif _BREAK == "nothing":
    FencedProducer.commit = _stops_before_it_begins  # type: ignore[assignment, method-assign]
elif _BREAK == "effects outside":
    FencedProducer.commit = _effects_outside  # type: ignore[assignment, method-assign]
elif _BREAK == "offsets first":
    FencedProducer.commit = _offsets_first  # type: ignore[assignment, method-assign]
elif _BREAK == "repeats counted":
    facts._fold_into = _counts_repeats  # type: ignore[assignment]
main()
