"""A corrected benchmark and a corrected rule, each recalculated, compared, promoted and rolled back among events.

A simulated year is played on a real Kafka with a worker and a projector. A feed then sends corrections of quality
submissions at a steady pace, in an open loop, and the time of each from its producing until what it changes is read is
taken: without a replay, beside a generation that folds the journal or begins with the present facts, and over the
switches.

python -m bench.recalculation [participants [events_per_second [records_per_second]]]
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import quantiles
from subprocess import CompletedProcess

from kafka import KafkaConsumer, TopicPartition

from infra.kafka.broker import EmbeddedBroker
from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.events import SubmissionReceived
from processors.quality import QUALITY
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import decode
from streams.supervisor import asm_command
from tests.integration.system import PARTITIONS, System
from tests.streams.laws import write_rulebooks

JARS = Path(__file__).parents[1] / ".kafka" / "lib"
CORRECTIONS = {
    "benchmark": ("512_725_benchmarks.toml", '"005/ECQM"', "[50, 67.35, 74.19,", "[40, 57.35, 64.19,"),
    "rule": ("512_725_quality.toml", "case_minimum", "value    = 20", "value    = 60"),
}
#: The correction for which the journal is folded; for the other the present facts do.
FOLDED = "benchmark"
_MOST_SECONDS = 1800
_MEASURED_SECONDS = 40
_OUTPUTS = ("asm.scores.v1", "asm.compliance.v1", "asm.findings.v1")


class Feed(threading.Thread):
    """Sends corrections at a steady pace, whatever becomes of them, and remembers when each was produced."""

    def __init__(self, system: System, reports: Sequence[SubmissionReceived], per_second: float) -> None:
        super().__init__(daemon=True)
        self._system = system
        self._reports = reports
        self._per_second = per_second
        self._chance = Random(1)  # noqa: S311 - a world, not a secret
        self.over = threading.Event()
        self.sent: dict[str, float] = {}

    def run(self) -> None:
        """Send until it is over."""
        began, number = time.perf_counter(), 0
        while not self.over.is_set():
            number += 1
            time.sleep(max(0.0, began + number / self._per_second - time.perf_counter()))
            event = self._corrected(self._reports[number % len(self._reports)], number)
            self.sent[event.event_id] = time.perf_counter()
            self._system.begin_to_send([Timed(self.received_at, event)])

    def _corrected(self, report: SubmissionReceived, number: int) -> SubmissionReceived:
        """Return a report of which one measure has one case more that met it."""
        first, *rest = report.measurements
        met, population = first.performance_met or 0, first.eligible_population or 0
        more = 1 + self._chance.randrange(9)
        row = replace(first, performance_met=met + more, eligible_population=population + more)
        return replace(report, event_id=f"bench-{number}", revision=report.revision + number, measurements=(row, *rest))

    received_at = load_rulebooks(DEFAULT_VINTAGE)[2027].submission.due_instant - timedelta(days=2)


class Listener(threading.Thread):
    """Takes the time at which what an event caused is first read."""

    def __init__(self, system: System) -> None:
        super().__init__(daemon=True)
        self._consumer = KafkaConsumer(
            bootstrap_servers=system.connection.bootstrap, isolation_level="read_committed", fetch_max_wait_ms=20
        )
        places = [TopicPartition(system.names.of(topic), p) for topic in _OUTPUTS for p in range(PARTITIONS)]
        self._consumer.assign(places)
        self._consumer.seek_to_end()
        for place in places:
            self._consumer.position(place)
        self.over = threading.Event()
        self.read: dict[str, float] = {}

    def run(self) -> None:
        """Read until it is over."""
        while not self.over.is_set():
            for records in self._consumer.poll(timeout_ms=50).values():
                now = time.perf_counter()
                for record in records:
                    self.read.setdefault(decode(record.value).cause.event_id, now)
        self._consumer.close()


def latencies(feed: Feed, listener: Listener, since: float, until: float) -> str:
    """Tell the time from producing to reading of what was sent in a span, in milliseconds."""
    sent = {name: at for name, at in list(feed.sent.items()) if since <= at < until}
    took = sorted((listener.read[name] - at) * 1000 for name, at in sent.items() if name in listener.read)
    if len(took) < 100:
        return f"{len(sent)} sent, {len(took)} answered: too few"
    cuts = quantiles(took, n=100)
    return f"{len(sent)} sent, {len(took)} answered, ms p50 {cuts[49]:.0f}, p99 {cuts[98]:.0f}, most {took[-1]:.0f}"


def main(participants: int, per_second: float, replayed_per_second: float) -> None:
    """Play it and print what was measured."""
    rulebook = load_rulebooks(DEFAULT_VINTAGE)[2027]
    world = [t for t in simulate(1, participants, rulebook) if t.received_at < Feed.received_at]
    with deployment() as system:
        system.send(world)
        system.set_clock(Feed.received_at)
        system.worker()
        system.start("project")
        began = time.perf_counter()
        system.await_tick(Feed.received_at, _MOST_SECONDS)
        say(f"{len(world)} events of {participants} clinicians, assessed in {time.perf_counter() - began:.0f} s")
        events = (t.event for t in world)
        reports = [e for e in events if isinstance(e, SubmissionReceived) and e.category == QUALITY and e.npi]
        feed, listener = Feed(system, reports, per_second), Listener(system)
        listener.start()
        feed.start()
        now = time.perf_counter()
        time.sleep(_MEASURED_SECONDS)
        say(f"live alone: {latencies(feed, listener, now, time.perf_counter())}")
        for name, change in CORRECTIONS.items():
            folder = write_rulebooks(system.folder / name, change)
            start = ["replay", "start", "--rulebook", str(folder), "--reason", "a correction"]
            way = ["--full", "--per-second", str(replayed_per_second)] if name == FOLDED else []
            replay(system, [*start, *way, name], (feed, listener))
            switch(system, name, (feed, listener))
        time.sleep(5)
        feed.over.set()
        listener.over.set()


def replay(system: System, command: Sequence[str], watched: tuple[Feed, Listener]) -> None:
    """Run a generation beside the live one until it has caught up."""
    begun = time.perf_counter()
    told = checked(run(system, *command))
    ended = time.perf_counter()
    records = re.search(r"caught up: (\d+) records", told.stderr)
    count = int(records.group(1)) if records else 0
    say(f"{command[-1]}: {count} records in {ended - begun:.1f} s; live: {latencies(*watched, begun, ended)}")


def switch(system: System, name: str, watched: tuple[Feed, Listener]) -> None:
    """Compare, promote and go back."""
    begun = time.perf_counter()
    diff = run(system, "replay", "diff", "live", name)
    say(
        f"diff in {time.perf_counter() - begun:.1f} s, code {diff.returncode}:\n"
        + "\n".join(diff.stdout.splitlines()[:40])
    )
    for command in (["promote", name], ["rollback"]):
        begun = time.perf_counter()
        told = checked(run(system, "replay", *command, "--reason", "a correction"))
        ended = time.perf_counter()
        say(f"{' '.join(command)} in {ended - begun:.1f} s: {told.stderr.strip().splitlines()[-1]}")
        time.sleep(10)
        say(f"  live over the switch: {latencies(*watched, begun, ended + 5)}")
    checked(run(system, "replay", "abandon", name, "--reason", "seen"))


def run(system: System, *arguments: str) -> CompletedProcess[str]:
    """Run a command of the command line to its end."""
    environment = os.environ | system.environment
    command = asm_command(*arguments)
    return subprocess.run(  # noqa: S603 - this program itself
        command, env=environment, capture_output=True, text=True, check=False, timeout=_MOST_SECONDS
    )


def checked(told: CompletedProcess[str]) -> CompletedProcess[str]:
    """Return what a command said, or end where it failed."""
    if told.returncode:
        raise SystemExit(f"{told.args}: {told.stderr}")
    return told


@contextmanager
def deployment() -> Iterator[System]:
    """Yield a deployment on a broker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        broker = EmbeddedBroker(Path(folder) / "kafka", JARS)
        system = System(broker.up().bootstrap, "recalculation.", Path(folder))
        try:
            system.apply_topics()
            yield system
        finally:
            system.end()
            broker.down()


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    given = [float(text) for text in sys.argv[1:]]
    main(int(given[0]) if given else 1000, given[1] if len(given) > 1 else 20, given[2] if len(given) > 2 else 2000)
