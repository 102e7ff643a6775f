"""Which changes are tried: a seeded sample of every module of the core."""

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from tests.mutants.changes import Change, changes_of, read_module
from tests.mutants.trials import ROOT

#: Modules that are not changed: a world that does not exist, and a table of texts.
LEFT_OUT = {
    "processors/simulated_claims.py",
    "processors/simulated_faults.py",
    "processors/simulated_reports.py",
    "processors/simulated_world.py",
    "processors/simulation.py",
    "processors/reasons.py",
}
_A_MODULE_MIN = 5


def all_changes(only: str = "") -> list[list[Change]]:
    """Return the changes of each module whose places begin so."""
    paths = sorted((ROOT / "processors").rglob("*.py"))
    modules = [read_module(path, ROOT) for path in paths if str(path.relative_to(ROOT)) not in LEFT_OUT]
    return [[c for c in changes_of(m) if c.where.startswith(only)] for m in modules]


def sample(changes: Sequence[Sequence[Change]], size: int, seed: int) -> list[Change]:
    """Draw at least so many changes where there are so many, from every module by its number of them.

    Within a module the kinds of change take turns: otherwise seven in ten would be an argument that is left out or
    None, which nearly every test notices. What is drawn from a module rests on the seed and on that module alone.
    """
    total = sum(map(len, changes))
    drawn: list[Change] = []
    for of_module in changes:
        share = max(_A_MODULE_MIN, -(-size * len(of_module) // max(1, total)))
        drawn += _in_turns(of_module, seed)[:share]
    return drawn


def _in_turns(changes: Sequence[Change], seed: int) -> list[Change]:
    chance = Random(seed)  # noqa: S311 - a sample, not a secret
    by_kind: dict[str, list[Change]] = defaultdict(list)
    for change in chance.sample(list(changes), len(changes)):
        by_kind[change.kind].append(change)
    turns = [(turn, kind, change) for kind, found in by_kind.items() for turn, change in enumerate(found)]
    return [change for _, _, change in sorted(turns, key=lambda t: t[:2])]
