"""The short form of the kill tests; ``make faults`` is the long one."""

from pathlib import Path

import pytest

from infra.kafka.broker import EmbeddedBroker
from tests.faults.chaos import Plan
from tests.faults.runs import run
from tests.faults.world import large_world
from tests.integration.conftest import JARS

pytestmark = pytest.mark.integration


def test_under_kills_freezes_and_a_lost_broker_nothing_is_lost_and_nothing_said_twice(tmp_path: Path) -> None:
    world = large_world(3, 40, 3)
    plan = Plan(seed=3, kills=5, freezes=1, broker_restarts=1, steps=4)
    verdict, done, codes = run(world, plan, EmbeddedBroker(tmp_path / "kafka", JARS), tmp_path)
    assert verdict.broken == {}
    assert sum(n for name, n in done.items() if name.startswith("SIGKILL")) == 5
    assert sum(n for name, n in done.items() if name.startswith("broker")) == 1
    assert verdict.figures["accepted"] + verdict.figures["refused"] == len(world)
    assert set(codes) == {0}
