"""The supervisor starts a process again, gives up in time, and stops when it is told to, whenever that is."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import sys
from infra.log import configure_logging
from infra.settings import Settings
from streams import supervisor
from streams.waiting import Patience
configure_logging(Settings(log_format="json"))
supervisor._WELL_SECONDS = {well}
sys.exit(supervisor.Supervisor([sys.executable, "-c", {child!r}], {restarts}, Patience({limit})).run())
"""
WATCHED = """
from streams.supervisor import stop_with_supervisor
stop_with_supervisor()
"""
AWAY = "The cluster does not answer."


def start(
    log: Path, child: str, *, limit: float = 600, restarts: int = 10, well: float = 60
) -> subprocess.Popen[bytes]:
    script = SCRIPT.format(child=child, limit=limit, restarts=restarts, well=well)
    with log.open("wb") as stream:
        return subprocess.Popen([sys.executable, "-c", script], stdout=stream, stderr=stream, env=os.environ)


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_process_that_ends_by_itself_while_its_supervisor_lives_ends_cleanly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    )
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(10)) == (b"", 0)
    process.communicate()


def test_a_process_whose_supervisor_is_gone_is_told_to_stop() -> None:
    script = f"{WATCHED}import signal\nsignal.pause()\n"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, env=os.environ)
    process.communicate()
    assert process.returncode == -signal.SIGTERM


def test_a_stop_between_two_starts_ends_it_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(log, "import sys; sys.exit(75)")
    while log.read_bytes().count(b"worker_restarting") < 4:  # the fourth pause is two seconds long
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(1.5) == 0


def test_what_a_child_says_is_unavailable_is_waited_for_up_to_the_limit_and_then_the_code_is_3(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(log, f"import sys; print({AWAY!r}); sys.exit(3)", limit=2, restarts=2)
    assert process.wait(20) == 3
    *attempts, end = lines(log)
    assert {(line["event"], line["detail"]) for line in attempts} == {("unavailable_waiting", AWAY)}
    assert len(attempts) >= 3
    assert (end["event"], end["level"], end["detail"]) == ("unavailable_given_up", "critical", AWAY)
    assert end["waited_seconds"] == 2


def test_a_child_that_waited_itself_is_not_waited_for_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert start(log, "import sys; sys.exit(3)").wait(20) == 3
    assert lines(log) == []


def test_a_child_that_fails_too_often_within_a_minute_is_given_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert start(log, "import sys; sys.exit(75)", restarts=3).wait(20) == 3
    assert [line["event"] for line in lines(log)] == ["worker_restarting"] * 2 + ["worker_given_up"]


def test_a_child_that_never_runs_well_is_given_up_at_the_limit_however_slowly_it_fails(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert start(log, "import sys, time; time.sleep(0.4); sys.exit(75)", limit=2).wait(20) == 3
    assert {line["event"] for line in lines(log)} == {"worker_restarting", "unavailable_given_up"}


def test_a_child_that_ran_well_for_a_while_is_a_new_beginning(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(log, "import sys, time; time.sleep(0.6); sys.exit(75)", limit=1, well=0.5, restarts=4)
    assert process.wait(40) == 3
    assert [line["event"] for line in lines(log) if line["event"] != "unavailable_over"] == [
        *["worker_restarting"] * 3,
        "worker_given_up",
    ]


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_child_that_ends_for_good_is_not_started_again(code: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert start(log, f"import sys; sys.exit({code})").wait(20) == code
    assert lines(log) == []
