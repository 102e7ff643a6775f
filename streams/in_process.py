"""The whole way in one process over an in-memory log of one partition: no broker, the same admission and assessment."""

from collections.abc import Iterator
from datetime import datetime

from processors.announced import NOTHING
from processors.assessment import Assessment
from processors.events import Event
from processors.output_views import obligation_key, obligation_view, score_view
from processors.outputs import ObligationChanged, Output, ScoreChanged
from schemas.codec import InvalidRecord
from schemas.topics import contract
from streams.admission import Rules, admit, batch_closed, clock_ticked, inbound_of, milliseconds, read_journal
from streams.assessment import Assessor, Entry, Law
from streams.rows import Row
from streams.state import PartitionState, YearState


class InProcess:
    """Admits events as they come, plays the ticks between them, and keeps all that is said."""

    def __init__(self, law: Law, rules: Rules) -> None:
        self._law = law
        self._rules = rules
        self._assessor = Assessor(PartitionState(law.fresh_mark()), law)
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
            row = admit(inbound_of(event, self._rules, offset, milliseconds(received_at)), self._rules)
        except InvalidRecord as refused:
            return refused
        self.play_ticks(received_at)
        self._append(row)
        return None

    def play_ticks(self, until: datetime) -> None:
        """Tick at every instant, up to and with ``until``, at which time alone may change something."""
        if self._state.mark.as_of is None:
            self.tick(until.replace(second=0, microsecond=0))
        while (due := self._state.next_due()) is not None and due <= until:
            self.tick(due)

    def tick(self, as_of: datetime) -> None:
        """Close the batch and move the clock to an instant."""
        self._append(batch_closed())
        self._append(clock_ticked(as_of))

    def years(self) -> Iterator[tuple[YearState, Assessment]]:
        """Yield what is known of every practice and year, and what it means at the last tick."""
        for year in self._state.years():
            yield year, self._assessor.assessment_of(year)

    @property
    def _state(self) -> PartitionState:
        return self._assessor.state

    def _append(self, row: Row) -> None:
        content = read_journal(row.value or b"", dict(row.headers))
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
