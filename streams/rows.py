"""Records as they are written to a topic."""

from dataclasses import dataclass, field

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record to be written: key, value, timestamp in milliseconds UTC (None: the producer's), headers."""

    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    timestamp: int | None = None
    headers: Headers = ()
