"""The long form: ``python -m tests.faults [--clinicians N] [--claims-factor N] [--kills N] [--seed N]``."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from infra.kafka.broker import EmbeddedBroker
from tests.faults.chaos import Plan
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
    given = options.parse_args()
    world = large_world(given.seed, given.clinicians, given.claims_factor)
    print(f"{len(world)} events of {given.clinicians} clinicians, seed {given.seed}", flush=True)
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


sys.exit(main())
