"""What must hold when a run has become quiet, each judged by the logs alone; the first that does not is named."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from aiokafka import TopicPartition

from processors.announced import NOTHING
from processors.events import ClockTicked
from processors.facts import empty_year
from processors.identity import Tin
from processors.obligations import Status
from processors.outputs import Alert, Cause, FindingState, ObligationChanged, Output, ScoreChanged
from schemas.codec import InvalidRecord, decode, encode
from schemas.fingerprint import observe
from schemas.state import PracticeRecord, pack
from streams.admission import Inbound, Rules, accepted, instant_of, milliseconds, read_journal
from streams.assessing import _OUTPUT_TOPICS, _output_row
from streams.assessment import Assessor, Entry, Law
from streams.state import PartitionState
from tests.replay.broker import INBOUND, Broker
from tests.replay.log import Stored

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
#: Of two contents of a claim, none of which can be used, the finding names the second to arrive (decision 8).
_OF_ARRIVAL = ("CONFLICT", "version")
_NO_CAUSE = Cause(type="", source="", event_id="", journal_offset=0)


class Broken(Exception):
    """A promise that does not hold; its first word is the oracle's name."""

    def __init__(self, oracle: str, detail: object) -> None:
        super().__init__(f"{oracle}: {detail}")
        self.oracle = oracle


@dataclass
class Partition:
    """One partition of a run that is quiet: its logs, and the product's own functions over them in one pass."""

    broker: Broker
    law: Law
    number: int
    partitions: int
    end: datetime

    def read(self, topic: str) -> list[Stored]:
        """Return what a read_committed reader gets of a topic."""
        return list(self.broker.log(TopicPartition(topic, self.number)).read())

    @cached_property
    def journal(self) -> list[Stored]:
        """The journal's records, marks too."""
        return self.read("asm.journal.v1")

    @cached_property
    def entries(self) -> list[Entry]:
        """The journal as assessment reads it."""
        return [Entry(offset=r.offset, content=read_journal(r.value or b"", dict(r.headers))) for r in self.journal]

    @cached_property
    def inbound(self) -> tuple[dict[str, tuple[Stored, Entry]], set[str]]:
        """Every inbound record that can be accepted, by origin; and the origins of those that cannot."""
        taken: dict[str, tuple[Stored, Entry]] = {}
        refused = set()
        for record in (record for topic in INBOUND for record in self.read(topic)):
            told = Inbound(**{n: getattr(record, n) for n in Inbound.__dataclass_fields__ if n != "redriven"})
            try:
                event = accepted(told, Rules(partitions=self.partitions))
            except InvalidRecord:
                refused.add(told.origin)
            else:
                content = observe(event, instant_of(record.timestamp), told.origin)
                taken[told.origin] = record, Entry(offset=0, content=content)
        return taken, refused

    @cached_property
    def outputs(self) -> list[Output]:
        """What was said, topic by topic."""
        return [decode(r.value or b"") for topic in _OUTPUT_TOPICS.values() for r in self.read(topic)]


def journal(partition: Partition) -> None:
    """The journal has every accepted record once, unchanged, and those of one inbound partition in their order."""
    taken, refused = partition.inbound
    copied = [(dict(r.headers)["origin"].decode(), r) for r in partition.journal if r.key is not None]
    counts = Counter(origin for origin, _ in copied)
    expect("journal", [o for o in taken if o not in counts], [], "accepted and not in the journal")
    expect("journal", [o for o, n in counts.items() if n > 1], [], "more than once in the journal")
    expect("journal", [o for o in counts if o not in taken], [], "in the journal and not accepted")
    for origin, record in copied:
        sent = taken[origin][0]
        as_sent = (sent.key, sent.value, str(sent.timestamp).encode())
        expect("journal", (record.key, record.value, dict(record.headers)["received_at"]), as_sent, origin)
    last: dict[str, int] = defaultdict(lambda: -1)
    for origin, _ in copied:
        topic, _, offset = origin.split("/")
        expect("journal", int(offset) > last[topic], True, f"{origin} stands behind {last[topic]}")
        last[topic] = int(offset)
    for topic in ("asm.dead-letters.v1", "asm.refusals.v1"):
        letters = Counter(decode(r.value or b"").origin for r in partition.read(topic))
        expect("journal", letters, Counter(refused), topic)


def ticks(partition: Partition) -> None:
    """Nothing that was received before a tick's instant stands below it, and the last tick is that of the end."""
    as_of = _NEVER
    for record, entry in zip(partition.journal, partition.entries, strict=True):
        if isinstance(entry.content, ClockTicked):
            as_of = max(as_of, entry.content.as_of)
        elif record.key is not None:
            received_at = int(dict(record.headers)["received_at"])
            expect("ticks", received_at >= milliseconds(as_of), True, f"{record.headers} below {as_of}")
    expect("ticks", as_of >= partition.end.replace(second=0, microsecond=0), True, f"ends at {as_of}")


def replay(partition: Partition) -> None:
    """State and outputs are, byte for byte, those of one pass over the journal."""
    assessor = Assessor(PartitionState(partition.law.fresh_mark()), partition.law)
    outputs: list[Output] = []
    state: dict[bytes, bytes] = {}
    for entry in partition.entries:
        assessor.apply([entry])
        if not hasattr(entry.content, "event"):
            effects = assessor.take_effects()
            outputs += effects.outputs
            state |= dict(effects.state)
    state = _telling(state)
    found = _telling({r.key or b"": r.value or b"" for r in partition.read("asm.state.live.v1")})
    expect("state", sorted(k for k in found.keys() | state.keys() if found.get(k) != state.get(k)), [], "keys")
    for kind, topic in _OUTPUT_TOPICS.items():
        rows = [_output_row(o) for o in outputs if type(o) is kind]
        said = partition.read(topic)
        told = [(r.key, r.value, r.headers) for r in rows]
        expect(
            "outputs", [(r.key, r.value, r.headers) for r in said] == told, True, f"{topic}, {len(said)} of {len(told)}"
        )


def _telling(state: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Leave out the records of practices that say nothing: whether one is written depends on where a batch ends."""
    return {key: value for key, value in state.items() if value != _empty_record(key)}


def _empty_record(key: bytes) -> bytes | None:
    kind, *place = key.decode().split("/")
    if kind != "practice":
        return None
    facts = empty_year(Tin(place[0]), int(place[1])).practice
    return pack(PracticeRecord(facts=facts, announced=NOTHING, next_change_at=None))


def revisions(partition: Partition) -> None:
    """Each output's id is given once, and so is each revision of a thing."""
    ids = Counter(o.emitted_id for o in partition.outputs)
    expect("revisions", [i for i, n in ids.items() if n > 1], [], "said twice")
    told: list[tuple[str, int, int]] = [
        (o.npi, o.performance_year, o.revision) for o in partition.outputs if isinstance(o, ScoreChanged)
    ]
    told += [(o.obligation_id, 0, o.revision) for o in partition.outputs if isinstance(o, ObligationChanged)]
    expect("revisions", [key for key, n in Counter(told).items() if n > 1], [], "revised twice")


def truth(partition: Partition) -> None:
    """What was said last is what follows from all accepted records, in the order of their receipt, at the end."""
    taken, _ = partition.inbound
    entries = sorted((entry for _, entry in taken.values()), key=lambda e: (e.content.received_at, e.content.origin))  # type: ignore[union-attr]
    assessor = Assessor(PartitionState(partition.law.fresh_mark()), partition.law)
    as_of = max(e.content.as_of for e in partition.entries if isinstance(e.content, ClockTicked))
    marks = [Entry(offset=0, content=ClockTicked(as_of=as_of))]
    assessor.apply([*entries, *marks])
    expected, said = _last_words(assessor.take_outputs()), _last_words(partition.outputs)
    for key in sorted(said.keys() | expected.keys()):
        word = expected.get(key)
        on_the_wire = None if word is None else bare(decode(encode(word)))
        expect("truth", bare(said[key]) if key in said else None, on_the_wire, key)


def _last_words(outputs: Sequence[Output]) -> dict[tuple[str, ...], Output]:
    """What was said last of each thing; of findings those that are open."""
    words: dict[tuple[str, ...], Output] = {}
    for output in outputs:
        if isinstance(output, ScoreChanged):
            words["score", output.npi, str(output.performance_year)] = output
        elif isinstance(output, ObligationChanged):
            words["obligation", output.obligation_id] = output
        else:
            about = (output.tin.digits, output.npi, output.performance_year, output.event.source, output.event.event_id)
            key = ("finding", *map(str, (*about, output.code, output.field)))
            words.pop(key, None)
            if output.state is FindingState.OPEN and (output.code, output.field) != _OF_ARRIVAL:
                words[key] = output
    return words


def bare(output: Output) -> Any:
    """What an output says, without why and when, and without what depends on what was said before."""
    if isinstance(output, ScoreChanged):
        return _unstamped(replace(output, previous=None, moved=()))
    if isinstance(output, ObligationChanged):
        return _unstamped(replace(output, stage="", alert=Alert.NONE, alert_id=""))
    return output.message


def missed(partition: Partition) -> None:
    """No obligation is called missed twice in the same words, nor against what was received before the tick."""
    last: dict[str, Any] = {}
    for output in partition.outputs:
        if isinstance(output, ObligationChanged):
            words = replace(_unstamped(output), stage="")
            if output.status is Status.MISSED:
                expect("missed", last.get(output.obligation_id) != words, True, f"{output.item} twice")
                expect(
                    "missed", output.due_at is not None and output.as_of >= output.due_at, True, f"{output.item} early"
                )
            last[output.obligation_id] = words
    for assessment, outputs in _when_missed(partition):
        true = {(o.item.npi, o.item.item): o.status for o in assessment.obligations}
        for output in outputs:
            expect("missed", true.get((output.npi, output.item)), Status.MISSED, f"{output.item} at {output.as_of}")


def _when_missed(partition: Partition) -> Iterator[tuple[Any, list[ObligationChanged]]]:
    """Yield what was true of a practice and year whenever something of it was called missed.

    True is what follows from all that was received before the last tick, read or not, and from what was read.
    """
    told: defaultdict[tuple[Any, ...], list[ObligationChanged]] = defaultdict(list)
    for o in partition.outputs:
        if isinstance(o, ObligationChanged) and o.status is Status.MISSED:
            told[o.tin, o.performance_year, o.as_of, o.cause.journal_offset].append(o)
    for (tin, year, as_of, offset), outputs in told.items():
        received = [e for _, e in partition.inbound[0].values() if e.content.received_at < as_of]  # type: ignore[union-attr]
        read = [e for e in partition.entries if e.offset <= offset and hasattr(e.content, "event")]
        assessor = Assessor(PartitionState(partition.law.fresh_mark()), partition.law)
        assessor.apply(e for e in [*received, *read] if e.content.event.tin == tin)  # type: ignore[union-attr]
        assessor.state.mark = replace(assessor.state.mark, as_of=as_of)
        yield assessor.assessment_of(assessor.state.year(tin, year)), outputs


def _unstamped(output: Any) -> Any:
    return replace(output, emitted_id="", revision=0, cause=_NO_CAUSE, as_of=_NEVER)


def expect(oracle: str, found: Any, wanted: Any, what: object) -> None:
    """See that something is as it must be."""
    if found != wanted:
        raise Broken(oracle, f"{what}: {str(found)[:600]}, not {str(wanted)[:600]}")


ORACLES: Mapping[str, Callable[[Partition], None]] = {
    "journal": journal,
    "ticks": ticks,
    "state and outputs": replay,
    "revisions": revisions,
    "truth": truth,
    "missed": missed,
}


def judge(broker: Broker, law: Law, partitions: int, end: datetime) -> None:
    """Judge every partition.

    :raises Broken: a promise does not hold.
    """
    for number in range(partitions):
        partition = Partition(broker, law, number, partitions, end)
        for oracle in ORACLES.values():
            oracle(partition)
