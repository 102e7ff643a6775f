"""A broker that goes away: said clearly, waited for up to a limit, and gone on from without loss or doubling."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from infra.database.engine import create_tables, open_engine
from infra.kafka.broker import EmbeddedBroker, Running
from infra.kafka.reading import require_answer
from streams.projection import Projector
from streams.standings import STANDINGS
from streams.supervisor import asm_command
from tests.faults.oracles import judge
from tests.faults.world import large_world
from tests.integration.conftest import JARS
from tests.integration.system import System, Worker, await_that
from tests.long_form import long_form
from tests.making import at

pytestmark = pytest.mark.integration
WORLD = large_world(4, 12, 1)
END = at("2028-04-20")
NOWHERE = "127.0.0.1:9"
COMMANDS = (("worker",), ("project",), ("standings",))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, to be stopped."""
    own = EmbeddedBroker(tmp_path / "kafka", JARS)
    yield own
    running = own.running()
    if running is not None:
        os.kill(running.pid, signal.SIGCONT)
        own.down()


@pytest.fixture
def outage(broker: EmbeddedBroker, tmp_path: Path) -> Iterator[System]:
    """A deployment on that broker."""
    system = System(broker.up().bootstrap, "out.", tmp_path)
    system.apply_topics()
    yield system
    running = broker.running()
    if running is not None:
        os.kill(running.pid, signal.SIGCONT)
    system.end()


def running(broker: EmbeddedBroker) -> Running:
    found = broker.running()
    assert found is not None
    return found


def await_word(started: list[Worker], event: str, times: int = 1, seconds: float = 60) -> None:
    await_that(lambda: all(one.says(event) >= times for one in started), seconds, f"{event}, {times} times")


def play(system: System, first: int, last: int) -> None:
    """Send a part of the world, in quarters, and move the clock there."""
    part = WORLD[len(WORLD) * first // 4 : len(WORLD) * last // 4]
    system.send(part)
    system.set_clock(part[-1].received_at.replace(second=0, microsecond=0) if last < 4 else END)


def assert_whole(system: System) -> None:
    """Nothing is lost, doubled or said twice, and the rows of the view are right."""
    engine = open_engine(f"sqlite:///{system.folder}/asm.db")
    create_tables(engine)
    Projector(system.connection, engine).run(once=True)
    verdict = judge(system, engine)
    engine.dispose()
    assert verdict.broken == {}
    assert verdict.figures["accepted"] + verdict.figures["refused"] == len(WORLD)
    said = [(o.cohort, o.performance_year, o.revision) for o in system.outputs(STANDINGS)]  # type: ignore[union-attr]
    assert sorted(said) == sorted(set(said))


def test_a_broker_that_is_stopped_and_one_that_is_frozen_is_waited_for_and_nothing_is_lost(
    outage: System, broker: EmbeddedBroker
) -> None:
    started = [outage.start(*command) for command in COMMANDS]
    play(outage, 0, 1)
    await_word(started[1:2], "projection_caught_up", 1)
    await_that(lambda: len(outage.scores()) > 0 and started[0].says("partition_taken_over") == 8, 60, "a score")
    address = running(broker)
    broker.down()
    await_word(started, "unavailable_waiting")
    broker.up(address.port)
    await_word(started, "unavailable_over")
    play(outage, 1, 2)
    before = [one.says("unavailable_waiting") for one in started]
    os.kill(running(broker).pid, signal.SIGSTOP)
    for one, times in zip(started, before, strict=True):
        await_word([one], "unavailable_waiting", times + 1)
    os.kill(running(broker).pid, signal.SIGCONT)
    play(outage, 2, 4)
    outage.await_tick(END)
    await_word(started[1:], "unavailable_over", 2)
    assert [one.stop() for one in started] == [0, 0, 0]
    assert_whole(outage)


@long_form
def test_a_broker_that_stays_away_is_given_up_at_the_limit_with_code_3(outage: System, broker: EmbeddedBroker) -> None:
    """kafka-python's ``poll`` raises nothing and returns nothing: only a question shows that nobody is there."""
    started = [outage.start(*command, ASM_UNAVAILABLE_LIMIT_SECONDS="3") for command in COMMANDS]
    consumer = KafkaConsumer(bootstrap_servers=outage.connection.bootstrap, enable_auto_commit=False)
    consumer.assign([TopicPartition(outage.names.of("asm.journal.v1"), 0)])
    require_answer(consumer)
    await_word(started[1:2], "projection_caught_up", 1)
    await_word(started[:1], "partition_taken_over", 8)
    broker.down()
    assert consumer.poll(timeout_ms=1000) == {}
    with pytest.raises(KafkaError):
        require_answer(consumer)
    consumer.close()
    assert [one.process.wait(60) for one in started] == [3, 3, 3]
    assert [one.says("unavailable_given_up") for one in started] == [1, 1, 1]
    assert started[0].says("worker_restarting") == 0


@long_form
def test_a_broker_that_is_away_at_the_start_is_named_at_each_attempt_and_given_up_at_the_limit(tmp_path: Path) -> None:
    environment = {
        "ASM_KAFKA_BOOTSTRAP": NOWHERE,
        "ASM_UNAVAILABLE_LIMIT_SECONDS": "2",
        "ASM_LOG_FORMAT": "json",
        "ASM_DATABASE_URL": f"sqlite:///{tmp_path}/asm.db",
    }
    started = [
        Worker(asm_command(*command), os.environ | environment, tmp_path / f"{command[0]}.log") for command in COMMANDS
    ]
    assert [one.process.wait(60) for one in started] == [3, 3, 3]
    for one in started:
        told = [json.loads(line) for line in one.log.read_text().splitlines() if line.startswith('{"detail')]
        *attempts, end = [line["event"] for line in told]
        assert (set(attempts), end) == ({"unavailable_waiting"}, "unavailable_given_up")
        assert {line["detail"].startswith(f"The cluster at {NOWHERE} does not answer") for line in told} == {True}
        assert told[-1]["waited_seconds"] >= 2
