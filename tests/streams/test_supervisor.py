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


def test_a_stop_between_two_starts_ends_it_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=stream, stderr=stream, env=os.environ)
    while log.read_bytes().count(b"worker_restarting") < 4:  # the fourth pause is two seconds long
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(1.5) == 0
