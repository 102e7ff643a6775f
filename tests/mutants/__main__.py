"""Change the core in many small ways, and see whether the tests notice.

python -m tests.mutants [--seed 2027] [--sample 600] [--only processors/quality.py]
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from tests.mutants.changes import Change
from tests.mutants.lines import Coverings, read_coverings
from tests.mutants.sampling import all_changes, sample
from tests.mutants.trials import ROOT, Changed, import_libraries, run_tests

_KILLED, _SURVIVED, _TIMEOUT = "killed", "survived", "timeout"
_PERCENT_MIN = 90
_EVERY = 25


def main() -> int:
    """Try a sample of changes, tell what survived, and say whether enough was noticed."""
    asked = _arguments()
    import_libraries()
    changes = sample(all_changes(asked.only), asked.sample, asked.seed)
    _tell(f"seed {asked.seed}: {len(changes)} mutants")
    began = time.monotonic()
    coverings = read_coverings()
    _tell(f"{len(coverings.seconds)} tests on the unchanged core: {time.monotonic() - began:.0f} s")
    outcomes: list[tuple[Change, str]] = []
    for number, change in enumerate(changes, start=1):
        outcome = try_out(change, coverings)
        outcomes.append((change, outcome))
        if outcome == _SURVIVED:
            _tell(f"{change.where} survived {change.kind}\n{change.diff()}")
        if number % _EVERY == 0:
            _tell(f"… {number} of {len(changes)} after {time.monotonic() - began:.0f} s")
    percent = _tell_table(outcomes)
    _tell(f"{percent:.1f} % killed, seed {asked.seed}, {time.monotonic() - began:.0f} s")
    return 0 if percent >= _PERCENT_MIN else 1


def try_out(change: Change, coverings: Coverings) -> str:
    """Run the tests of a change until one notices it."""
    changed = Changed(change.module.name, str(ROOT / change.module.path), change.source())
    for tests in coverings.batches(change.module.path, change.lines):
        code = run_tests(tests, coverings.cost(tests), changed)
        if code != 0:
            return _TIMEOUT if code is None else _KILLED
    return _SURVIVED


def _tell_table(outcomes: Sequence[tuple[Change, str]]) -> float:
    """Print counts by module and by kind, and return the percentage that was noticed."""
    for name, told in (
        ("module", [(c.module.path, outcome) for c, outcome in outcomes]),
        ("kind of change", [(c.kind, outcome) for c, outcome in outcomes]),
    ):
        counts = Counter(told)
        _tell(f"\n{name:42} mutants  killed  survived  timeouts")
        for row in sorted({key for key, _ in told}):
            _tell(_row(row, [counts[row, outcome] for outcome in (_KILLED, _SURVIVED, _TIMEOUT)]))
        _tell(_row("all", [sum(o == outcome for _, o in told) for outcome in (_KILLED, _SURVIVED, _TIMEOUT)]))
    return 100 * sum(outcome != _SURVIVED for _, outcome in outcomes) / max(1, len(outcomes))


def _row(name: str, counts: Iterable[int]) -> str:
    killed, survived, timeouts = counts
    return f"{name:42} {killed + survived + timeouts:7} {killed:7} {survived:9} {timeouts:9}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--sample", type=int, default=600, help="how many mutants at least")
    parser.add_argument("--only", default="", help="the beginning of the places to change: processors/quality.py:120")
    return parser.parse_args()


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    sys.exit(main())
