"""One run of one engine, measured from outside, the same way for all.

The time runs from when the engine says that it is ready (a peer: at its first record; this system: its partitions are
taken over) until its consumer group has committed the end of what it reads, as the broker tells. Processor time is that
of the processes over the same span, memory the highest that was ever resident.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aiokafka import TopicPartition

from bench.engines.cluster import Cluster

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.02
_READY_SECONDS = 120
_END_SECONDS = 10
_KIBIBYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run: the command, how it says that it is ready, and what tells that it is done and right.

    ``check`` returns how many outputs were written.

    :raises WrongResult: of ``check``, where the engine did not come to what a one-pass fold comes to.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    ready: str
    readies: int
    group: str
    ends: Mapping[TopicPartition, int]
    events: int
    check: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run took."""

    events: int
    seconds: float
    cpu_seconds: float
    broker_cpu_seconds: float
    peak_memory_mib: float
    outputs: int = 0


class WrongResult(Exception):
    """An engine did not come to what a one-pass fold of the same claims comes to."""


class NotDone(Exception):
    """An engine ended, or did not come to the end in time; its log says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Runs trials on one broker; the logs of the engines go to a folder."""

    cluster: Cluster
    broker_pid: int
    folder: Path
    most_seconds: float = 900

    def measure(self, trial: Trial, name: str) -> Measured:
        """Run a trial to its end, end its process, and check what it wrote.

        :raises NotDone: it ended early or takes too long.
        :raises WrongResult: what it wrote is wrong.
        """
        log = self.folder / f"{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - a command of the benchmark
                trial.command, env=os.environ | trial.environment, stdout=stream, stderr=stream
            )
        try:
            took = self._observe(trial, process, log)
        except NotDone as error:
            raise NotDone(f"{name}: {error}; its log ends:\n{log.read_text(errors='replace')[-2000:]}") from error
        finally:
            _end(process)
        return replace(took, outputs=trial.check())

    def _observe(self, trial: Trial, process: subprocess.Popen[bytes], log: Path) -> Measured:
        _await(lambda: log.read_text(errors="replace").count(trial.ready) >= trial.readies, process, _READY_SECONDS)
        began, cpu, broker_cpu = time.perf_counter(), cpu_seconds(process.pid), cpu_seconds(self.broker_pid)
        _await(lambda: self.cluster.has_reached(trial.group, trial.ends), process, self.most_seconds)
        return Measured(
            events=trial.events,
            seconds=time.perf_counter() - began,
            cpu_seconds=cpu_seconds(process.pid) - cpu,
            broker_cpu_seconds=cpu_seconds(self.broker_pid) - broker_cpu,
            peak_memory_mib=peak_memory_mib(process.pid),
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process, its threads and the children it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / _TICKS


def peak_memory_mib(pid: int) -> float:
    """Return the most memory that a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / _KIBIBYTES


def _await(condition: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise NotDone(f"the engine ended with code {process.returncode}")
        if time.monotonic() > until:
            raise NotDone(f"not done within {seconds} s")
        time.sleep(_LOOK_SECONDS)
