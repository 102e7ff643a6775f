"""What is left of claims that no rulebook family can use: 32 bytes each, packed, found by bisection."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

_RECORD = Struct(">QqqQ")  # sorts as bytes for the claims' hashes and for versions and instants from 0 on


class Trace(NamedTuple):
    """A version of a claim: a hash of (source, claim id), the version, the receipt, and a hash of what it says."""

    claim: int
    version: int
    received_ms: int
    content: int


@dataclass(frozen=True, slots=True)
class Traces:
    """A sorted set of traces as bytes."""

    packed: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.packed)

    def __len__(self) -> int:
        return len(self.packed) // _RECORD.size

    @classmethod
    def of_all(cls, traces: Iterable[Trace]) -> "Traces":
        """Return the set of some traces."""
        return cls(b"".join(sorted({_RECORD.pack(*trace) for trace in traces})))

    def __iter__(self) -> Iterator[Trace]:
        return (Trace(*record) for record in _RECORD.iter_unpack(self.packed))

    def of(self, claim: int) -> Iterator[Trace]:
        """Yield the traces of one claim, in order."""
        place = self._place(claim.to_bytes(8, "big"))
        while place < len(self.packed):
            trace = Trace(*_RECORD.unpack_from(self.packed, place))
            if trace.claim != claim:
                return
            yield trace
            place += _RECORD.size

    def with_one(self, trace: Trace) -> "Traces":
        """Return the set with a trace added."""
        record = _RECORD.pack(*trace)
        place = self._place(record)
        return Traces(self.packed[:place] + record + self.packed[place:])

    def without_one(self, trace: Trace) -> "Traces":
        """Return the set without a trace that is in it."""
        place = self._place(_RECORD.pack(*trace))
        return Traces(self.packed[:place] + self.packed[place + _RECORD.size :])

    def without(self, claim: int) -> "Traces":
        """Return the set without the traces of one claim."""
        traces = self
        for trace in self.of(claim):
            traces = traces.without_one(trace)
        return traces

    def _place(self, record: bytes) -> int:
        """Return where the first record begins that is not less than these bytes."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            start = middle * _RECORD.size
            if self.packed[start : start + _RECORD.size] < record:
                low = middle + 1
            else:
                high = middle
        return low * _RECORD.size


NO_TRACES = Traces()
