"""The embedded broker: a real Apache Kafka, one node in KRaft mode, on this machine's loopback, without Docker."""

import json
import os
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.java import fetch_jars, java_command

HOST = "127.0.0.1"
_READY_SECONDS = 60
_STOP_SECONDS = 20
_JVM = ("-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:cds*=error")
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
delete.topic.enable=true
offsets.topic.num.partitions=8
offsets.retention.minutes=525600
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# up again in three seconds after kill -9, not eleven
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
transaction.max.timeout.ms=900000
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A broker that was started: its process and ports."""

    pid: int
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        """The address that clients connect to."""
        return f"{HOST}:{self.port}"


class EmbeddedBroker:
    """The broker whose data, log and jars lie under a folder."""

    def __init__(self, home: Path, library: Path | None = None) -> None:
        self._home = home.absolute()
        self._library = (library or home / "lib").absolute()
        self._state = self._home / "broker.json"
        self.log = self._home / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def running(self) -> Running | None:
        """Return the broker that runs from this folder, or None."""
        known = self._last()
        return known if known is not None and self._is_ours(known.pid) else None

    def up(self, port: int = 0, say: Callable[[str], None] = lambda _: None) -> Running:
        """Start the broker unless it runs, and wait until it answers.

        :raises Unavailable: no Java, no Maven, a taken port, or a broker that does not come up; says what to do.
        """
        running = self.running()
        if running is not None:
            self._await_ready(running)
            return running
        java = java_command()
        self._home.mkdir(parents=True, exist_ok=True)
        if not self._library.exists():
            say("Fetching Apache Kafka by Maven, once ...")
        fetch_jars(self._library)
        ports = self._ports(port)
        self._write_properties(*ports)
        self._format(java)
        started = self._start(java, *ports)
        self._await_ready(started)
        return started

    def down(self) -> bool:
        """Stop the broker that runs from this folder; say whether one did."""
        running = self.running()
        if running is None:
            return False
        os.kill(running.pid, signal.SIGTERM)
        if not self._ended(running.pid, _STOP_SECONDS):
            os.kill(running.pid, signal.SIGKILL)
            self._ended(running.pid, _STOP_SECONDS)
        if self._process is not None:
            self._process.wait()
        return True

    def _last(self) -> Running | None:
        try:
            return Running(**json.loads(self._state.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _is_ours(self, pid: int) -> bool:
        return str(self._home / "server.properties") in _command_of(pid)

    def _ports(self, port: int) -> tuple[int, int]:
        """Take the configured port, else the last ones where they are free, so that an address outlives a restart."""
        last = self._last()
        wanted = (port or (last.port if last else 0), last.controller_port if last else 0)
        if port and not _is_free(port):
            raise Unavailable(f"Port {port} is taken by another program; set ASM_KAFKA_PORT to a free one, or to 0.")
        return tuple(p if p and _is_free(p) else _free_port() for p in wanted)  # type: ignore[return-value]

    def _write_properties(self, port: int, controller_port: int) -> None:
        text = _PROPERTIES.format(host=HOST, port=port, controller_port=controller_port, data=self._home / "data")
        (self._home / "server.properties").write_text(text)

    def _format(self, java: str) -> None:
        if (self._home / "data" / "meta.properties").exists():
            return
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        properties = str(self._home / "server.properties")
        arguments = [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster_id}",
            "-c",
            properties,
        ]  # may begin "-"
        told = subprocess.run(  # noqa: S603 - our own command line
            [java, *_JVM, "-cp", f"{self._library}/*", *arguments], capture_output=True, text=True, check=False
        )
        if told.returncode != 0:
            raise Unavailable(f"The broker's folder {self._home} could not be made: {told.stderr or told.stdout}")

    def _start(self, java: str, port: int, controller_port: int) -> Running:
        if self._process is not None:
            self._process.wait()  # it ended by itself
        with as_file(files("infra.kafka").joinpath("log4j2.properties")) as logging, self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [
                    java,
                    *_JVM,
                    self._class_archive(),
                    f"-Dlog4j2.configurationFile={logging}",
                    "-cp",
                    f"{self._library}/*",
                    "kafka.Kafka",
                    str(self._home / "server.properties"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the terminal is not for the broker
            )
        started = Running(pid=self._process.pid, port=port, controller_port=controller_port)
        self._state.write_text(json.dumps(asdict(started)))
        return started

    def _class_archive(self) -> str:
        """Start from the archive of loaded classes, twice as fast; the first broker writes it when it is stopped."""
        archive = self._library / "classes.jsa"
        return f"-XX:{'SharedArchiveFile' if archive.exists() else 'ArchiveClassesAtExit'}={archive}"

    def _await_ready(self, running: Running) -> None:
        until = time.monotonic() + _READY_SECONDS
        while not answers(running.bootstrap):
            if not _is_alive(running.pid):
                raise Unavailable(f"The broker ended as it started. Its log {self.log} ends:\n{self._log_end()}")
            if time.monotonic() > until:
                raise Unavailable(f"The broker does not answer after {_READY_SECONDS} s; its log is {self.log}.")
            time.sleep(0.05)

    def _log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines[-12:] if line.strip())

    def _ended(self, pid: int, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            _reap(pid)
            if not self._is_ours(pid):
                return True
            time.sleep(0.05)
        return False


def _command_of(pid: int) -> str:
    """Return the command line of a process that lives, else nothing; a zombie has none."""
    try:
        if Path("/proc/self").exists():
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        told = subprocess.run(  # noqa: S603
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - ps of this machine
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return told.stdout


def answers(bootstrap: str) -> bool:
    """Say whether a broker answers a question about the cluster."""
    host, port = bootstrap.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=0.2):
            pass
        client = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=1000, request_timeout_ms=2000)
    except (OSError, KafkaError):
        return False
    try:
        return bool(client.describe_cluster().get("brokers"))
    except KafkaError:
        return False
    finally:
        client.close()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_alive(pid: int) -> bool:
    _reap(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _reap(pid: int) -> None:
    """Collect the broker if it is our own child, so that it does not linger as a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
