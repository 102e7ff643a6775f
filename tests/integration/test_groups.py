"""Several workers, planned and unplanned ends, and what a supervisor does."""

import time
from datetime import timedelta

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import OffsetAndMetadata

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.simulated_world import Timed
from processors.simulation import simulate
from tests.integration.system import PARTITIONS, System, Worker, await_that
from tests.integration.test_worker import END, assert_says_the_same
from tests.making import at, listed

pytestmark = pytest.mark.integration
BOOKS = load_rulebooks(DEFAULT_VINTAGE)
START = at("2027-01-01")


def takeovers(*workers: Worker) -> int:
    return sum(w.says("partition_taken_over") for w in workers)


def test_workers_that_join_and_leave_are_not_fenced_and_say_each_thing_once(system: System) -> None:
    world = simulate(13, 16, BOOKS[2027])
    third = len(world) // 3
    first = system.worker()
    system.set_clock(START)
    system.send(world[:third])
    await_that(lambda: takeovers(first) == 2 * PARTITIONS, 30, "the first worker's partitions")
    second = system.worker()
    await_that(lambda: takeovers(second) >= PARTITIONS, 30, "the second worker's share")
    system.send(world[third : 2 * third])
    system.set_clock(world[2 * third].received_at.replace(second=0, microsecond=0))
    assert first.stop() == 0
    system.send(world[2 * third :])
    system.set_clock(END)
    system.await_tick(END)
    assert (first.says("partition_failed"), second.says("partition_failed"), second.process.poll()) == (0, 0, None)
    assert_says_the_same(system, world)


def test_a_killed_workers_partitions_move_within_fifteen_seconds(system: System) -> None:
    first, second = system.worker(), system.worker()
    await_that(lambda: min(takeovers(first), takeovers(second)) >= PARTITIONS, 40, "both workers' shares")
    time.sleep(1)  # let the assignment settle; the kill is what is timed
    owned = takeovers(second)
    first.kill()
    killed = time.monotonic()
    await_that(lambda: takeovers(second) == owned + PARTITIONS, 15, "the takeover")
    system.set_clock(START)
    system.await_tick(START, 15)
    assert time.monotonic() - killed < 20


@pytest.mark.parametrize("instance", [{}, {"ASM_INSTANCE": "one"}], ids=["dynamic", "static"])
def test_a_planned_stop_hands_over_before_the_session_ends(system: System, instance: dict[str, str]) -> None:
    first = system.worker(**instance)
    await_that(lambda: takeovers(first) == 2 * PARTITIONS, 30, "the first worker's partitions")
    second = system.worker()
    await_that(lambda: takeovers(second) >= PARTITIONS, 30, "the second worker's share")
    owned = takeovers(second)
    assert first.stop() == 0
    stopped = time.monotonic()
    await_that(lambda: takeovers(second) >= owned + PARTITIONS, 15, "the handover")
    assert time.monotonic() - stopped < 6


def test_the_supervisor_starts_the_process_again_and_ends_with_it_when_told(system: System) -> None:
    supervisor = system.worker("--supervise")
    await_that(lambda: takeovers(supervisor) == 2 * PARTITIONS, 30, "the partitions")
    child = int(system.shell(f"ps -o pid= --ppid {supervisor.process.pid}").split()[0])
    system.shell(f"kill -9 {child}")
    await_that(lambda: takeovers(supervisor) == 4 * PARTITIONS, 30, "the partitions again")
    assert supervisor.says("worker_restarting") == 1
    assert supervisor.stop() == 0


def test_offsets_that_were_set_by_hand_stop_the_worker_with_a_sentence(system: System) -> None:
    worker = system.worker()
    system.send([Timed(START, listed(event_id="l1"))])
    system.set_clock(START + timedelta(minutes=1))
    system.await_tick(START + timedelta(minutes=1))
    assert worker.stop() == 0
    group = f"{system.settings.namespace}asm-assessment-live"
    journal = TopicPartition(system.names.of("asm.journal.v1"), 0)
    admin = KafkaAdminClient(bootstrap_servers=system.connection.bootstrap)
    admin.alter_group_offsets(group, {journal: OffsetAndMetadata(0, "", -1)})
    admin.close()
    again = system.worker("--supervise")
    await_that(lambda: again.process.poll() is not None, 30, "the worker's end")
    assert (again.process.poll(), again.says("worker_restarting")) == (1, 0)
    assert "one of the two was lost or set by hand" in again.log.read_text()


def test_a_worker_without_topics_says_what_to_do(system: System) -> None:
    told = system.run("worker", "--no-supervise", ASM_NAMESPACE="nobody.")
    assert told.returncode == 3
    assert "asm topics apply" in told.stderr


def test_faust_itself_never_commits(system: System) -> None:
    """The groups' offsets are those of the transactions: all that was admitted and applied, no more."""
    worker = system.worker()
    system.send(Timed(START, listed(event_id=f"l{n}")) for n in range(20))
    system.set_clock(START + timedelta(minutes=1))
    system.await_tick(START + timedelta(minutes=1))
    assert worker.stop() == 0
    admin = KafkaAdminClient(bootstrap_servers=system.connection.bootstrap)
    group = f"{system.settings.namespace}asm-assessment-live"
    told = admin.list_group_offsets(group)[group]
    admin.close()
    committed = {tp.partition: o.offset for tp, o in told.items()}
    assert committed == {p: mark.applied + 1 for p, mark in system.marks().items()}


def test_a_generation_without_its_topics_says_what_to_do(system: System) -> None:
    told = system.run("worker", "--no-supervise", ASM_GENERATION="fresh")
    assert (told.returncode, "asm topics apply" in told.stderr) == (3, True)


def test_a_partition_that_cannot_be_taken_over_ends_the_process(system: System) -> None:
    worker = system.worker("--no-supervise", ASM_TRANSACTION_TIMEOUT_SECONDS="10000")  # more than a broker allows
    await_that(lambda: worker.process.poll() is not None, 30, "the worker's end")
    assert (worker.process.poll(), worker.says("partition_failed") > 0) == (75, True)
