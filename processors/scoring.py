"""A listed clinician's score: now, as prepared, and what can still be reached."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from processors.clinician import (
    Clinician,
    is_scored,
    rests_on_estimates,
    roster_of,
    score,
)
from processors.data_submission import View
from processors.determinations import value_of
from processors.explanation import origins_of, score_tree, unscored_tree
from processors.identity import Npi, Tin
from processors.origins import with_origins
from processors.outlook import outlook_of
from processors.outputs import PaymentScenario
from processors.payment import scenarios_of
from processors.practice import Practice
from processors.progress import Moment
from processors.reachable import Outlook, Stake, highest_reachable, lowest_reachable, stakes_of
from processors.rulebook import Rulebook, Standing
from processors.score_tree import ZERO, Part, has_reason, standing_of

_NOTHING_AT_STAKE = Stake(points=ZERO)
_ESTIMATED = frozenset({"HISTORICAL_BENCHMARK", "AWAITING_CMS", "NO_REFERENCE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A clinician's score at an instant: as if the window closed now, as prepared, and what can still be reached."""

    tin: Tin
    npi: Npi
    performance_year: int
    cohort: str
    final_score: Decimal | None
    prepared_score: Decimal | None
    lowest_reachable: Decimal | None
    highest_reachable: Decimal | None
    payment: tuple[PaymentScenario, ...] | None
    part_b_paid_cents: int | None
    tree: Part
    standing: Standing
    estimate: bool
    name: str | None
    organization: str | None
    practice_alias: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredClinician:
    """A listed clinician, the score, and the outlook of one who participates."""

    clinician: Clinician
    score: Score
    outlook: Outlook | None
    stakes: Mapping[str, Stake]

    def stake(self, item: str) -> Stake:
        """Return the points at stake of an item."""
        return self.stakes.get(item, _NOTHING_AT_STAKE)


def score_clinician(clinician: Clinician, practice: Practice, moment: Moment) -> ScoredClinician:
    """Score a listed clinician now, as prepared, and as far as can still be reached."""
    rulebook = moment.rulebook
    if not is_scored(clinician, rulebook):
        tree = unscored_tree(clinician, rulebook)
        return ScoredClinician(clinician=clinician, score=_score(clinician, tree, rulebook), outlook=None, stakes={})
    now, prepared = (score(clinician, practice, view, rulebook) for view in (View.RECEIPTED, View.PREPARED))
    outlook = outlook_of(clinician, practice, moment)
    lowest = _clamped(lowest_reachable(outlook, rulebook), rulebook)
    highest = _clamped(highest_reachable(outlook, rulebook), rulebook)
    scored = replace(
        _score(
            clinician, with_origins(score_tree(clinician, now, rulebook), origins_of(clinician, practice)), rulebook
        ),
        final_score=now.final,
        prepared_score=prepared.final,
        lowest_reachable=lowest,
        highest_reachable=highest,
        payment=scenarios_of(lowest, highest, rulebook.payment),
    )
    return ScoredClinician(clinician=clinician, score=scored, outlook=outlook, stakes=stakes_of(outlook, rulebook))


def _score(clinician: Clinician, tree: Part, rulebook: Rulebook) -> Score:
    listing = roster_of(clinician).listing
    return Score(
        tin=clinician.facts.tin,
        npi=clinician.facts.npi,
        performance_year=rulebook.performance_year,
        cohort=listing.cohort,
        final_score=None,
        prepared_score=None,
        lowest_reachable=None,
        highest_reachable=None,
        payment=None,
        part_b_paid_cents=value_of(clinician.determinations.paid),
        tree=tree,
        standing=standing_of(tree),
        estimate=has_reason(tree, _ESTIMATED) or rests_on_estimates(clinician, rulebook),
        name=listing.name,
        organization=listing.organization,
        practice_alias=listing.practice_alias,
    )


def _clamped(raw: Decimal | None, rulebook: Rulebook) -> Decimal | None:
    return None if raw is None else min(raw, rulebook.final_score.range.highest)
