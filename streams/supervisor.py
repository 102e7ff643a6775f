"""Keep a worker running: start its process again when it ends, with back-off, and give up when it makes no sense.

A child that cannot begin, since a machine is unavailable, says on its standard output what does not answer and ends
with code 3: it is started again up to ``ASM_UNAVAILABLE_LIMIT_SECONDS``. One that ends with 3 and says nothing has
itself waited as long (``cluster_watch.py``).
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import FrameType, MappingProxyType

from infra.log import Log
from streams.waiting import UNAVAILABLE, GivenUp, Patience

_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_WINDOW_SECONDS = 60.0
#: A child that ran so long ran well: what failed before is over.
_WELL_SECONDS = 60.0
#: A process that ends so would end so again: stopped as asked, refused, misused.
_FINAL = frozenset({0, 1, 2})


class Supervisor:
    """Runs one command as a child, again and again; ``environment`` is added to that of this process."""

    def __init__(
        self,
        command: Sequence[str],
        restarts_max: int,
        patience: Patience,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._command = list(command)
        self._environment = os.environ | environment
        self._failures: deque[float] = deque(maxlen=restarts_max)
        self._patience = patience
        self._log = Log()
        self._child: subprocess.Popen[str] | None = None
        self._stopping = threading.Event()

    def run(self) -> int:
        """Run until the child ends for good; return the exit code to end with."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while True:
            started = time.monotonic()
            code, said = self._run_once()
            if self._stopping.is_set() or code in _FINAL or (code == UNAVAILABLE and not said):
                return 0 if self._stopping.is_set() else code
            if time.monotonic() - started >= _WELL_SECONDS:
                self._patience.worked()
            try:
                pause = self._patience.failed(said).pause if code == UNAVAILABLE else self._pause_after(code)
            except GivenUp:
                return UNAVAILABLE
            if self._stopping.wait(pause):
                return 0

    def _pause_after(self, code: int) -> float:
        """Return how long to pause after a child that began, and failed.

        :raises GivenUp: it failed too often in too short a time, or never ran well for too long.
        """
        self._patience.missed(f"The worker does not run: it ends with code {code}.")
        failures = self._failures
        failures.append(time.monotonic())
        if len(failures) == failures.maxlen and failures[-1] - failures[0] < _WINDOW_SECONDS:
            self._log.critical("worker_given_up", restarts=len(failures), exit_code=code)
            raise GivenUp
        pause = _BACKOFF_SECONDS[min(len(failures), len(_BACKOFF_SECONDS)) - 1]
        self._log.warning("worker_restarting", exit_code=code, seconds=pause)
        return pause

    def _run_once(self) -> tuple[int, str]:
        """Run the child to its end; return its exit code, and what it said was unavailable."""
        pipe = subprocess.PIPE
        with subprocess.Popen(  # noqa: S603 - this program itself
            self._command, stdin=pipe, stdout=pipe, text=True, env=self._environment
        ) as child:
            self._child = child
            said = child.stdout.read() if child.stdout is not None else ""
            return child.wait(), said.strip()

    def stop(self) -> None:
        """Stop the child as planned, and do not start it again."""
        self._stop(signal.SIGTERM, None)

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
