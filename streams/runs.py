"""How a generation runs beside the live one: from where it begins, where it ends, and how fast it may go."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from processors.events import ClockTicked, Mark


class Pace:
    """Lets so many records a second pass, in all partitions together; None: as many as come."""

    def __init__(self, per_second: float | None = None) -> None:
        self._per_second = per_second
        self._free_at = 0.0

    async def take(self, records: int) -> None:
        """Wait until so many more records may be worked on."""
        if self._per_second is None:
            return
        now = asyncio.get_running_loop().time()
        wait = self._free_at - now
        self._free_at = max(now, self._free_at) + records / self._per_second
        if wait > 0:
            await asyncio.sleep(wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of assessment over the journal.

    ``seeded``: it begins with the present facts of the live generation, else with the journal. ``until``: it ends with
    the last tick at or before this instant, else never.
    """

    seeded: bool = False
    until: datetime | None = None
    pace: Pace = field(default_factory=Pace)

    def is_over_at(self, mark: Mark) -> bool:
        """Say whether a mark of the journal stands beyond the end of the run."""
        return self.until is not None and isinstance(mark, ClockTicked) and mark.as_of > self.until


#: From the beginning of the journal, without an end, as fast as it goes.
UNBOUNDED = Run()
