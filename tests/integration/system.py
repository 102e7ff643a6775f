"""A deployment under test: its topics, its workers as processes, what is sent and what comes out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from infra.kafka.connection import Connection
from infra.kafka.topics import apply_topics, topic_names
from infra.settings import Settings
from processors.outputs import ObligationChanged, Output, ScoreChanged
from processors.simulated_world import Timed
from schemas.codec import decode, encode
from schemas.records import ClockSet
from schemas.state import PartitionMark, unpack
from schemas.topics import contract
from streams.admission import milliseconds
from streams.supervisor import asm_command

PARTITIONS = 4
_ALARMING = {"warning", "error", "critical"}


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a read_committed consumer sees it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    timestamp: int
    headers: dict[str, bytes]


class Worker:
    """A worker process and its log."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream)

    def says(self, event: str) -> int:
        """How often the log names an event."""
        return self.log.read_text().count(f'"event": "{event}"')

    def errors(self) -> Counter[str]:
        """How often the log gives each reason to wait, to end or to be started again."""
        told = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        reasons = ((t["event"], t.get("error", t.get("exit_code"))) for t in told if t["level"] in _ALARMING)
        return Counter(f"{event}: {reason}" for event, reason in reasons if reason is not None)

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as an operator does; return the exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def is_frozen(self) -> bool:
        """Whether it is stopped in its tracks."""
        state = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state == "T"

    def wake(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)


class System:
    """One deployment: a namespace on a cluster."""

    def __init__(
        self,
        bootstrap: str,
        namespace: str,
        folder: Path,
        clock: str = "events",
        *,
        replicas: int = 1,
        partitions: int = PARTITIONS,
    ) -> None:
        self.folder = folder
        self.partitions = partitions
        self.environment = {
            "ASM_KAFKA_BOOTSTRAP": bootstrap,
            "ASM_NAMESPACE": namespace,
            "ASM_CLOCK": clock,
            "ASM_PARTITIONS": str(partitions),
            "ASM_LOG_FORMAT": "json",
            "ASM_LOG_LEVEL": "info",
            "ASM_SESSION_TIMEOUT_SECONDS": "8",
            "ASM_DATABASE_URL": f"sqlite:///{folder}/asm.db",
        }
        replication = {"kafka_replication": replicas, "kafka_min_insync": replicas - 1} if replicas > 1 else {}
        self.environment |= {f"ASM_{name.upper()}": str(value) for name, value in replication.items()}
        self.settings = Settings.model_validate(
            {"kafka_bootstrap": bootstrap, "namespace": namespace, "clock": clock, "partitions": partitions}
            | replication
        )
        self.connection = Connection(bootstrap, embedded=True, settings=self.settings)
        self.names = topic_names(self.settings)
        self.workers: list[Worker] = []
        self._others: list[System] = []
        self._producer = self._feed()

    def on_the_wall(self) -> "System":
        """Another deployment, on the wall's clock; it ends with this one."""
        other = System(self.connection.bootstrap, self.settings.namespace + "wall.", self.folder, "wall")
        self._others.append(other)
        return other

    def beside(self, name: str, partitions: int = PARTITIONS) -> "System":
        """Another deployment with topics and logs of its own; it ends with this one."""
        folder = self.folder / name
        folder.mkdir()
        other = System(self.connection.bootstrap, self.settings.namespace + name, folder, partitions=partitions)
        self._others.append(other)
        other.apply_topics()
        return other

    def of_generation(self, name: str) -> "System":
        """The same deployment, as a generation beside the live one sees its topics."""
        other = System(self.connection.bootstrap, self.settings.namespace, self.folder)
        other.names = topic_names(self.settings.model_copy(update={"generation": name}))
        self._others.append(other)
        return other

    def apply_topics(self) -> None:
        """Create the topics."""
        assert apply_topics(self.connection)[1] == []

    def worker(self, *arguments: str, **environment: str) -> Worker:
        """Start a worker process, without a supervisor unless it is asked for."""
        return self._start(asm_command("worker", *(arguments or ("--no-supervise",))), environment)

    def start(self, *arguments: str, **environment: str) -> Worker:
        """Start a command of the command line."""
        return self._start(asm_command(*arguments), environment)

    def start_command(self, command: list[str], **environment: str) -> Worker:
        """Start any command in the deployment's environment."""
        return self._start(command, environment)

    def freezing_worker(self, stage: str, flag: Path) -> Worker:
        """Start a worker that freezes before its first commit of a stage while the file is there."""
        command = [sys.executable, "-m", "tests.integration.faulty", "worker", "--no-supervise"]
        return self._start(command, {"ASM_TEST_FREEZE": f"{stage}:{flag}"})

    def _start(self, command: list[str], environment: dict[str, str]) -> Worker:
        log = self.folder / f"worker-{len(self.workers)}.log"
        started = Worker(command, os.environ | self.environment | environment, log)
        self.workers.append(started)
        return started

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line to its end."""
        return subprocess.run(
            asm_command(*arguments),
            env=os.environ | self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def shell(self, command: str) -> str:
        """Run a command of this machine."""
        return subprocess.run(command.split(), capture_output=True, text=True, check=False).stdout

    def end(self) -> None:
        """End what was started, by its process."""
        for other in self._others:
            other.end()
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.wake()
                worker.kill()
        self._close_feed()

    def send(self, timed: Iterable[Timed[Any]]) -> None:
        """Produce events as received at their instants, and wait until the cluster has them."""
        self.begin_to_send(timed)
        self._producer.flush()

    def _feed(self) -> KafkaProducer:
        return KafkaProducer(bootstrap_servers=self.connection.bootstrap, acks="all", linger_ms=5)

    def _close_feed(self) -> None:
        with suppress(KafkaError):  # a test may have ended on a broker that is away
            self._producer.close(timeout=10)

    def reopen_feed(self) -> None:
        """Send by a new producer: one that was told of an unknown error fails whatever it is given."""
        self._close_feed()
        self._producer = self._feed()

    def meet_topics(self) -> None:
        """Have the producer know every inbound topic, so that it sends also while the cluster is away."""
        for topic in contract().inbound():
            assert self._producer.partitions_for(self.names.of(topic)) == set(range(self.partitions))

    def begin_to_send(self, timed: Iterable[Timed[Any]]) -> list[Any]:
        """Produce events as received at their instants; return the futures of their delivery."""
        return [
            self.send_bytes(
                contract().topic_of(type(item.event).__name__),
                item.event.tin.digits.encode(),
                encode(item.event),
                item.received_at,
            )
            for item in timed
        ]

    def send_bytes(self, topic: str, key: bytes | None, value: bytes, received_at: datetime, **headers: bytes) -> Any:
        """Produce a record whatever it holds; return the future of its delivery."""
        return self._producer.send(
            self.names.of(topic),
            key=key,
            value=value,
            timestamp_ms=milliseconds(received_at),
            headers=list(headers.items()),
        )

    def set_clock(self, instant: datetime) -> None:
        """Move the simulated clock; what was sent before stands below."""
        self._producer.flush()
        value = encode(ClockSet(instant=instant))
        self._producer.send(self.names.of("asm.clock.v1"), value=value, timestamp_ms=milliseconds(instant))
        self._producer.flush()

    def read(self, topic: str, isolation: str = "read_committed") -> list[Record]:
        """Every record of a topic that a reader sees now, by partition and offset."""
        return list(self._read(self.names.of(topic), isolation))

    def outputs(self, topic: str) -> list[Output]:
        """Every output on a topic."""
        return [decode(record.value) for record in self.read(topic)]

    def journal(self) -> list[Record]:
        """The journal."""
        return self.read("asm.journal.v1")

    def marks(self) -> dict[int, PartitionMark]:
        """How far the state of each partition is."""
        records = self.read("asm.state.{generation}.v1")
        return {r.partition: unpack(r.value, PartitionMark) for r in records if r.key == b"@partition"}

    def await_tick(self, instant: datetime, seconds: float = 60) -> None:
        """Wait until every partition has been assessed as of an instant."""

        def ticked() -> bool:
            marks = self.marks()
            return len(marks) == self.partitions and all(
                m.as_of is not None and m.as_of >= instant for m in marks.values()
            )

        await_that(ticked, seconds, f"the tick of {instant.isoformat()}")

    def scores(self) -> dict[tuple[str, int], ScoreChanged]:
        """The score last announced of each participant and year."""
        told = [o for o in self.outputs("asm.scores.v1") if isinstance(o, ScoreChanged)]
        return {(o.npi, o.performance_year): o for o in told}

    def obligations(self) -> dict[str, ObligationChanged]:
        """The obligation last announced of each id."""
        told = [o for o in self.outputs("asm.compliance.v1") if isinstance(o, ObligationChanged)]
        return {o.obligation_id: o for o in told}

    def _read(self, topic: str, isolation: str) -> Iterator[Record]:
        consumer = KafkaConsumer(
            bootstrap_servers=self.connection.bootstrap,
            isolation_level=isolation,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions)
            while any(consumer.position(tp) < end for tp, end in ends.items()):
                for records in consumer.poll(timeout_ms=200).values():
                    for r in records:
                        yield Record(r.partition, r.offset, r.key, r.value, r.timestamp, dict(r.headers))
        finally:
            consumer.close()


def await_that(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition holds, at most so long."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)
