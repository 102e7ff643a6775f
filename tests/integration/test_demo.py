"""``asm demo``: a whole year with one command, and nothing that it started left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.kafka.broker import EmbeddedBroker
from tests.integration.conftest import JARS

pytestmark = pytest.mark.integration


def test_the_demo_plays_a_year_shows_the_board_and_leaves_nothing_running(bootstrap: str, tmp_path: Path) -> None:
    (tmp_path / "lib").symlink_to(JARS)
    (tmp_path / "demo.db.mine").write_text("a file of somebody else's")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASM_")}
    told = subprocess.run(
        [sys.executable, "-m", "streams", "demo", "--clinicians", "30", "--database", str(tmp_path / "demo.db")],
        env=clean | {"ASM_KAFKA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert told.returncode == 0, told.stderr
    for sentence in (
        "30 clinicians who do not exist",
        "Missing submissions that alert as of 2028-03-24 20:00 EDT",
        "Missing submissions that alert as of 2028-03-31 20:00 EDT",
        "An alert that fired and resolved",
        "BENEFICIARY_IN_CLEAR",
        "not a determination by CMS",
    ):
        assert sentence in told.stdout
    assert EmbeddedBroker(tmp_path / "demo").running() is None
    assert (tmp_path / "demo.db").exists()
    assert (tmp_path / "demo.db.mine").read_text() == "a file of somebody else's"
    assert not (tmp_path / "demo" / "data").exists()
