"""A SQL view as the projector would have left it: a simulated year up to an instant, played in one process."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Engine

from infra.database import tables
from infra.database.engine import create_tables, keep_latest
from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.events import ClaimReceived, Event
from processors.identity import Tin
from processors.outputs import ScoreChanged
from processors.rulebook import Rulebook
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.records import HealthChanged, HealthState, HealthSubject, Refusal
from streams.admission import Rules
from streams.assessment import Law
from streams.in_process import InProcess
from streams.projection import write_rows
from streams.standings import Cohorts

_PER_BATCH = 20_000
TICK = timedelta(minutes=1)


def simulated_view(engine: Engine, clinicians: int, *, seed: int = 1, stage: str = "T_7") -> datetime:
    """Fill a database with a simulated year up to a stage of the approach; return the instant that it is then."""
    books = load_rulebooks(DEFAULT_VINTAGE)
    rulebook = books[min(books)]
    until = next(s.at for s in rulebook.submission.stages if s.stage == stage)
    create_tables(engine)
    cohorts = Cohorts(books)
    said: list[object] = []
    for system in _played(simulate(seed, clinicians, rulebook), books, until):
        said += system.outputs
        for output in system.outputs:
            if isinstance(output, ScoreChanged):
                cohorts.take(output)
        if len(said) > _PER_BATCH:
            _write(engine, said)
            said = []
    _write(engine, [*said, *cohorts.changed(), *_refusals(until), *_health(until)])
    with engine.begin() as sql:
        keep_latest(sql, tables.ReadPosition, [{"topic": "asm.scores.v1", "partition": 0, "next_offset": 1}])
    return until


def _write(engine: Engine, said: Sequence[object]) -> None:
    with engine.begin() as sql:
        write_rows(sql, said)


def _played(world: Iterable[Timed[Event]], books: dict[int, Rulebook] | Any, until: datetime) -> Iterable[InProcess]:
    """Play each practice's events on its own: practices share nothing."""
    practices: defaultdict[Tin, list[Timed[Event]]] = defaultdict(list)
    for timed in world:
        if timed.received_at < until and not isinstance(timed.event, ClaimReceived):
            practices[timed.event.tin].append(timed)
    for tin in sorted(practices):
        system = InProcess(Law(rulebooks=books), Rules(partitions=1))
        for timed in practices[tin]:
            system.send(timed.event, timed.received_at)
        system.play_ticks(until)
        system.tick(until)
        yield system


def _refusals(now: datetime) -> list[Refusal]:
    """Some records that were refused."""
    told = [
        ("registry-a", "IMPOSSIBLE_COUNTS", "measurements[236]", "counts that cannot be"),
        ("registry-a", "KEY_MISMATCH", None, "the key is another TIN"),
        ("ehr-north", "WRONG_PARTITION", None, "lies in 3, murmur2 of its key gives 1"),
        (None, "UNDECODABLE", None, "not a record of schema 3"),
    ]
    return [
        Refusal(
            origin=f"asm.submissions.v1/{n % 4}/{n}",
            source=source,
            event_id=None if source is None else f"e-{n}",
            received_at=now - timedelta(hours=3 * n + 1),
            reason=reason,
            field=field,
            detail=detail,
            payload_sha256=sha256(str(n).encode()).hexdigest(),
            attempts=1,
        )
        for n in range(12)
        for source, reason, field, detail in [told[n % len(told)]]
    ]


def _health(now: datetime) -> list[HealthChanged]:
    """A clock that stood still and goes again, and a feed whose records are refused."""
    return [
        HealthChanged(
            subject=HealthSubject.WATERMARK,
            name="asm.journal.v1/2",
            state=HealthState.RESOLVED,
            since=now - timedelta(days=2),
            detail="the clock of partition 2 moves again",
        ),
        HealthChanged(
            subject=HealthSubject.REFUSALS,
            name="asm.submissions.v1",
            state=HealthState.FIRING,
            since=now - timedelta(hours=3),
            detail="612 of the last 1000 records were refused",
        ),
    ]
