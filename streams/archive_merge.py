"""The journal's partitions -> another number of partitions, with the ticks and marks where they must stand.

What holds afterwards, for every event: it lies in the partition of its TIN, after what stood above it in its source,
and above the first tick that it stood above there. A batch's mark follows the batch's events wherever they went: claims
are conflated as they were. Every tick of any source stands once in every partition, in the order of time; so
does every other mark (a mark has no key), which no event has crossed.

The sources are read once, side by side, and nothing is kept of them but the next mark of each.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from processors.events import BatchClosed, ClockTicked
from schemas.archive import ArchivedRow
from schemas.codec import decode

Placed = tuple[int, ArchivedRow]
Sources = Mapping[int, Iterator[ArchivedRow]]
PartitionOf = Callable[[bytes, int], int]


@dataclass(slots=True)
class _Source:
    """One partition as it was: the rows to come, the mark that it waits at, and where its open batch went.

    ``as_of`` is a tick's; None where the mark is another, or there is none.
    """

    rows: Iterator[ArchivedRow]
    mark: ArchivedRow | None = None
    as_of: datetime | None = None
    ended: bool = False
    open_in: set[int] = field(default_factory=set)

    def advance(self, partition_of: Callable[[bytes], int]) -> Iterator[Placed]:
        """Yield what stands above the next tick or other mark, placed; then wait there, or at the end."""
        self.mark = self.as_of = None
        for row in self.rows:
            if row.key is not None:
                target = partition_of(row.key)
                self.open_in.add(target)
                yield target, row
                continue
            content: Any = decode(row.value or b"")
            if not isinstance(content, BatchClosed):
                self.mark, self.as_of = row, content.as_of if isinstance(content, ClockTicked) else None
                return
            yield from ((target, row) for target in sorted(self.open_in))
            self.open_in.clear()
        self.ended = True


def merged(sources: Sources, partitions: int, partition_of: PartitionOf) -> Iterator[Placed]:
    """Yield the rows of a journal of so many partitions, each with its partition, in one order for all.

    :raises InvalidRecord: a mark that this program does not know.
    """
    return _Merge([_Source(rows) for _, rows in sorted(sources.items())], partitions, partition_of).rows()


class _Merge:
    """Lets the sources go on from mark to mark."""

    def __init__(self, sources: list[_Source], partitions: int, partition_of: PartitionOf) -> None:
        self._sources = sources
        self._everywhere = range(partitions)
        self._partition_of = lambda key: partition_of(key, partitions)
        self._ticks: dict[datetime, ArchivedRow] = {}  # read, and not written yet
        self._written = datetime.min.replace(tzinfo=UTC)

    def rows(self) -> Iterator[Placed]:
        """Yield all rows."""
        while (step := self._next()) is not None:
            mark, moving = step
            if mark is not None:
                yield from ((partition, mark) for partition in self._everywhere)
            for source in moving:
                yield from source.advance(self._partition_of)
                if source.as_of is not None and source.as_of > self._written and source.mark is not None:
                    self._ticks.setdefault(source.as_of, source.mark)

    def _next(self) -> tuple[ArchivedRow | None, list[_Source]] | None:
        """Return the mark that is to be written now, if any, and the sources that go on then; None at the end."""
        waiting = [source for source in self._sources if not source.ended]
        free = [source for source in waiting if source.mark is None or self._is_written(source)]
        if free:
            return None, free
        others = [source for source in waiting if source.as_of is None]
        if others and len(others) < len(waiting):  # a mark that none may cross: ticks below it wait for the rest
            return None, [source for source in waiting if source.as_of is not None]
        if others:
            mark = others[0].mark
            return mark, [source for source in others if source.mark is not None and _same(source.mark, mark)]
        if not self._ticks:
            return None
        self._written = min(self._ticks)
        return self._ticks.pop(self._written), []

    def _is_written(self, source: _Source) -> bool:
        """Say whether a source waits at a tick that stands there already."""
        return source.as_of is not None and source.as_of <= self._written


def _same(one: ArchivedRow, other: ArchivedRow | None) -> bool:
    return other is not None and one.value == other.value
