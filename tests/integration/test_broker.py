"""``asm broker``: up, down, killed and up again; and one clear sentence where something is missing."""

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.kafka.broker import EmbeddedBroker, answers
from tests.integration.conftest import JARS

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A broker's folder with the jars in it; what runs from there ends with the test."""
    (tmp_path / "lib").symlink_to(JARS)
    yield tmp_path
    EmbeddedBroker(tmp_path).down()


def asm(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASM_")}
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        env=clean | {"ASM_KAFKA_DIR": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_broker_goes_up_answers_and_goes_down(bootstrap: str, home: Path) -> None:
    assert asm(home, "broker", "status").returncode == 3
    up = asm(home, "broker", "up")
    address = up.stdout.strip()
    assert (up.returncode, answers(address)) == (0, True)
    assert asm(home, "broker", "up").stdout.strip() == address
    status = json.loads(asm(home, "broker", "status", "--json").stdout)
    assert (status["running"], status["bootstrap"]) == (True, address)
    assert asm(home, "broker", "down").returncode == 0
    assert answers(address) is False
    assert "No broker was running" in asm(home, "broker", "down").stderr


def test_a_killed_broker_is_up_again_at_the_same_address(bootstrap: str, home: Path) -> None:
    address = asm(home, "broker", "up").stdout.strip()
    os.kill(json.loads(asm(home, "broker", "status", "--json").stdout)["pid"], signal.SIGKILL)
    assert asm(home, "broker", "up").stdout.strip() == address
    assert answers(address) is True


def test_a_port_that_is_taken_is_named(bootstrap: str, home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = asm(home, "broker", "up", ASM_KAFKA_PORT=str(port))
    assert told.returncode == 3
    assert f"Port {port} is taken by another program; set ASM_KAFKA_PORT" in " ".join(told.stderr.split())


def test_a_broker_that_cannot_start_shows_its_own_words(bootstrap: str, home: Path) -> None:
    asm(home, "broker", "up")
    asm(home, "broker", "down")
    (home / "data" / "meta.properties").write_text("version=1\ncluster.id=other\nnode.id=7\n")
    told = asm(home, "broker", "up")
    assert told.returncode == 3
    assert "The broker ended as it started" in told.stderr
    assert "node" in told.stderr.lower()


def test_without_java_one_sentence_names_the_ways_to_a_broker(tmp_path: Path) -> None:
    told = asm(tmp_path, "broker", "up", PATH="/nonexistent", JAVA_HOME="/nonexistent")
    assert told.returncode == 3
    assert "ASM_KAFKA_BOOTSTRAP" in told.stderr
    assert "Java" in told.stderr or "JDK" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    told = asm(tmp_path, "topics", "check", ASM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert told.returncode == 3
    assert "127.0.0.1:1 does not answer" in " ".join(told.stderr.split())


def test_a_cluster_id_that_begins_like_an_option_is_none(
    home: Path, bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=0xFB << 120))
    broker = EmbeddedBroker(home)
    address = broker.up().bootstrap
    assert answers(address)
    assert broker.down()
    assert "cluster.id=-" in (home / "data" / "meta.properties").read_text()
