"""Three brokers, replication 3, two in sync at least: a lost leader and a lost controller lose and double nothing."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.partitioning import partition_of
from schemas.topics import contract
from tests.faults.cluster import FETCH_WAIT_SECONDS, NODES, Cluster
from tests.faults.failover import FailoverPlan, run_failover, system_on
from tests.faults.feeding import Feed, judge_feed
from tests.faults.oracles import Verdict
from tests.faults.world import large_world
from tests.integration.conftest import JARS
from tests.integration.system import PARTITIONS, await_that

pytestmark = pytest.mark.integration
#: On a slow machine an owner may lose its partition, and end. A delivery or a request that failed is no reason to.
MOVED = {"partition_failed: Overtaken", "partition_failed: ProducerFenced", "worker_restarting: 75"}
WORLD = large_world(3, 20, 2)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    three = Cluster(tmp_path_factory.mktemp("cluster"), JARS)
    try:
        yield three.up()
    finally:
        three.down()


def test_a_lost_leader_and_a_lost_controller_lose_nothing_and_double_nothing(cluster: Cluster, tmp_path: Path) -> None:
    plan = FailoverPlan(seed=3, rounds=1, per_second=30)
    outcome = run_failover(WORLD, plan, cluster, tmp_path)
    assert outcome.verdict.broken == {}
    assert outcome.verdict.figures["acknowledged"] == len(WORLD)
    assert outcome.done == {"killed": 2}
    assert outcome.errors.keys() <= MOVED
    assert outcome.codes == [0, 0, 0]


def test_topics_have_the_replicas_and_the_least_in_sync_that_the_settings_say(cluster: Cluster, tmp_path: Path) -> None:
    system = system_on(cluster, tmp_path, "replicas.")
    names = {name for name, _ in cluster.partitions("replicas.")}
    assert names == {system.names.of(name) for name in contract().topics}
    assert [
        p["replica_nodes"] for _, p in cluster.partitions("replicas.") if sorted(p["replica_nodes"]) != [*NODES]
    ] == []
    assert system.run("topics", "check").returncode == 0
    told = system.run("topics", "check", "--json", ASM_KAFKA_MIN_INSYNC="1")
    found = {(d["topic"], d["what"], d["mendable"]) for d in json.loads(told.stdout)}
    assert found == {(name, "has min.insync.replicas=2, not 1", True) for name in names}
    system.end()


@pytest.mark.parametrize(("acks", "broken"), [("all", {}), (1, {"ACKNOWLEDGED_LOST": 20})])
def test_what_a_leader_alone_accepted_before_it_was_lost_is_found_missing(
    cluster: Cluster, tmp_path: Path, acks: str | int, broken: dict[str, int]
) -> None:
    system = system_on(cluster, tmp_path, f"acks-{acks}.")
    first, alike = WORLD[0], WORLD[:1] * 20
    partition = partition_of(first.event.tin.digits.encode(), PARTITIONS)
    topic = system.names.of(contract().topic_of(type(first.event).__name__))
    (leader,) = (p["leader_id"] for name, p in cluster.partitions(topic) if p["partition_index"] == partition)
    feed = Feed(system, WORLD, 1, acks)
    feed.send(first)
    feed.flush()
    await_that(lambda: len(system.read(contract().topic_of(type(first.event).__name__))) == 1, 10, "the followers")
    with cluster.frozen(*(set(NODES) - {leader})):
        time.sleep(2 * FETCH_WAIT_SECONDS)  # what the followers asked for before is answered, with nothing
        for timed in alike:
            feed.send(timed)
        if acks == 1:
            feed.flush()
        assert feed.acknowledged.total() == (21 if acks == 1 else 1)
        cluster.kill(leader)
    cluster.await_left(leader)
    feed.flush()
    cluster.start(leader)
    cluster.await_in_sync()
    assert feed.acknowledged.total() == 21
    verdict = Verdict()
    judge_feed(system, feed, verdict)
    system.end()
    assert verdict.broken == Counter(broken)
