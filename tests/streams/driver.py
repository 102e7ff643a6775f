"""Drives bytes in and reads records out, moves the clock itself, crashes on demand: the whole way without a broker."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.engine import ENGINE
from processors.events import Event, LawPromoted
from processors.outputs import FindingChanged, ObligationChanged, Output, ScoreChanged
from schemas.cloudevents import parse_event
from schemas.codec import encode
from schemas.partitioning import partition_of
from schemas.records import DeadLetter
from schemas.topics import contract
from streams.admission import Inbound, Rules, admit_batch, batch_closed, clock_ticked, milliseconds, read_journal
from streams.assessment import Assessor, Entry, Law
from streams.rows import Row
from streams.state import PartitionState, load_state
from tests.making import at

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
RULES = Rules(partitions=4)
LAW = Law(rulebooks=load_rulebooks(DEFAULT_VINTAGE))


def example(name: str) -> tuple[Event, datetime]:
    """An event of the contract's examples by its name, and when it was received."""
    path = next(EXAMPLES.glob(f"*/{name}.json"))
    parsed = parse_event(json.dumps(json.loads(path.read_text())))
    return parsed.event, parsed.time


def inbound(event: Event, received_at: datetime, offset: int = 0) -> Inbound:
    """The record that a feed would have produced."""
    key = event.tin.digits.encode()
    return Inbound(
        topic=contract().topic_of(type(event).__name__),
        partition=partition_of(key, RULES.partitions),
        offset=offset,
        key=key,
        value=encode(event),
        timestamp=milliseconds(received_at),
    )


class Driver:
    """One partition: its journal, its state as it is committed, and what was said."""

    def __init__(self, law: Law = LAW) -> None:
        self.law = law
        self.journal: list[Row] = []
        self.committed: dict[bytes, bytes] = {}
        self.outputs: list[Output] = []
        self.letters: list[DeadLetter] = []
        self._read = 0
        self._assessor = self._started()
        self._inbound = 0

    def send(self, *given: str | Event, received_at: datetime | None = None) -> None:
        """Send events, or examples by name, in one batch; an example is received when it says."""
        records = []
        for item in given:
            event, time = example(item) if isinstance(item, str) else (item, at("2028-02-01"))
            records.append(inbound(event, received_at or time, self._inbound))
            self._inbound += 1
        self.send_records(records)

    def send_records(self, records: Sequence[Inbound]) -> None:
        """Send records as they lie on the inbound topics, in one batch."""
        admitted = admit_batch(records, RULES)
        self.letters += admitted.letters
        self.write(*admitted.rows, batch_closed())

    def tick(self, instant: str) -> None:
        """Move the clock."""
        self.write(clock_ticked(at(instant)))

    def write(self, *rows: Row) -> None:
        """Append rows to the journal and have them assessed and committed."""
        self.journal += rows
        self.assess()

    def assess(self) -> None:
        """Assess what is in the journal up to its last mark, and commit the effects."""
        marks = [n for n, row in enumerate(self.journal) if row.key is None]
        end = marks[-1] + 1 if marks else 0
        if end <= self._read:
            return
        self._assessor.apply(entries(self.journal)[self._read : end])
        effects = self._assessor.take_effects()
        self._read = effects.applied + 1
        self.outputs += effects.outputs
        self.committed |= dict(effects.state)

    def crash(self) -> None:
        """Lose what is in memory and start again from what is committed."""
        self._assessor = self._started()
        self._read = self._assessor.state.mark.applied + 1

    def state(self) -> PartitionState:
        """The state as it is committed."""
        return load_state(list(self.committed.items()), self.law.fresh_mark())

    def promote(self, law: Law, recalculation: str, facts: PartitionState | None = None) -> None:
        """Have a promotion in the journal, whose law is ready, and facts where there are some."""
        self._assessor.prepare(law, facts)
        self.law = law
        self.write(promotion(law, recalculation))

    def read_obligation(self, item: str) -> ObligationChanged:
        """What was last said of an obligation."""
        return next(o for o in reversed(self.outputs) if isinstance(o, ObligationChanged) and o.item == item)

    def read_score(self) -> ScoreChanged:
        """What was last said of a score."""
        return next(o for o in reversed(self.outputs) if isinstance(o, ScoreChanged))

    def read_findings(self) -> list[tuple[str, str, str]]:
        """Every finding that was said: event, code, state."""
        return [(f.event.event_id, f.code, f.state) for f in self.outputs if isinstance(f, FindingChanged)]

    def forget(self) -> None:
        """Set aside what was said so far."""
        self.outputs.clear()

    def assert_quiet(self) -> None:
        """Nothing new was said since it was last set aside."""
        assert self.outputs == []

    def _started(self) -> Assessor:
        return Assessor(self.state(), self.law)


def promotion(law: Law, recalculation: str) -> Row:
    """The mark that gives the live generation a law."""
    mark = LawPromoted(
        recalculation=recalculation, generation=law.promoted, engine=ENGINE, fold=law.fold, rulebooks=law.digests
    )
    return Row(key=None, value=encode(mark))


def entries(journal: Sequence[Row]) -> list[Entry]:
    """The journal as assessment reads it."""
    return [Entry(offset=n, content=read_journal(row.value or b"", dict(row.headers))) for n, row in enumerate(journal)]
