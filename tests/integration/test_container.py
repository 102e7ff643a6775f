"""The same contract on a Kafka in a container, where an engine answers."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from testcontainers.community.kafka import KafkaContainer

from processors.simulated_world import Timed
from tests.integration.system import System
from tests.making import at, listed

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def container_bootstrap() -> Iterator[str]:
    """The address of a Kafka in a container; skips with the reason where no engine answers."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        _reach(address)
    except OSError as error:
        pytest.skip(f"no container engine answers at {address} ({type(error).__name__})")
    with KafkaContainer("apache/kafka:4.4.0").with_kraft() as kafka:
        yield kafka.get_bootstrap_server()


def _reach(address: str) -> None:
    """Connect to a container engine and hang up."""
    url = urlsplit(address)
    if url.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(url.path)
    else:
        socket.create_connection((url.hostname, url.port or 2375), timeout=2).close()


def test_a_listed_clinician_is_scored_on_a_kafka_in_a_container(container_bootstrap: str, tmp_path: Path) -> None:
    system = System(container_bootstrap, "container.", tmp_path)
    try:
        system.apply_topics()
        system.worker()
        system.send([Timed(at("2027-06-01"), listed(event_id="l1"))])
        system.set_clock(at("2027-06-02"))
        system.await_tick(at("2027-06-02"))
        assert len(system.scores()) == 1
    finally:
        system.end()
