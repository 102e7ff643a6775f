"""The supervisor starts a process again, and stops when it is told to, whenever that is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from streams.supervisor import Supervisor
sys.exit(Supervisor([sys.executable, "-c", "import sys; sys.exit(75)"], 10).run())
"""
WATCHED = """
from streams.supervisor import stop_with_supervisor
stop_with_supervisor()
"""


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
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=stream, stderr=stream, env=os.environ)
    while log.read_bytes().count(b"worker_restarting") < 4:  # the fourth pause is two seconds long
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(1.5) == 0
