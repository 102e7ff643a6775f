"""This system beside its peers on the same claims and one broker: events a second, processor time, memory, outputs.

Every engine runs in turn, and all of that several times. What is measured, and what each does more or less than the
others, is told in docs/decisions/0020-beside-its-peers.md.

python -m bench.engine [--events N] [--beneficiaries N] [--runs N] [--only NAME ...] [--out FILE]
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.engines.claims import Size
from bench.engines.cluster import Cluster
from bench.engines.deployment import Deployment
from bench.engines.measuring import Measured, Trial, measure
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A broker of its own, and where the engines' logs go."""

    cluster: Cluster
    broker_pid: int
    folder: Path

    def measure(self, trial: Trial, name: str) -> Measured:
        """Run a trial."""
        return measure(trial, self.cluster, self.broker_pid, self.folder / f"{name}.log")


def main(size: Size, runs: int, engines: Sequence[Engine]) -> Results:
    """Measure engines, each so often, and return what was measured."""
    measured: defaultdict[str, list[Measured]] = defaultdict(list)
    with bench() as on:
        prepared = prepare(on, size, runs if any(e.name == Assessment.name for e in engines) else 0)
        for run in range(runs):
            for engine in engines:
                result = on.measure(engine.trial(prepared, on.cluster, run), f"{engine.name}-{run}")
                measured[engine.name].append(result)
                say(f"run {run + 1}, {engine.name}: {result.events / result.seconds:,.0f} events/s")
    return Results(size=size, measured=dict(measured), notes={engine.name: engine.note for engine in engines})


def prepare(on: Bench, size: Size, generations: int) -> Prepared:
    """Fill the topics; generations of assessment, one a run, know the roster before the claims are there."""
    bootstrap = on.cluster.bootstrap
    assessment, admission = (Deployment(bootstrap=bootstrap, namespace=f"{name}.") for name in ("journal", "inbound"))
    assessment.create_topics()
    admission.create_topics()
    on.cluster.create(CLAIMS)
    on.cluster.create(SHORT)
    rulebook = min(load_rulebooks(DEFAULT_VINTAGE).items())[1]
    preparing = Preparing(size, rulebook, (assessment, admission))
    preparing.roster()
    for run in range(generations):
        on.measure(Assessment().roster_trial(assessment, on.cluster, run), f"roster-{run}")
    say(f"{size.clinicians:,} clinicians listed")
    prepared = preparing.claims(_SHORT_EVENTS, on.folder)
    say(f"{prepared.events:,} claims, {sum(n for n, _ in prepared.totals.values()):,} distinct")
    return prepared


@contextmanager
def bench() -> Iterator[Bench]:
    """Yield a broker of its own, with nothing on it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = EmbeddedBroker(folder / "kafka", JARS)
        running = broker.up()
        cluster = Cluster(running.bootstrap)
        try:
            yield Bench(cluster=cluster, broker_pid=running.pid, folder=folder)
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
    parser.add_argument("--beneficiaries", type=int, default=_ORDINARY.beneficiaries, help="as many as clinicians: 8600")
    parser.add_argument("--runs", type=int, default=3, help="of each engine, in turn")
    parser.add_argument("--only", nargs="+", default=[], help="names of engines")
    parser.add_argument("--out", type=Path, default=LATEST, help="file of the results; the plot is written beside it")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    chosen = [e for e in (Assessment(), Admission(), *ORDINARY) if not given.only or e.name in given.only]
    prepare_libraries()
    results = main(
        Size(events=given.events, clinicians=given.clinicians, beneficiaries=given.beneficiaries), given.runs, chosen
    )
    write(results, given.out)
    say(table(results))
