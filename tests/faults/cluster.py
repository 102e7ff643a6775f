"""Three Kafka nodes on this machine's loopback, each broker and controller, to be killed one by one."""

import os
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.protocol.admin.topics import ElectionType

from infra.kafka.broker import HOST, answers
from infra.kafka.java import fetch_jars, java_command

NODES = (1, 2, 3)
_UP_SECONDS = 60
#: How long a leader lets a follower wait that asks for more: Kafka's replica.fetch.wait.max.ms.
FETCH_WAIT_SECONDS = 0.5
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:cds*=error")
_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=8
offsets.topic.replication.factor=3
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
transaction.max.timeout.ms=900000
min.insync.replicas=2
unclean.leader.election.enable=false
"""
#: A lost node is noticed after three seconds instead of nine, a lost controller after one instead of two.
QUICK = """\
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.fetch.timeout.ms=1000
controller.quorum.election.timeout.ms=500
controller.quorum.election.backoff.max.ms=500
"""


class Cluster:
    """Three nodes under a folder; their addresses outlive a restart.

    :param timing: properties that say how soon a lost node is noticed; Kafka's own where it is empty.
    """

    def __init__(self, home: Path, library: Path, timing: str = QUICK) -> None:
        self._home, self._library, self._timing = home.absolute(), library.absolute(), timing
        ports = _free_ports(2 * len(NODES))
        self._ports = dict(zip(NODES, ports[: len(NODES)], strict=True))
        self._controller_ports = dict(zip(NODES, ports[len(NODES) :], strict=True))
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, that of node 1 first."""
        return ",".join(self._address(node) for node in NODES)

    def up(self) -> "Cluster":
        """Make the folders and start all nodes; return when every one answers."""
        fetch_jars(self._library)
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formatting = [self._formatting(node, cluster_id) for node in NODES]
        assert [process.wait() for process in formatting] == [0] * len(NODES)
        for node in NODES:
            self.start(node)
        self._await(lambda: all(answers(self._address(node)) for node in NODES), "three nodes that answer")
        self._await(lambda: len(self._ask(lambda admin: admin.describe_cluster()["brokers"])) == 3, "three brokers")
        return self

    def down(self) -> None:
        """End all nodes."""
        for node in [node for node in NODES if self.is_up(node)]:
            self.kill(node)

    def start(self, node: int) -> None:
        """Start a node that does not run."""
        folder = self._home / str(node)
        with as_file(files("infra.kafka").joinpath("log4j2.properties")) as logging, (folder / "log").open("ab") as log:
            self._processes[node] = subprocess.Popen(
                [
                    *self._java(),
                    f"-Dlog4j2.configurationFile={logging}",
                    "-cp",
                    f"{self._library}/*",
                    "kafka.Kafka",
                    str(folder / "server.properties"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, node: int) -> None:
        """End a node without warning."""
        self._processes[node].kill()
        self._processes[node].wait()

    @contextmanager
    def frozen(self, *nodes: int) -> Iterator[None]:
        """Stop nodes in their tracks for a while."""
        for node in nodes:
            self._processes[node].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for node in nodes:
                self._processes[node].send_signal(signal.SIGCONT)

    def is_up(self, node: int) -> bool:
        """Whether a node's process lives."""
        return node in self._processes and self._processes[node].poll() is None

    def controller(self) -> int:
        """Return the node that is the active controller."""
        told = self._ask(lambda admin: admin.describe_metadata_quorum())
        return int(told["topics"][0]["partitions"][0]["leader_id"])

    def leaders(self, namespace: str = "") -> Counter[int]:
        """Return how many partitions of a namespace's topics each node leads."""
        return Counter(p["leader_id"] for _, p in self.partitions(namespace))

    def partitions(self, namespace: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Return every partition of a namespace's topics, as the cluster describes it."""
        topics = self._ask(lambda admin: admin.describe_topics())
        return [(t["name"], p) for t in topics if t["name"].startswith(namespace) for p in t["partitions"]]

    def await_in_sync(self) -> None:
        """Wait until every replica of every partition is in sync."""
        self._await(lambda: all(len(p["isr_nodes"]) == 3 for _, p in self.partitions()), "replicas in sync")

    def await_left(self, node: int) -> None:
        """Wait until a node that was killed leads nothing and counts for nothing."""

        def left() -> bool:
            known = [p for _, p in self.partitions()]
            return all(node not in p["isr_nodes"] and p["leader_id"] not in {node, -1} for p in known)

        self._await(left, f"partitions without node {node}")

    def elect_preferred(self) -> None:
        """Give each node the lead of its partitions back."""
        self._ask(lambda admin: admin.elect_leaders(ElectionType.PREFERRED, raise_errors=False))

    def resident_mb(self) -> dict[int, int]:
        """Return the resident memory of each node that runs, in megabytes."""
        pages = {
            node: int(Path(f"/proc/{self._processes[node].pid}/statm").read_text().split()[1])
            for node in NODES
            if self.is_up(node)
        }
        return {node: number * os.sysconf("SC_PAGE_SIZE") >> 20 for node, number in pages.items()}

    def _ask(self, question: Callable[[KafkaAdminClient], Any]) -> Any:
        alive = ",".join(self._address(node) for node in NODES if self.is_up(node))
        until = time.monotonic() + _UP_SECONDS
        while True:
            try:
                admin = KafkaAdminClient(bootstrap_servers=alive, bootstrap_timeout_ms=3000, request_timeout_ms=3000)
                with ExitStack() as stack:
                    stack.callback(admin.close)
                    return question(admin)
            except KafkaError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _UP_SECONDS
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"not within {_UP_SECONDS} s: {what}; logs under {self._home}")
            time.sleep(0.1)

    def _address(self, node: int) -> str:
        return f"{HOST}:{self._ports[node]}"

    def _java(self) -> list[str]:
        archive = self._library / "classes.jsa"
        return [java_command(), *_JVM, *([f"-XX:SharedArchiveFile={archive}"] if archive.exists() else [])]

    def _formatting(self, node: int, cluster_id: str) -> subprocess.Popen[bytes]:
        folder = self._home / str(node)
        folder.mkdir(parents=True)
        properties = folder / "server.properties"
        text = _PROPERTIES + self._timing
        properties.write_text(
            text.format(
                node=node,
                host=HOST,
                port=self._ports[node],
                controller_port=self._controller_ports[node],
                voters=",".join(f"{n}@{HOST}:{port}" for n, port in self._controller_ports.items()),
                data=folder / "data",
            )
        )
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties)]
        with (folder / "log").open("wb") as log:
            command = [*self._java(), "-cp", f"{self._library}/*", *tool]
            return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
