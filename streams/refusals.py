"""When so much of a topic is refused that its feed must be broken: said loudly, and nothing is paused."""

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime

from infra.log import Log
from schemas.records import HealthChanged, HealthState, HealthSubject

_WINDOW = 1000
_LEAST = 100


class RefusalGauge:
    """Watches the last records of each topic; over half of them refused, of at least a hundred, is an alarm."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._log = Log()
        self._last: defaultdict[str, deque[bool]] = defaultdict(lambda: deque(maxlen=_WINDOW))
        self._refused: defaultdict[str, int] = defaultdict(int)
        self._firing: set[str] = set()

    def note(self, topic: str, *, refused: bool) -> HealthChanged | None:
        """Note one record of a topic; return a word about its health when the alarm begins or ends."""
        last = self._last[topic]
        if len(last) == _WINDOW:
            self._refused[topic] -= last[0]
        last.append(refused)
        self._refused[topic] += refused
        above = len(last) >= _LEAST and 2 * self._refused[topic] > len(last)
        if above == (topic in self._firing):
            return None
        return self._change(topic, above)

    def _change(self, topic: str, above: bool) -> HealthChanged:  # noqa: FBT001 - which of two sentences
        if above:
            self._firing.add(topic)
        else:
            self._firing.discard(topic)
        refused, of = self._refused[topic], len(self._last[topic])
        said = self._log.warning if above else self._log.info
        said("refusals_above_limit" if above else "refusals_below_limit", topic=topic, refused=refused, of=of)
        return HealthChanged(
            subject=HealthSubject.REFUSALS,
            name=topic,
            state=HealthState.FIRING if above else HealthState.RESOLVED,
            since=self._now(),
            detail=f"{refused} of the last {of} records were refused",
        )
