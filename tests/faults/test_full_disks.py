"""A disk that is full under the broker: it halts, all wait, and go on after it is started on a disk with space."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.kafka.broker import EmbeddedBroker
from tests.faults.oracles import judge
from tests.faults.world import large_world
from tests.integration.conftest import JARS
from tests.integration.system import System, await_that
from tests.long_form import long_form
from tests.making import at

pytestmark = pytest.mark.integration
WORLD = large_world(4, 12, 1)
END = at("2028-04-20")
COMMANDS = (("worker",), ("project",), ("standings",))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker whose data lie on a disk of their own, of 60 MB."""
    data = tmp_path / "kafka" / "data"
    data.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(data)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    own = EmbeddedBroker(tmp_path / "kafka", JARS)
    yield own
    own.down()
    subprocess.run(["umount", str(data)], check=True)


@long_form
def test_a_broker_on_a_full_disk_halts_and_nothing_that_was_taken_is_lost(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """A write that fails takes the one log directory offline, and Kafka halts; so it does where a mapped index fails.

    A record that was refused meanwhile is for its feed to send again; it may lie in the log all the same, as a repeat.
    """
    started_broker = broker.up()
    system = System(started_broker.bootstrap, "full.", tmp_path)
    try:
        system.apply_topics()
        started = [system.start(*command) for command in COMMANDS]
        half, rest = WORLD[: len(WORLD) // 2], WORLD[len(WORLD) // 2 :]
        system.send(half)
        system.set_clock(half[-1].received_at.replace(second=0, microsecond=0))
        system.await_tick(half[-1].received_at.replace(second=0, microsecond=0))
        system.meet_topics()
        ballast = tmp_path / "kafka" / "data" / "ballast"
        with ballast.open("wb") as file:
            file.write(b"0" * shutil.disk_usage(ballast.parent).free)
        sent = system.begin_to_send(rest)
        await_that(lambda: broker.running() is None, 60, "the broker's end")
        assert re.search("No space left on device|a fault occurred in a recent unsafe memory", broker.log.read_text())
        await_that(lambda: all(one.says("unavailable_waiting") for one in started), 60, "a word of each")
        ballast.unlink()
        broker.up(started_broker.port)
        await_that(lambda: all(future.is_done for future in sent), 60, "the deliveries")
        system.reopen_feed()
        system.send(item for item, future in zip(rest, sent, strict=True) if future.failed())  # as a feed must
        system.set_clock(END)
        system.await_tick(END)
        await_that(lambda: all(one.says("unavailable_over") for one in started), 60, "that it is over, of each")
        assert [one.stop() for one in started] == [0, 0, 0]
        verdict = judge(system)
        assert verdict.broken == {}
        assert verdict.figures["accepted"] + verdict.figures["refused"] >= len(WORLD)
    finally:
        system.end()
