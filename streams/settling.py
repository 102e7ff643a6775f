"""Below which offset of each partition everything is settled, known without a race.

Positions are taken in the very step in which records are returned, and a batch counts as open from that step until its
transaction is committed.
"""

from collections import defaultdict, deque
from collections.abc import Mapping

from faust.types import TP


class Settling:
    """The open batches of a consumer, and its positions."""

    def __init__(self) -> None:
        self._open_batches: defaultdict[TP, deque[int]] = defaultdict(deque)
        self._positions: dict[TP, int] = {}

    def fetched(self, first_offsets: Mapping[TP, int], positions: Mapping[TP, int]) -> None:
        """Note what one fetch returned: the first offset of each batch, and where the consumer stands now."""
        for tp, first in first_offsets.items():  # open first, then the positions: no await in between
            self._open_batches[tp].append(first)
        self._positions.update(positions)

    def settle(self, tp: TP, first: int) -> None:
        """Say that the transaction of the batch that begins at this offset is committed."""
        if first in self._open_batches[tp]:
            self._open_batches[tp].remove(first)

    def settled_below(self, tp: TP) -> int | None:
        """Return the offset below which all of a partition is committed or no record; None while it is not known."""
        open_batches = self._open_batches[tp]
        return open_batches[0] if open_batches else self._positions.get(tp)

    def forget(self) -> None:
        """Know nothing any more: the partitions are revoked."""
        self._open_batches.clear()
        self._positions.clear()
