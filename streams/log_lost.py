"""A position that the log no longer has: retention passed the reader by, or the broker lost what it had.

Going on somewhere else in silence would lose records or repeat them, and nobody would hear of it. It is a loud stop.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from infra.errors import LogLost

_PAGE = "See docs/operations/log-lost.md."


class Ends(Protocol):
    """What tells where a log begins and ends."""

    beginning_offsets: Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
    end_offsets: Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]


async def what_is_lost(error: OffsetOutOfRangeError, group: str, consumer: Ends) -> LogLost:
    """Say of a fetch that the broker could not answer what is missing."""
    wanted: Mapping[Any, int] = error.args[0]
    told = [await _told(TopicPartition(*tp), offset, consumer) for tp, offset in sorted(wanted.items())]
    return LogLost(f"{group} cannot go on: {'; '.join(told)}. {_PAGE}")


async def _told(tp: TopicPartition, offset: int, consumer: Ends) -> str:
    begin = (await consumer.beginning_offsets([tp]))[tp]
    end = (await consumer.end_offsets([tp]))[tp]
    told = f"it is at offset {offset} of partition {tp.partition} of {tp.topic}, which"
    if offset < begin:
        return f"{told} begins at {begin}: up to {begin - offset} records were deleted unread"
    return f"{told} ends at {end}: the broker lost records that were read"


def journal_without_beginning(group: str, journal: TopicPartition, begin: int) -> LogLost:
    """Say that a generation that begins has not the whole journal before it."""
    return LogLost(
        f"{group} begins, and needs the whole journal: partition {journal.partition} of {journal.topic} begins at "
        f"offset {begin}, the records before it were deleted. {_PAGE}"
    )
