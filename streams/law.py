"""Under what assessment runs: the rulebooks by performance year, and the name of the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from processors.engine import ENGINE
from processors.episodes import EpisodeRules, episode_rules, keeping
from processors.rulebook import Rulebook
from schemas.state import PartitionMark
from schemas.topics import LIVE


@dataclass(frozen=True, kw_only=True)
class Law:
    """Under what assessment runs: the rulebooks by performance year, and the name of the run.

    ``promoted`` names the generation from which the rulebooks were taken over; empty: they are the deployment's.
    """

    rulebooks: Mapping[int, Rulebook]
    generation: str = LIVE
    promoted: str = ""

    @cached_property
    def episode_rules(self) -> Mapping[int, EpisodeRules]:
        """What decides over episodes, by performance year; years with equal rules share them."""
        found: list[EpisodeRules] = []
        by_year = {}
        for year, rulebook in self.rulebooks.items():
            rules = episode_rules(rulebook)
            if rules not in found:
                found.append(rules)
            by_year[year] = found[found.index(rules)]
        return by_year

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The digest of each rulebook, by performance year."""
        return {str(year): rulebook.digest for year, rulebook in self.rulebooks.items()}

    @cached_property
    def fold(self) -> str:
        """A digest of what decides over the fold: under equal ones a journal comes to equal facts."""
        return sha256(f"{ENGINE}\n{keeping(list(self.episode_rules.values()))}".encode()).hexdigest()

    def fresh_mark(self) -> PartitionMark:
        """Return the mark of a partition of which nothing was applied yet."""
        return PartitionMark(applied=-1, as_of=None, engine=ENGINE, rulebooks=self.digests, promoted=self.promoted)
