"""How soon after an outage across the cutoff every missed obligation is announced, on a real Kafka.

A cohort's roster, claims and submissions are assessed up to the day before the cutoff; the worker is stopped; the clock
moves past the cutoff; a worker is started and the time is taken until each partition has ticked.

python -m bench.outage [participants [workers]]
"""

import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from infra.kafka.broker import EmbeddedBroker
from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.events import ClaimReceived
from processors.outputs import ObligationChanged
from processors.simulation import simulate
from tests.integration.system import System

PARTICIPANTS = 8600
JARS = Path(__file__).parents[1] / ".kafka" / "lib"
_MOST_SECONDS = 1800


def main(participants: int, workers: int) -> None:
    """Play the outage and print what was announced, how often, and when."""
    rulebook = next(iter(load_rulebooks(DEFAULT_VINTAGE).values()))
    told = simulate(1, participants, rulebook)
    due = rulebook.submission.due_instant
    before, after = due - timedelta(days=1), due + timedelta(days=2)
    with tempfile.TemporaryDirectory() as folder:
        broker = EmbeddedBroker(Path(folder) / "kafka", JARS)
        system = System(broker.up().bootstrap, "outage.", Path(folder))
        try:
            system.apply_topics()
            worker = system.worker()
            system.send(t for t in told if t.received_at < before and not isinstance(t.event, ClaimReceived))
            system.set_clock(before)
            system.await_tick(before, _MOST_SECONDS)
            worker.process.terminate()
            worker.process.wait(_MOST_SECONDS)
            system.set_clock(after)
            started = time.perf_counter()
            for _ in range(workers):
                system.worker("--supervise")
            system.await_tick(after, _MOST_SECONDS)
            seconds = time.perf_counter() - started
            report(system, seconds)
        finally:
            system.end()
            broker.down()


def report(system: System, seconds: float) -> None:
    """Print how often each missed obligation was announced."""
    outputs = system.outputs("asm.compliance.v1")
    missed = Counter(o.obligation_id for o in outputs if isinstance(o, ObligationChanged) and o.status == "MISSED")
    print(  # noqa: T201
        f"{len(missed)} missed obligations, {sum(missed.values())} announcements, all within {seconds:.1f} s of the "
        "worker's start"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PARTICIPANTS, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
