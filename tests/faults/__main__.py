"""The long forms: ``python -m tests.faults [--clinicians N] [--claims-factor N] [--kills N] [--seed N]``.

With ``--cluster`` three brokers are killed one at a time, the leader and the controller in turn, ``--rounds`` times.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from infra.kafka.broker import EmbeddedBroker
from processors.events import Event
from processors.simulated_world import Timed
from tests.faults.chaos import Plan
from tests.faults.cluster import QUICK, Cluster
from tests.faults.failover import FailoverPlan, run_failover
from tests.faults.runs import run
from tests.faults.world import large_world

JARS = Path(__file__).parents[2] / ".kafka" / "lib"


def main() -> int:
    """Play, judge, and print what was done and what is broken."""
    options = argparse.ArgumentParser(prog="python -m tests.faults")
    options.add_argument("--clinicians", type=int, default=1600)
    options.add_argument("--claims-factor", type=int, default=5)
    options.add_argument("--kills", type=int, default=24)
    options.add_argument("--freezes", type=int, default=6)
    options.add_argument("--broker-restarts", type=int, default=3)
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--cluster", action="store_true")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--per-second", type=int, default=100)
    options.add_argument("--slow-failover", action="store_true", help="Kafka's own time-outs instead of short ones")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends too
    world = large_world(given.seed, given.clinicians, given.claims_factor)
    print(f"{len(world)} events of {given.clinicians} clinicians, seed {given.seed}", flush=True)
    return play_cluster(world, given) if given.cluster else play(world, given)


def play(world: list[Timed[Event]], given: argparse.Namespace) -> int:
    """Kill, freeze and restart what runs on one broker."""
    plan = Plan(
        seed=given.seed,
        kills=given.kills,
        freezes=given.freezes,
        broker_restarts=given.broker_restarts,
        steps=given.steps,
        say=lambda text: print(text, flush=True),
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        broker = EmbeddedBroker(Path(folder) / "kafka", JARS)
        verdict, done, codes = run(world, plan, broker, Path(folder))
    print(f"{time.monotonic() - began:.0f} s; done: {dict(done)}; exit codes at the end: {codes}")
    print(f"figures: {verdict.figures}")
    print(f"broken: {dict(verdict.broken) or 'nothing'}")
    return 1 if verdict.broken else 0


def play_cluster(world: list[Timed[Event]], given: argparse.Namespace) -> int:
    """Kill one of three brokers at a time."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s: {text}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "kafka", JARS, "" if given.slow_failover else QUICK)
        try:
            cluster.up()
            plan = FailoverPlan(seed=given.seed, rounds=given.rounds, per_second=given.per_second, say=say)
            outcome = run_failover(world, plan, cluster, Path(folder))
            say(f"resident: {cluster.resident_mb()} MB")
        finally:
            cluster.down()
    say(f"done: {dict(outcome.done)}; exit codes at the end: {outcome.codes}; errors: {dict(outcome.errors)}")
    for pause in outcome.pauses:
        print(f"{pause.killed} killed: feed {pause.feed} s, assessment {pause.assessment} s")
    print(f"figures: {outcome.verdict.figures}")
    print(f"broken: {dict(outcome.verdict.broken) or 'nothing'}")
    return 1 if outcome.verdict.broken else 0


sys.exit(main())
