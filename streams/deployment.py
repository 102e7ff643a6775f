"""A deployment of its own for one play: broker, topics, worker and projector, all ended with it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kafka import TopicPartition
from pydantic import SecretStr
from sqlmodel import Session

from infra.database.engine import create_tables, open_engine, read_positions
from infra.errors import Unavailable
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.connection import Connection
from infra.kafka.reading import reader
from infra.kafka.topics import admin, apply_topics, journal_partitions, topic_names
from infra.settings import Settings
from schemas.state import PartitionMark, unpack
from schemas.topics import TopicNames, contract
from streams.projection import READ_TOPICS
from streams.state import MARK_KEY, STATE
from streams.supervisor import asm_command

_PATIENCE_SECONDS = 120
_STOP_SECONDS = 20
_VIEW_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Program:
    """A process that was started, and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Deployment:
    """What runs for a play: starts in :meth:`open`, ends in :meth:`close`, whatever happened between."""

    def __init__(self, settings: Settings, database: Path) -> None:
        self._home = settings.kafka_dir / "demo"
        self._library = settings.kafka_dir / "lib"
        self.database = database
        self.settings = settings.model_copy(
            update={
                "clock": "events",
                "namespace": f"{settings.namespace}demo-{os.getpid()}-{int(time.time())}.",
                "database_url": SecretStr(f"sqlite:///{database}"),
                "log_format": "json",
            }
        )
        self._broker: EmbeddedBroker | None = None
        self._programs: list[Program] = []
        self._clients = ExitStack()
        self._as_of: dict[int, datetime] = {}

    def open(self, say: Callable[[str], None]) -> None:
        """Start the broker, make the topics, start worker and projector.

        :raises Unavailable: a machine is missing; says which.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        for ending in ("", "-wal", "-shm"):
            self.database.with_name(self.database.name + ending).unlink(missing_ok=True)
        bootstrap = self.settings.kafka_bootstrap
        if bootstrap is None:
            self._broker = EmbeddedBroker(self._home, self._library)
            self._broker.down()  # of a play that was killed
            shutil.rmtree(self._home / "data", ignore_errors=True)
            bootstrap = self._broker.up(0, say).bootstrap
        self.connection = Connection(bootstrap, embedded=self._broker is not None, settings=self.settings)
        created, left = apply_topics(self.connection)
        if left:
            raise Unavailable(f"{left[0].topic} {left[0].what}")
        say(f"A real Kafka at {bootstrap}, {len(created)} topics.")
        self.engine = open_engine(self.settings.database_url.get_secret_value())
        create_tables(self.engine)
        self._programs = [
            self._started("worker", "--no-supervise", "--supervised"),
            self._started("project", "--supervised"),
        ]
        self._partitions = journal_partitions(self.connection)
        self._marks = self._clients.enter_context(reader(self.connection, self.names.of(STATE)))
        outputs = (self.names.of(name) for name in READ_TOPICS)
        self._outputs = self._clients.enter_context(reader(self.connection, *outputs))

    @property
    def names(self) -> TopicNames:
        """The names of the topics here."""
        return topic_names(self.settings)

    def close(self) -> None:
        """End what was started, by its process."""
        for program in self._programs:
            program.process.terminate()
        for program in self._programs:
            try:
                program.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                program.process.kill()
                program.process.wait()
        self._clients.close()
        if self._broker is not None:
            self._broker.down()
            shutil.rmtree(self._home / "data", ignore_errors=True)
        elif self._programs:
            with admin(self.connection) as client:
                client.delete_topics([self.names.of(name) for name in contract().topics])

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line in this deployment to its end."""
        return subprocess.run(  # noqa: S603 - this program itself
            asm_command(*arguments),
            env=os.environ | self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )

    def session(self) -> Session:
        """Return a session on the SQL view."""
        return Session(self.engine)

    def await_tick(self, instant: datetime) -> None:
        """Wait until everything received before an instant is assessed as of it, and in the SQL view.

        :raises Unavailable: one of the programs ended, or it takes too long.
        """
        self._await(lambda: len(self._ticked(instant)) == self._partitions, f"the tick of {instant.isoformat()}")
        ends = self._outputs.end_offsets(list(self._outputs.assignment()))
        until = time.monotonic() + _VIEW_SECONDS
        while not self._is_projected(ends) and time.monotonic() < until:
            time.sleep(0.02)

    def _ticked(self, instant: datetime) -> list[int]:
        for records in self._marks.poll(timeout_ms=50, max_records=5000).values():
            for record in records:
                mark = unpack(record.value, PartitionMark) if record.key == MARK_KEY else None
                if mark is not None and mark.as_of is not None:
                    self._as_of[record.partition] = mark.as_of
        return [partition for partition, as_of in self._as_of.items() if as_of >= instant]

    def _is_projected(self, ends: Mapping[TopicPartition, int]) -> bool:
        with self.engine.connect() as sql:
            read = read_positions(sql)
        # the last record is the mark of a transaction, which nobody reads
        return all(read.get((tp.topic, tp.partition), 0) >= end - 1 for tp, end in ends.items())

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            for program in self._programs:
                if program.process.poll() is not None:
                    raise Unavailable(f"The {program.name} ended ({program.process.returncode}); see {program.log}.")
            if time.monotonic() > until:
                logs = ", ".join(str(program.log) for program in self._programs)
                raise Unavailable(f"Waited {_PATIENCE_SECONDS} s for {what}; see {logs}.")

    def _started(self, name: str, *arguments: str) -> Program:
        log = self._home / f"{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - this program itself
                asm_command(name, *arguments),
                env=os.environ | self._environment(),
                stdin=subprocess.PIPE,  # it ends with us, even if we are killed
                stdout=stream,
                stderr=stream,
                start_new_session=True,  # Ctrl-C at the terminal ends the demo, which ends them
            )
        return Program(name, process, log)

    def _environment(self) -> dict[str, str]:
        return {
            "ASM_KAFKA_BOOTSTRAP": self.connection.bootstrap,
            "ASM_CLOCK": self.settings.clock,
            "ASM_NAMESPACE": self.settings.namespace,
            "ASM_DATABASE_URL": self.settings.database_url.get_secret_value(),
            "ASM_LOG_FORMAT": "json",
            "ASM_HTTP_PORT": "",  # one port is not for two programs
        }
