"""A real Kafka for the tests, by the order of the command line: ASM_KAFKA_BOOTSTRAP, or else the embedded broker."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.kafka.broker import EmbeddedBroker
from tests.integration.system import System

JARS = Path(__file__).parents[2] / ".kafka" / "lib"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster."""
    given = os.environ.get("ASM_KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    broker = EmbeddedBroker(tmp_path_factory.mktemp("kafka"), JARS)
    yield broker.up().bootstrap
    broker.down()


@pytest.fixture
def system(bootstrap: str, tmp_path: Path) -> Iterator[System]:
    """A deployment of its own on the cluster, on a simulated clock; its workers end with the test."""
    deployment = System(bootstrap, f"t{os.getpid()}-{next(_numbers)}.", tmp_path)
    deployment.apply_topics()
    yield deployment
    deployment.end()
