"""The SQL view, what was refused, and the room on this machine's disks."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from kafka import TopicPartition
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from infra.database.engine import open_engine, read_positions, require_tables, shown
from infra.database.tables import Refusal
from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.topics import topic_names
from infra.settings import Settings
from streams.dead_letters import LetterState, read_letters
from streams.doctor.checks import MONITORING, OPERATIONS, Check, Verdict, fine
from streams.doctor.partitions import told_waiting
from streams.doctor.readers import Positions, look
from streams.projection import READ_TOPICS

_LEAST_FREE, _NO_FREE = 0.10, 0.02
_DAY = timedelta(days=1)
_GIB = 1 << 30


def database(settings: Settings) -> Check:
    """See whether the database answers and has the tables of this release."""
    engine = open_engine(settings.database_url.get_secret_value())
    try:
        require_tables(engine)
    except Unavailable as error:
        return Check(
            name="database",
            verdict=Verdict.FAIL,
            seen=str(error),
            remedy="Start `asm project`, or see whether the database runs.",
            page=f"{MONITORING}#the-projector-waits",
            unreachable="does not answer" in str(error),
        )
    finally:
        engine.dispose()
    return fine("database", f"{shown(engine)} answers, its tables are of this release")


def projection(connection: Connection) -> Check:
    """See how far the SQL view is behind what was said.

    :raises Unavailable: a machine does not answer.
    """
    names, engine = topic_names(connection.settings), open_engine(_url(connection.settings))
    try:
        reading = look(connection, [names.of(topic) for topic in READ_TOPICS], lambda: _positions(engine))
    finally:
        engine.dispose()
    if not reading.waiting:
        return fine("projection", "everything that was said is in the view")
    moving = not reading.stalled
    where = told_waiting(reading.waiting if moving else reading.stalled)
    return Check(
        name="projection",
        verdict=Verdict.WARN if moving else Verdict.FAIL,
        seen=f"lag {reading.lag}; {'it moves' if moving else 'no progress'} in {where}",
        remedy="Wait." if moving else "Start `asm project`; its log says what it waits for.",
        page=f"{MONITORING}#the-projector-waits",
    )


def refusals(connection: Connection, now: datetime) -> Check:
    """Count the dead letters that are open, and what was refused since yesterday as far as the view has it.

    :raises Unavailable: the cluster does not answer, or has not the topics.
    """
    settings = connection.settings
    still_open = [letter for letter in read_letters(connection) if letter.state is LetterState.OPEN]
    lately = None if settings.clock == "events" else _refused_since(settings, now - _DAY)
    seen = f"{len(still_open)} dead letters are open"
    seen += "" if lately is None else f", {lately} records were refused in the last 24 hours"
    if not still_open:
        return fine("refusals", seen)
    reasons = sorted({letter.said.reason for letter in still_open})
    return Check(
        name="refusals",
        verdict=Verdict.WARN,
        seen=f"{seen}: {', '.join(reasons[:4])}{' …' if len(reasons) > 4 else ''}",
        remedy="`asm dead-letters stats`; then mend the cause, redrive or drop.",
        page=f"{OPERATIONS}/dead-letters.md",
    )


def disks(settings: Settings, *, embedded: bool) -> Iterator[Check]:
    """See how much room there is for what lies on this machine: the embedded broker, a SQLite file."""
    if embedded and settings.kafka_dir.exists():
        yield _room("disk of the broker", settings.kafka_dir)
    engine = open_engine(_url(settings))
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and file != ":memory:" and Path(file).absolute().parent.exists():
        yield _room("disk of the view", Path(file).absolute().parent)


def _room(name: str, folder: Path) -> Check:
    usage = shutil.disk_usage(folder)
    return judged_room(name, str(folder), usage.free, usage.total)


def judged_room(name: str, folder: str, free: int, total: int) -> Check:
    """Judge how much of a disk is free; bytes."""
    share = free / total
    seen = f"{free / _GIB:.1f} GiB of {total / _GIB:.1f} GiB are free ({share:.0%}) under {folder}"
    if share >= _LEAST_FREE:
        return fine(name, seen)
    return Check(
        name=name,
        verdict=Verdict.FAIL if share < _NO_FREE else Verdict.WARN,
        seen=seen,
        remedy="Make room: a broker without any stops, and a full disk cannot be mended by deleting topics.",
        page=f"{MONITORING}#the-disk-fills",
    )


def _url(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


def _positions(engine: Engine) -> Positions:
    with engine.connect() as sql:
        return {TopicPartition(topic, p): offset for (topic, p), offset in read_positions(sql).items()}


def _refused_since(settings: Settings, instant: datetime) -> int | None:
    engine = open_engine(_url(settings))
    try:
        require_tables(engine)
        with Session(engine) as session:
            count = select(func.count()).select_from(Refusal).where(col(Refusal.received_at) >= instant)
            return session.exec(count).one()
    except Unavailable:
        return None
    finally:
        engine.dispose()
