"""Outputs -> SQL: what was last said of each thing, and every revision of it.

A view: its offsets are in the transaction of its rows, so that after any crash it goes on exactly where its rows end;
``rebuild`` makes the same rows again, and readers see the old ones until that is done.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from hashlib import sha256
from time import perf_counter
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import SQLModel

from infra.database import tables
from infra.database.engine import clear, keep_all, keep_latest, read_positions, unreachable
from infra.errors import Unavailable
from infra.feeds import read_feeds
from infra.kafka.connection import Connection
from infra.kafka.reading import Pulse, reader
from infra.kafka.topics import topic_names
from infra.log import Log
from processors.outputs import FindingChanged, ObligationChanged, ScoreChanged, StandingChanged
from schemas.codec import decode
from schemas.plain import to_avro
from schemas.recalculations import (
    GenerationRecorded,
    PartitionRecalculated,
    RecalculationCompleted,
    RecalculationStarted,
)
from schemas.records import AlertAcknowledged, HealthChanged, OperationRecorded, Refusal
from streams.feed_watch import FeedWatch
from streams.generations import operations
from streams.projection_progress import ProjectionProgress
from streams.switching import Switch
from streams.waiting import Patience
from streams.watermark_watch import WatermarkWatch

READ_TOPICS = (
    "asm.scores.v1",
    "asm.compliance.v1",
    "asm.findings.v1",
    "asm.standings.v1",
    "asm.refusals.v1",
    "asm.health.v1",
    "asm.operations.v1",
)
_WHOLE: Mapping[type[object], tuple[type[SQLModel], ...]] = {
    Refusal: (tables.Refusal,),
    HealthChanged: (tables.Health,),
    StandingChanged: (tables.Standing, tables.StandingHistory),
    AlertAcknowledged: (tables.Acknowledgement,),
}
_ALL_KEPT = frozenset(
    {tables.ScoreHistory, tables.ObligationHistory, tables.FindingHistory, tables.StandingHistory, tables.Refusal}
)
_FOR_OTHERS = (
    OperationRecorded,
    GenerationRecorded,
    RecalculationStarted,
    PartitionRecalculated,
    RecalculationCompleted,
)
_POLL_MS = 200
_MOST_RECORDS = 5000


def rows_of(said: object) -> list[tuple[type[SQLModel], dict[str, Any]]]:
    """Return the rows, by table, that an output comes to."""
    row: dict[str, Any] = {n: v.replace("\0", "") if isinstance(v, str) else v for n, v in to_avro(said).items()}
    whole = _WHOLE.get(type(said))
    if whole is not None:
        return [(table, row) for table in whole]
    if isinstance(said, _FOR_OTHERS):
        return []  # who wants them reads the topic
    cause = row.pop("cause")
    row |= {f"cause_{name}": cause[name] for name in ("type", "source", "event_id", "journal_offset")}
    if isinstance(said, ScoreChanged):
        return [(tables.Score, row), (tables.ScoreHistory, row)]
    if isinstance(said, ObligationChanged):
        return [(tables.Obligation, row), (tables.ObligationHistory, row)]
    if isinstance(said, FindingChanged):
        event = row.pop("event")
        row |= {f"event_{name}": event[name] for name in ("source", "origin")}
        row |= {"event_id": event["event_id"], "finding_id": _finding_id(said)}
        return [(tables.Finding, row), (tables.FindingHistory, row)]
    raise TypeError(f"no table for {type(said).__name__}")


def _finding_id(said: FindingChanged) -> str:
    parts = (said.tin.digits, said.npi, said.performance_year, said.event.source, said.event.event_id, said.code)
    return sha256("\x1f".join(str(part) for part in (*parts, said.field)).encode()).hexdigest()[:32]


def write_rows(connection: SqlConnection, said: Iterable[object]) -> Counter[str]:
    """Write what outputs come to, each table at a time; return the number of rows by table."""
    by_table: defaultdict[type[SQLModel], list[dict[str, Any]]] = defaultdict(list)
    for output in said:
        for table, row in rows_of(output):
            by_table[table].append(row)
    for table, rows in by_table.items():
        keep = keep_all if table in _ALL_KEPT else keep_latest
        keep(connection, table, rows)
    return Counter({str(table.__tablename__): len(rows) for table, rows in by_table.items()})


def _each(looks: Iterable[Callable[[], None]]) -> None:
    for look in looks:
        look()


class Projector:
    """Reads the outputs of a generation into a database.

    :param progress: told after each batch how many records were read in all and how many are left to read.
    :raises FeedsFileError: the file of expected feeds cannot be used.
    """

    def __init__(
        self,
        connection: Connection,
        engine: Engine,
        progress: Callable[[int, int], None] = lambda _read, _left: None,
        patience: Patience | None = None,
    ) -> None:
        self._connection = connection
        self._engine = engine
        self._progress = progress
        self._patience = patience or Patience(connection.settings.unavailable_limit_seconds)
        self._feeds = read_feeds(connection.settings.feeds_file)
        self._log = Log(database=engine.url.get_backend_name())
        self._told = ProjectionProgress(connection.settings, READ_TOPICS, self._log)
        names = topic_names(connection.settings)
        self._switch = Switch(
            {names.of(name): name for name in READ_TOPICS},
            partial(operations, connection),
            connection.settings.unavailable_limit_seconds,
        )
        self.records_read = 0

    @property
    def stopping(self) -> bool:
        """Whether the process is told to stop."""
        return self._patience.stopping

    def run(self, *, once: bool) -> None:
        """Read until told to stop; ``once``: until all is read that was there at the start.

        What fails for the database's sake is tried again, from the offsets that the database has.

        :raises GivenUp: the database did not answer, or took nothing, up to the limit.
        :raises Unavailable: the broker does not answer, or its topics are missing.
        """
        self._log.info("projection_started")
        with self._reader() as consumer, self._watching(once=once) as look:
            self._follow(consumer, look, once=once)

    def rebuild(self) -> bool:
        """Delete every row and read all again up to now, in one transaction; False if it was told to stop."""
        with self._reader() as consumer, self._engine.begin() as sql:
            clear(sql)
            self._seek(consumer, {})
            self._switch.pass_all()  # all is one transaction
            self._read_to_end(Pulse(consumer), sql, lambda: None)
            if self.stopping:
                sql.rollback()
        return not self.stopping

    @contextmanager
    def _watching(self, *, once: bool) -> Iterator[Callable[[], None]]:
        """Yield what looks after clocks and feeds; on a simulated clock both stand still by right."""
        if once or self._connection.settings.clock == "events":
            yield lambda: None
            return
        with ExitStack() as opened:
            looks = [opened.enter_context(WatermarkWatch(self._connection)).look]
            if self._feeds:
                looks.append(opened.enter_context(FeedWatch(self._connection, self._feeds)).look)
            yield partial(_each, looks)

    def _follow(self, consumer: KafkaConsumer, look: Callable[[], None], *, once: bool) -> None:
        pulse = Pulse(consumer)
        while not self.stopping:
            try:
                with self._engine.connect() as sql:
                    self._seek(consumer, read_positions(sql))
                    consumer.resume(*self._switch.begin())
                    self._told.reading(consumer)
                    self._read_to_end(pulse, sql, sql.commit)
                    self._told.caught_up(consumer)
                    self._log.info("projection_caught_up", records=self.records_read)
                    self._patience.worked()
                    if once:
                        return
                    while not self.stopping:
                        self._step(pulse, sql, sql.commit)
                        look()
            except OperationalError as error:
                detail = str(unreachable(self._engine, error))
                wait = self._patience.missed(detail)
                self._log.warning(
                    "projection_waiting", detail=detail, waited_seconds=round(wait.waited, 1), seconds=wait.pause
                )
                self._told.waiting(consumer)
                look()
                self._patience.rest(wait.pause)
            except DBAPIError as error:
                raise Unavailable(f"The database does not take what was said ({type(error.orig).__name__}).") from error

    def _read_to_end(self, pulse: Pulse, sql: SqlConnection, after_each: Callable[[], object]) -> None:
        consumer = pulse.consumer
        ends = consumer.end_offsets(list(consumer.assignment()))
        while not self.stopping and (left := self._left(consumer, ends)):
            self._step(pulse, sql, after_each)
            self._progress(self.records_read, left)

    def _step(self, pulse: Pulse, sql: SqlConnection, commit: Callable[[], object]) -> None:
        """Write a batch and how far it is read, and commit them together."""
        batches = pulse.poll(_POLL_MS, _MOST_RECORDS)
        started = perf_counter()
        found = {tp: [(record, decode(record.value)) for record in batch] for tp, batch in batches.items()}
        read = self._switch.sift(pulse.consumer, found)
        said = [word for batch in read.values() for _, word in batch]
        rows = write_rows(sql, said)
        positions = [
            {"topic": tp.topic, "partition": tp.partition, "next_offset": batch[-1][0].offset + 1}
            for tp, batch in read.items()
        ]
        keep_latest(sql, tables.ReadPosition, positions)
        if not self._switch.writing:
            commit()
        self.records_read += len(said)
        written = {tp: [record for record, _ in batch] for tp, batch in read.items()}
        self._told.wrote(written, rows, perf_counter() - started)
        self._told.note(said)
        self._told.look(pulse.consumer)

    def _left(self, consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
        """Return how many offsets are left to read, of what is not held back."""
        held = self._switch.held
        return sum(max(0, end - consumer.position(tp)) for tp, end in ends.items() if tp not in held)

    def _reader(self) -> AbstractContextManager[KafkaConsumer]:
        names = topic_names(self._connection.settings)
        return reader(self._connection, *(names.of(name) for name in READ_TOPICS))

    def _seek(self, consumer: KafkaConsumer, positions: Mapping[tuple[str, int], int]) -> None:
        for tp in consumer.assignment():
            known = positions.get((tp.topic, tp.partition))
            if known is None:
                consumer.seek_to_beginning(tp)
            else:
                consumer.seek(tp, known)
