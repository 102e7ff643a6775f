"""The whole way in one process over an in-memory log of one partition: no broker, the same admission and assessment."""

from collections.abc import Iterator
from datetime import datetime

from processors.announced import NOTHING
from processors.assessment import Assessment
from processors.events import BatchClosed, ClockTicked, Event, Mark, Observed
from processors.output_views import obligation_key, obligation_view, score_view
from processors.outputs import ObligationChanged, Output, ScoreChanged
from schemas.codec import InvalidRecord
from schemas.fingerprint import observe
from schemas.topics import contract
from streams.admission import Rules, accepted, inbound_of, instant_of, milliseconds
from streams.assessment import Assessor, Entry, Law
from streams.state import PartitionState, YearState


class InProcess:
    """Admits events as they come, plays the ticks between them, and keeps all that is said."""

    def __init__(self, law: Law, rules: Rules, kind: type[Assessor] = Assessor) -> None:
        self._law = law
        self._rules = rules
        self._assessor = kind(PartitionState(law.fresh_mark()), law)
        self._journal_end = 0
        self._inbound_ends: dict[str, int] = {}
        self.outputs: list[Output] = []

    def send(self, event: Event, received_at: datetime) -> InvalidRecord | None:
        """Encode an event, admit it as received at an instant, and assess it; or return why it is refused.

        Instants must not fall.
        """
        topic = contract().topic_of(type(event).__name__)
        offset = self._inbound_ends.get(topic, 0)
        self._inbound_ends[topic] = offset + 1
        try:
            record = inbound_of(event, self._rules, offset, milliseconds(received_at))
            admitted = accepted(record, self._rules)
        except InvalidRecord as refused:
            return refused
        self.play_ticks(received_at)
        self._append(observe(admitted, record.received_at, record.origin))
        return None

    def play_ticks(self, until: datetime) -> None:
        """Tick at every instant, up to and with ``until``, at which time alone may change something."""
        if self._state.mark.as_of is None:
            self.tick(until.replace(second=0, microsecond=0))
        while (due := self._state.next_due()) is not None and due <= until:
            self.tick(due)

    def tick(self, as_of: datetime) -> None:
        """Close the batch and move the clock to an instant."""
        self._append(BatchClosed())
        self._append(ClockTicked(as_of=instant_of(milliseconds(as_of))))

    def years(self) -> Iterator[tuple[YearState, Assessment]]:
        """Yield what is known of every practice and year, and what it means at the last tick."""
        for year in self._state.years():
            yield self._assessor.as_announced(year), self._assessor.assessment_of(year)

    @property
    def _state(self) -> PartitionState:
        return self._assessor.state

    def _append(self, content: Observed[Event] | Mark) -> None:
        self._assessor.apply([Entry(offset=self._journal_end, content=content)])
        self._journal_end += 1
        self.outputs += self._assessor.take_outputs()


def views(year: YearState, assessment: Assessment) -> tuple[list[ScoreChanged], list[ObligationChanged]]:
    """Return scores and obligations as they would be announced after what was last said, without envelopes."""
    scores = [score_view(score) for score in assessment.scores]
    obligations = []
    for obligation in assessment.obligations:
        last = year.owners.get(obligation.item.npi or "", NOTHING).obligations.get(obligation_key(obligation))
        obligations.append(obligation_view(obligation, last))
    return scores, obligations
