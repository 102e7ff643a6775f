"""The peers: what starts each of them, and what its outputs must come to."""

import asyncio
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from bench.engines.claims import Totals
from bench.engines.cluster import Cluster, read
from bench.engines.measuring import Trial, WrongResult
from bench.engines.prepared import CLAIMS, SHORT, Prepared
from bench.peers.work import READY, Codec, Job
from infra.errors import Unavailable

ROOT = Path(__file__).parents[2]
_PEERS = ROOT / "bench" / "peers"
#: Where the peers' own libraries lie, which are none of the product's.
LIBRARIES = ROOT / ".peers"
_SCHEMA = ROOT / "schemas" / "ClaimReceived" / "v1.avsc"
POM = _PEERS / "kafka-streams" / "pom.xml"
_JARS = LIBRARIES / "kafka-streams"
_PYTHON = LIBRARIES / "bin" / "python"
_MAVEN_SECONDS = 600
QUIX = "3.28.1"

Command = Callable[[Job], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One engine, or one setting of it, at the common work of the peers.

    ``short``: it is given the first of the claims alone, since it would take minutes over all of them.
    """

    name: str
    note: str
    command: Command
    variant: str = ""
    short: bool = False

    def trial(self, prepared: Prepared, cluster: Cluster, run: int) -> Trial:
        """Return a run over the inbound claims, with outputs, changelog and group of its own."""
        run_name = f"bench.{self.name}.{run}.{uuid.uuid4().hex[:6]}"
        topic = SHORT if self.short else CLAIMS
        job = Job(
            bootstrap=cluster.bootstrap,
            topic=topic,
            group=run_name,
            outputs=f"{run_name}.outputs",
            changelog=f"{run_name}.changelog",
            events=prepared.short_events if self.short else prepared.events,
            folder=str(prepared.folder / run_name),
            schema=str(_SCHEMA),
            variant=self.variant,
        )
        cluster.create(job.outputs)
        cluster.create(job.changelog, cleanup_policy="compact")
        wanted = prepared.short_totals if self.short else prepared.totals
        return Trial(
            command=self.command(job),
            environment={"PYTHONPATH": str(ROOT)},
            ready=READY,
            readies=1,
            group=job.group,
            ends=cluster.ends(topic),
            events=job.events,
            check=lambda: asyncio.run(_check(job, wanted)),
        )


def in_python(module: str, interpreter: Path = Path(sys.executable)) -> Command:
    """Return what starts a peer that is a module of ``bench.peers``."""
    return lambda job: [str(interpreter), "-m", f"bench.peers.{module}", json.dumps(asdict(job))]


def in_java(guarantee: str, *, cache: str) -> Command:
    """Return what starts Kafka Streams with a guarantee, its record cache ``on`` or ``off``."""

    def command(job: Job) -> Sequence[str]:
        told = asdict(job) | {"guarantee": guarantee, "cache": cache, "totals": str(_PEERS / "totals.avsc")}
        classes = f"{POM.with_name('target') / 'classes'}:{_JARS}/*"
        return ["java", "-cp", classes, "ClaimTotals", *(f"{name}={value}" for name, value in told.items())]

    return command


def prepare_libraries() -> None:
    """Bring the peers' own libraries, once: Quix Streams by pip, Kafka Streams by Maven.

    :raises Unavailable: there is no Maven, or one of the two failed.
    """
    if not any(LIBRARIES.glob(f"lib/python*/site-packages/quixstreams-{QUIX}.dist-info")):
        pip = [str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([sys.executable, "-m", "venv", str(LIBRARIES)])
        _run([*pip, f"quixstreams=={QUIX}", f"fastavro=={version('fastavro')}"])
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("There is no Maven (mvn) on this machine, and Kafka Streams comes by it.")
    goals = ["compiler:compile", "dependency:copy-dependencies"]
    _run([maven, "-B", "-q", "-f", str(POM), *goals, f"-DoutputDirectory={_JARS}", "-DincludeScope=runtime"])


def _run(command: Sequence[str]) -> None:
    told = subprocess.run(  # noqa: S603 - commands of the benchmark
        command, capture_output=True, text=True, check=False, timeout=_MAVEN_SECONDS
    )
    if told.returncode:
        raise Unavailable(f"{' '.join(command[:4])} failed: {told.stdout[-500:]}{told.stderr[-500:]}")


async def _check(job: Job, wanted: Totals) -> int:
    """Compare the last totals of each clinician with those of a one-pass fold; return how many records were written."""
    codec, outputs = Codec(job), 0
    last: dict[tuple[str, str], tuple[int, int]] = {}
    async for record in read(job.bootstrap, job.outputs):
        owner, totals = codec.read_totals(record.value)
        last[owner] = totals
        outputs += 1
    if last != wanted:
        claims = sum(number for number, _ in last.values())
        raise WrongResult(f"totals are not those of the claims: {len(last)} clinicians, {claims} distinct claims")
    return outputs


_PER_EVENT = "an output per event"
ORDINARY: tuple[Peer, ...] = (
    Peer(
        name="faust",
        note=f"{_PER_EVENT}; tables in memory; the first of the claims alone",
        command=in_python("faust_table"),
        short=True,
    ),
    Peer(name="quix", note=f"{_PER_EVENT}; RocksDB", command=in_python("quix", _PYTHON)),
    Peer(
        name="kafka-streams-cache-on",
        note=f"{_PER_EVENT}; RocksDB behind a record cache of 128 MiB, changelog conflated",
        command=in_java("at_least_once", cache="on"),
    ),
    Peer(
        name="kafka-streams-cache-off",
        note=f"{_PER_EVENT}; RocksDB, a changelog record per event and state",
        command=in_java("at_least_once", cache="off"),
    ),
    Peer(
        name="kafka-streams-exactly-once",
        note=f"{_PER_EVENT}; RocksDB behind a record cache of 128 MiB; transactions each 100 ms, its default",
        command=in_java("exactly_once_v2", cache="on"),
    ),
    Peer(
        name="aiokafka-bare",
        note="no framework, recovery or transaction; an output per touched clinician and fetched batch; in memory",
        command=in_python("bare"),
    ),
    Peer(
        name="aiokafka-bare-per-event",
        note=f"the same with {_PER_EVENT}",
        command=in_python("bare"),
        variant="per-event",
    ),
)
