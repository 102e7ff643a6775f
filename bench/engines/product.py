"""This system: its worker as a process, assessment over the prepared journal, or admission of the same claims."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiokafka import TopicPartition

from bench.engines.cluster import PARTITIONS, Cluster, commit, fill, read
from bench.engines.deployment import Deployment
from bench.engines.measuring import Trial, WrongResult
from bench.engines.prepared import Prepared
from infra.kafka.groups import delete_group
from infra.kafka.topics import JOURNAL
from processors.traces import Traces
from schemas.packed_ledger import LedgerRecord
from schemas.state import unpack
from streams.groups import admission_group, assessment_group
from streams.rows import Row
from streams.supervisor import asm_command

_TAKEN_OVER = '"event": "partition_taken_over"'
_CLAIMS = "asm.claims.v1"
_OUTPUTS = ("asm.scores.v1", "asm.compliance.v1", "asm.findings.v1")
_STATE = "asm.state.{generation}.v1"

Begins = Mapping[str, Mapping[TopicPartition, int]]


@dataclass(frozen=True, slots=True)
class Assessment:
    """Journal -> state and outputs; each run is a generation of its own that knows the roster already."""

    name = "asm-streams"
    note = (
        "more than the peers: the whole fold of a claim (versions, contents, packed ledgers with lines and traces), an "
        "assessment of each touched clinician, fenced transactions; less: outputs and state once per touched key and "
        "transaction, not per event; states in memory, not in RocksDB; reads the journal, not the inbound topic"
    )

    def roster_trial(self, live: Deployment, cluster: Cluster) -> Trial:
        """Return what has the first generation fold the roster, which is all that the journal holds then."""
        deployment = _generation(live, 0)
        deployment.create_topics()
        return _worker("assessment", deployment, cluster, (assessment_group(deployment.settings), JOURNAL))

    def copy_roster(self, live: Deployment, cluster: Cluster, run: int) -> None:
        """Give another generation the state and the offsets of the first, which has folded the roster."""
        first, other = _generation(live, 0), _generation(live, run)
        other.create_topics()
        asyncio.run(_copy(cluster, first.names.of(_STATE), other.names.of(_STATE)))
        ends = cluster.ends(live.names.of(JOURNAL))
        asyncio.run(commit(cluster.bootstrap, assessment_group(other.settings), ends))

    def trial(self, prepared: Prepared, cluster: Cluster, run: int) -> Trial:
        """Return a run over the journal's claims."""
        deployment = _generation(prepared.assessment, run)
        begins = {(topic := deployment.names.of(name)): cluster.ends(topic) for name in _OUTPUTS}

        def check() -> int:
            found = asyncio.run(_claims_kept(cluster, deployment.names.of(_STATE)))
            _must_be(found, prepared, "distinct claims in the state")
            return asyncio.run(_written(cluster, begins))

        trial = _worker("assessment", deployment, cluster, (assessment_group(deployment.settings), JOURNAL))
        return replace(trial, events=prepared.events, check=check)


@dataclass(frozen=True, slots=True)
class Admission:
    """Inbound topic -> journal; each run begins at the beginning."""

    name = "asm-streams-admission"
    note = "another work: every record decoded, checked and copied to the journal in a transaction; no state"

    def trial(self, prepared: Prepared, cluster: Cluster, _run: int) -> Trial:
        """Return a run over the inbound claims."""
        deployment = prepared.admission
        group = admission_group(deployment.settings)
        delete_group(deployment.connection, group)
        journal = deployment.names.of(JOURNAL)
        begins = {journal: cluster.ends(journal)}

        def check() -> int:
            outputs = asyncio.run(_written(cluster, begins))
            if outputs != prepared.events:
                raise WrongResult(f"{outputs} records in the journal, {prepared.events} were sent")
            return outputs

        return replace(_worker("admission", deployment, cluster, (group, _CLAIMS)), events=prepared.events, check=check)


def _generation(live: Deployment, run: int) -> Deployment:
    return replace(live, generation=f"run-{run}")


def _worker(stage: str, deployment: Deployment, cluster: Cluster, reads: tuple[str, str]) -> Trial:
    """Return a run of a stage's worker up to the end of the topic that its group reads."""
    group, topic = reads
    return Trial(
        command=asm_command("worker", "--only", stage, "--no-supervise"),
        environment=deployment.environment,
        ready=_TAKEN_OVER,
        readies=PARTITIONS,
        group=group,
        ends=cluster.ends(deployment.names.of(topic)),
        events=0,
        check=lambda: 0,
    )


async def _copy(cluster: Cluster, topic: str, to: str) -> None:
    """Append the committed records of a topic to another, partition by partition."""
    rows = [(r.partition, Row(key=r.key, value=r.value)) async for r in read(cluster.bootstrap, topic)]
    await fill(cluster.bootstrap, to, rows)


async def _claims_kept(cluster: Cluster, topic: str) -> int:
    """Return how many distinct claims the ledgers of a state topic hold."""
    latest = {record.key: record.value async for record in read(cluster.bootstrap, topic)}
    ledgers = (unpack(value, LedgerRecord) for key, value in latest.items() if key.startswith(b"ledger/"))
    return sum(len(each.claims) + len(Traces(each.traces)) + len(each.disputed) for each in ledgers)


async def _written(cluster: Cluster, begins: Begins) -> int:
    """Return how many records with a key were committed to topics since these offsets."""
    return sum([record.key is not None for t, b in begins.items() async for record in read(cluster.bootstrap, t, b)])


def _must_be(found: int, prepared: Prepared, what: str) -> None:
    wanted = sum(number for number, _ in prepared.totals.values())
    if found != wanted:
        raise WrongResult(f"{found} {what}, {wanted} were sent")
