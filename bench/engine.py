"""This system beside its peers on the same claims and one broker: events a second, processor time, memory, outputs.

Every engine runs in turn, and all of that several times. What is measured, and what each does more or less than the
others, is told in docs/decisions/0023-beside-its-peers.md.

python -m bench.engine [--events N] [--beneficiaries N] [--runs N] [--only NAME ...] [--out FILE]
"""

import argparse
import itertools
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bench.engines.claims import Size
from bench.engines.cluster import Cluster
from bench.engines.deployment import Deployment
from bench.engines.measuring import Measured, NotDone, Observer, Trial, WrongResult
from bench.engines.peers import ORDINARY, prepare_libraries
from bench.engines.prepared import CLAIMS, SHORT, Prepared, Preparing
from bench.engines.product import Admission, Assessment
from bench.engines.results import Results, table, write
from infra.kafka.broker import EmbeddedBroker
from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks

JARS = Path(__file__).parents[1] / ".kafka" / "lib"
LATEST = Path(__file__).parent / "results" / "latest.json"
_SHORT_EVENTS = 20_000
_ORDINARY = Size()


class Engine(Protocol):
    """What can be measured."""

    @property
    def name(self) -> str:
        """The name in the results."""

    @property
    def note(self) -> str:
        """What work it does more or less than the others."""

    def trial(self, prepared: Prepared, cluster: Cluster, run: int) -> Trial:
        """Return one run."""


def main(size: Size, runs: int, engines: Sequence[Engine]) -> tuple[Results, list[str]]:
    """Measure engines, each so often; return what was measured, and what failed."""
    measured: defaultdict[str, list[Measured]] = defaultdict(list)
    failed: list[str] = []
    with observer() as on:
        prepared = prepare(on, size, runs if any(e.name == Assessment.name for e in engines) else 0)
        for run, engine in itertools.product(range(runs), engines):
            try:
                result = on.measure(engine.trial(prepared, on.cluster, run), f"{engine.name}-{run}")
            except (NotDone, WrongResult) as error:  # the others are worth their figures
                failed.append(f"{engine.name}, run {run + 1}: {error}")
                say(failed[-1])
                continue
            measured[engine.name].append(result)
            say(f"run {run + 1}, {engine.name}: {result.events / result.seconds:,.0f} events/s")
    return Results(size=size, measured=dict(measured), notes={e.name: e.note for e in engines}), failed


def prepare(on: Observer, size: Size, generations: int) -> Prepared:
    """Fill the topics; generations of assessment, one a run, know the roster before the claims are there."""
    bootstrap = on.cluster.bootstrap
    assessment, admission = (
        Deployment(bootstrap=bootstrap, namespace=f"bench.{name}.") for name in ("journal", "inbound")
    )
    assessment.create_topics()
    admission.create_topics()
    on.cluster.create(CLAIMS)
    on.cluster.create(SHORT)
    rulebook = min(load_rulebooks(DEFAULT_VINTAGE).items())[1]
    preparing = Preparing(size, rulebook, (assessment, admission))
    preparing.roster()
    if generations:
        took = on.measure(Assessment().roster_trial(assessment, on.cluster), "roster")
        say(f"roster of {size.clinicians:,} clinicians assessed in {took.seconds:.0f} s, not counted below")
    for run in range(1, generations):
        Assessment().copy_roster(assessment, on.cluster, run)
    prepared = preparing.claims(_SHORT_EVENTS, on.folder)
    say(f"{prepared.events:,} claims, {sum(n for n, _ in prepared.totals.values()):,} distinct")
    return prepared


@contextmanager
def observer() -> Iterator[Observer]:
    """Yield a broker of its own, with nothing on it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = EmbeddedBroker(folder / "kafka", JARS)
        running = broker.up()
        cluster = Cluster(running.bootstrap)
        try:
            yield Observer(cluster=cluster, broker_pid=running.pid, folder=folder)
        finally:
            cluster.close()
            broker.down()


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=_ORDINARY.events, help="claims sent, repeats among them")
    parser.add_argument("--clinicians", type=int, default=_ORDINARY.clinicians)
    parser.add_argument(
        "--beneficiaries", type=int, default=_ORDINARY.beneficiaries, help="8600: as many as clinicians"
    )
    parser.add_argument("--runs", type=int, default=3, help="of each engine, in turn")
    parser.add_argument("--only", nargs="+", default=[], help="names of engines")
    parser.add_argument("--out", type=Path, default=LATEST, help="file of the results; the plot is written beside it")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    everything: tuple[Engine, ...] = (Assessment(), Admission(), *ORDINARY)
    prepare_libraries()
    results, failures = main(
        Size(events=given.events, clinicians=given.clinicians, beneficiaries=given.beneficiaries),
        given.runs,
        [engine for engine in everything if not given.only or engine.name in given.only],
    )
    write(results, given.out)
    say(table(results))
    sys.exit("\n".join(failures) or None)
