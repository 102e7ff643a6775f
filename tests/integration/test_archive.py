"""The archive on a real Kafka: exported, verified, and a broker that lost everything restored from it."""

import json
from pathlib import Path

import pytest

from processors.simulation import simulate
from tests.integration.system import System
from tests.integration.test_worker import BOOKS
from tests.making import DUE, at

pytestmark = pytest.mark.integration
END = at("2028-04-20")


def play(system: System) -> None:
    """A year of a few clinicians through a worker, which ends."""
    world = simulate(5, 8, BOOKS[min(BOOKS)])
    worker = system.worker()
    for since, until in ((at("2000-01-01"), at("2027-03-01")), (at("2027-03-01"), DUE), (DUE, END)):
        system.send(item for item in world if since <= item.received_at < until)
        system.set_clock(until)
    system.await_tick(END)
    worker.stop()


def test_thread(system: System, tmp_path: Path) -> None:
    play(system)
    out = tmp_path / "archive"
    told = system.run("journal", "export", "--out", str(out), "--json")
    print(told.stdout, told.stderr)
    told = system.run("journal", "export", "--out", str(out), "--json")
    print(told.stdout, told.stderr)
    told = system.run("journal", "verify", str(out))
    print(told.stdout, told.stderr)
    assert json.loads(told.stdout)
