"""Keep a worker running: start its process again when it ends, with back-off, and give up when it makes no sense."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from types import FrameType

from infra.log import Log

_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_WINDOW_SECONDS = 60.0
UNAVAILABLE = 3
#: A process that ends so would end so again: stopped as asked, refused, misused.
_FINAL = frozenset({0, 1, 2})


class Supervisor:
    """Runs one command as a child, again and again."""

    def __init__(self, command: Sequence[str], restarts_max: int) -> None:
        self._command = list(command)
        self._restarts_max = restarts_max
        self._log = Log()
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def run(self) -> int:
        """Run until the child ends for good; return the exit code to end with."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        failures: deque[float] = deque(maxlen=self._restarts_max)
        while True:
            code = self._run_once()
            if self._stopping.is_set() or code in _FINAL:
                return 0 if self._stopping.is_set() else code
            failures.append(time.monotonic())
            if len(failures) == self._restarts_max and failures[-1] - failures[0] < _WINDOW_SECONDS:
                self._log.critical("worker_given_up", restarts=self._restarts_max, exit_code=code)
                return UNAVAILABLE
            pause = _BACKOFF_SECONDS[min(len(failures), len(_BACKOFF_SECONDS)) - 1]
            self._log.warning("worker_restarting", exit_code=code, seconds=pause)
            if self._stopping.wait(pause):
                return 0

    def _run_once(self) -> int:
        with subprocess.Popen(self._command, stdin=subprocess.PIPE) as child:  # noqa: S603 - this program itself
            self._child = child
            return child.wait()

    def _stop(self, number: int, _: FrameType | None) -> None:
        """Pass the signal on and wait for the child; a second one ends it at once."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGKILL if self._stopping.is_set() else number)
        self._stopping.set()


def stop_with_supervisor() -> None:
    """Stop this process when its supervisor is gone: the pipe that it holds open ends."""

    def watch() -> None:
        # not sys.stdin: a thread that waits in its buffer holds a lock, over which a planned stop ends in an abort
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="supervisor-watch").start()


def asm_command(*arguments: str) -> list[str]:
    """Return the command line that runs this program with arguments."""
    return [sys.executable, "-m", "streams", *arguments]
