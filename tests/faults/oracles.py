"""What must hold at the end of a run, whatever happened during it: each broken promise has a name.

The reference is one pass in one process: over the journal for what was said and kept, and for the facts over the
inbound topics themselves, in the order of receipt, by the fold alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import SQLModel

from infra.database import tables
from infra.database.engine import create_tables, open_engine
from processors.events import BeneficiaryLinked, ClaimReceived
from processors.facts import ClinicianFacts, PracticeFacts, PracticeYear, empty_year, fold
from schemas.codec import InvalidRecord, decode, encode
from schemas.fingerprint import observe
from schemas.state import ClinicianRecord, PracticeRecord, pack, unpack
from schemas.topics import contract
from streams.admission import Inbound, Rules, accepted, instant_of, read_journal
from streams.assessment import Assessor, Entry, Law
from streams.projection import write_rows
from streams.state import PartitionState
from tests.faults.world import BOOKS
from tests.integration.system import PARTITIONS, Record, System

OUTPUTS = ("asm.scores.v1", "asm.compliance.v1", "asm.findings.v1")
STATE = "asm.state.{generation}.v1"


@dataclass
class Verdict:
    """The promises that a run broke, by name with how often; and the figures of the run."""

    broken: Counter[str] = field(default_factory=Counter)
    figures: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, number: int) -> None:
        """Note how often a promise was broken."""
        if number:
            self.broken[name] += number


def judge(system: System, engine: Engine | None = None) -> Verdict:
    """Compare everything on the topics, and the rows of a view, with the reference."""
    verdict = Verdict()
    journal = system.journal()
    _judge_journal(system, journal, verdict)
    said, kept = _reference(journal)
    _judge_outputs(system, said, verdict)
    state = {(r.partition, r.key): r.value for r in system.read(STATE)}
    verdict.count("STATE_DIFFERS", _differing(state, kept))
    _judge_facts(system, state, verdict)
    if engine is not None:
        _judge_rows(engine, [o for outputs in said.values() for o in outputs], system.folder / "reference.db", verdict)
    verdict.figures |= {"journal": len(journal), "state_records": len(state), "outputs": sum(map(len, said.values()))}
    return verdict


def _judge_journal(system: System, journal: list[Record], verdict: Verdict) -> None:
    """Each accepted record stands in the journal once, bytes unchanged; each other one among the dead letters once."""
    wanted, refused = {}, set()
    for origin, record, event in _inbound(system):
        if event is None:
            refused.add(origin)
        else:
            wanted[origin] = record.value
    found = [(r.headers["origin"].decode(), r.value) for r in journal if "origin" in r.headers]
    counted = Counter(origin for origin, _ in found)
    letters = Counter(decode(r.value).origin for r in system.read("asm.dead-letters.v1"))
    verdict.count("EVENT_LOST", len(wanted.keys() - counted.keys()) + len(refused - letters.keys()))
    verdict.count("EVENT_DOUBLED", sum(n - 1 for n in (counted + letters).values()))
    verdict.count("EVENT_CHANGED", sum(wanted.get(origin) != value for origin, value in found))
    verdict.figures |= {"accepted": len(wanted), "refused": len(refused)}


def _reference(journal: list[Record]) -> tuple[dict[int, list[Any]], dict[tuple[int, bytes], bytes]]:
    """Assess each partition of the journal in one pass: what is said, and what is kept at the end."""
    said: dict[int, list[Any]] = {}
    kept: dict[tuple[int, bytes], bytes] = {}
    law = Law(rulebooks=BOOKS)
    for partition in range(PARTITIONS):
        records = [r for r in journal if r.partition == partition]
        last_mark = max((n for n, r in enumerate(records) if r.key is None), default=-1)
        assessor = Assessor(PartitionState(law.fresh_mark()), law)
        assessor.apply(
            [Entry(offset=r.offset, content=read_journal(r.value, r.headers)) for r in records[: last_mark + 1]]
        )
        effects = assessor.take_effects()
        said[partition] = list(effects.outputs)
        kept |= {(partition, key): value for key, value in effects.state}
    return said, kept


def _judge_outputs(system: System, said: Mapping[int, list[Any]], verdict: Verdict) -> None:
    """A read_committed reader sees each output once, in order, byte for byte as the reference says it."""
    found: defaultdict[tuple[int, str], list[bytes]] = defaultdict(list)
    expected: defaultdict[tuple[int, str], list[bytes]] = defaultdict(list)
    names = {"ScoreChanged": OUTPUTS[0], "ObligationChanged": OUTPUTS[1], "FindingChanged": OUTPUTS[2]}
    for topic in OUTPUTS:
        for record in system.read(topic):
            found[record.partition, topic].append(record.value)
    for partition, outputs in said.items():
        for output in outputs:
            expected[partition, names[type(output).__name__]].append(encode(output))
    ids = Counter(decode(value).emitted_id for values in found.values() for value in values)
    verdict.count("SAID_TWICE", sum(n - 1 for n in ids.values()))
    places = found.keys() | expected.keys()
    verdict.count(
        "OUTPUT_DIFFERS", sum(a != b for p in places for a, b in zip_longest(found.get(p, []), expected.get(p, [])))
    )


def _judge_facts(system: System, state: Mapping[tuple[int, bytes | None], bytes], verdict: Verdict) -> None:
    """Facts are what folding the accepted events gives, in the order of their receipt, not that of the journal."""
    accepted_events = [(record, event) for _, record, event in _inbound(system) if event is not None]
    accepted_events.sort(key=lambda pair: (pair[0].timestamp, pair[1].source, pair[1].event_id))
    years: dict[tuple[Any, int], PracticeYear] = {}
    for record, event in accepted_events:
        if isinstance(event, ClaimReceived | BeneficiaryLinked):
            continue  # the ledger is private to assessment: held by the reference over the journal
        key = (event.tin, event.performance_year)
        year = years.get(key) or empty_year(*key)
        years[key] = fold(year, observe(event, instant_of(record.timestamp), record.headers["origin"].decode()))
    expected = {
        name: pack(facts)
        for (tin, number), year in years.items()
        for name, facts in _named(tin.digits, number, year)
        if facts != empty_year(tin, number).practice  # of whom nothing is known nothing may be written
    }
    found = _facts_in(state)
    verdict.count("FACTS_DIFFER", _differing(found, expected))
    verdict.figures["facts"] = len(found)


def _named(tin: str, number: int, year: PracticeYear) -> Iterator[tuple[bytes, PracticeFacts | ClinicianFacts]]:
    yield f"practice/{tin}/{number}".encode(), year.practice
    for npi, facts in year.clinicians.items():
        yield f"clinician/{tin}/{npi}/{number}".encode(), facts


def _facts_in(state: Mapping[tuple[int, bytes | None], bytes]) -> dict[bytes, bytes]:
    found = {}
    for (_, name), value in state.items():
        if name is not None and name.startswith((b"practice/", b"clinician/")):
            kind: type[Any] = PracticeRecord if name.startswith(b"practice/") else ClinicianRecord
            facts: Any = unpack(value, kind).facts
            if facts != empty_year(facts.tin, facts.performance_year).practice:
                found[name] = pack(facts)
    return found


def _judge_rows(engine: Engine, said: list[Any], reference: Path, verdict: Verdict) -> None:
    """The view's rows are those that the reference's outputs come to."""
    reference.unlink(missing_ok=True)
    other = open_engine(f"sqlite:///{reference}")
    create_tables(other)
    with other.begin() as connection:
        write_rows(connection, [decode(encode(output)) for output in said])
    mine, theirs = (dict(_rows(e)) for e in (engine, other))
    other.dispose()
    verdict.count("ROWS_DIFFER", sum(mine[name] != theirs[name] for name in mine))
    verdict.figures["rows"] = sum(map(len, mine.values()))


def _rows(engine: Engine) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    left_out = {
        str(t.__tablename__)
        for t in (tables.ReadPosition, tables.Refusal, tables.Health, tables.Standing, tables.StandingHistory)
    }
    with engine.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name not in left_out:
                yield (
                    table.name,
                    [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))],
                )


def _inbound(system: System) -> Iterator[tuple[str, Record, Any]]:
    """Yield every inbound record with its origin and its event, or None where admission must refuse it."""
    rules = Rules(partitions=PARTITIONS)
    for topic in contract().inbound():
        for r in system.read(topic):
            record = Inbound(
                topic=topic, partition=r.partition, offset=r.offset, key=r.key, value=r.value, timestamp=r.timestamp
            )
            named = Record(r.partition, r.offset, r.key, r.value, r.timestamp, {"origin": record.origin.encode()})
            try:
                yield record.origin, named, accepted(record, rules)
            except InvalidRecord:
                yield record.origin, named, None


def _differing(found: Mapping[Any, bytes], expected: Mapping[Any, bytes]) -> int:
    return sum(found.get(key) != expected.get(key) for key in found.keys() | expected.keys())
