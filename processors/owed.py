"""What a practice and its clinicians owe: every measure of the cohort, cost, both activities, the PI set."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from processors.clinician import Clinician, late_for, roster_of, waiting_for
from processors.cost import COST, cost_measure_of
from processors.data_submission import View
from processors.gaps import Gap
from processors.obligations import (
    Affected,
    Exposure,
    Item,
    Moment,
    Obligation,
    Progress,
    obligation,
    waiting_stage,
)
from processors.practice import Practice, activity_items, interoperability_item
from processors.quality import QUALITY, Judged
from processors.rulebook import Rulebook
from processors.rulebook.sections import CostMeasureRule, QualityMeasure
from processors.score_tree import ZERO
from processors.scoring import ScoredClinician


def clinician_obligations(judged: ScoredClinician, moment: Moment) -> Iterator[Obligation]:
    """Return how each measure of a clinician's cohorts and its cost measure stand.

    Measures of a cohort that the roster has left are shown as not required any more.
    """
    clinician, rulebook = judged.clinician, moment.rulebook
    roster = roster_of(clinician)
    for measure in rulebook.quality.measures:
        if measure.cohort == roster.cohort or measure.cohort in roster.former_cohorts:
            owed = judged.outlook is not None and measure.cohort == roster.cohort
            progress = _measure_progress(measure, clinician, rulebook) if owed else Progress(needs_nothing=True)
            yield _clinician_obligation(_quality_item(measure, clinician, rulebook), progress, judged, moment)
    cost = cost_measure_of(roster.cohort, rulebook)
    if cost is not None:
        excused = judged.outlook is not None and COST in clinician.excused
        progress = Progress(needs_nothing=True, excused=excused)
        yield _clinician_obligation(_cost_item(cost, clinician, rulebook), progress, judged, moment)


def practice_obligations(practice: Practice, judged: Sequence[ScoredClinician], moment: Moment) -> Iterator[Obligation]:
    """Return how the activities and the PI set of a practice stand, and what they may cost whom."""
    if not judged:
        return
    participating = [j for j in judged if j.outlook is not None]
    for item, progress in (*activity_items(practice, moment), interoperability_item(practice, moment)):
        affected = tuple(Affected(npi=j.clinician.facts.npi, points=j.stake(item.item).points) for j in participating)
        most = max((a.points for a in affected), default=ZERO)
        owed = _for_all(progress, item.category, participating) if participating else Progress(needs_nothing=True)
        yield obligation(item, owed, Exposure(points=most, affected=affected), moment)


def _for_all(progress: Progress, category: str, participating: Sequence[ScoredClinician]) -> Progress:
    """What the TIN reports for all is excused, or reported elsewhere, also where that holds for each of them."""
    return replace(
        progress,
        excused=all(category in j.clinician.excused for j in participating),
        elsewhere=all(category in j.clinician.elsewhere for j in participating),
    )


def _clinician_obligation(item: Item, progress: Progress, judged: ScoredClinician, moment: Moment) -> Obligation:
    stake = judged.stake(item.item)
    return obligation(item, progress, Exposure(points=stake.points, cliff=stake.cliff), moment)


def _quality_item(measure: QualityMeasure, clinician: Clinician, rulebook: Rulebook) -> Item:
    source = rulebook.quality.sources["measures"]
    return Item(
        tin=clinician.facts.tin,
        npi=clinician.facts.npi,
        category=QUALITY,
        item=measure.measure_id,
        title=f"Measure {measure.measure_id}: {measure.title}",
        cites=source.cites,
        standing=source.standing,
        from_claims=not measure.collection_types,
    )


def _cost_item(measure: CostMeasureRule, clinician: Clinician, rulebook: Rulebook) -> Item:
    source = rulebook.cost.sources["cost_measures"]
    return Item(
        tin=clinician.facts.tin,
        npi=clinician.facts.npi,
        category=COST,
        item=measure.measure_id,
        title=measure.title,
        cites=source.cites,
        standing=source.standing,
        from_claims=True,
    )


def _measure_progress(measure: QualityMeasure, clinician: Clinician, rulebook: Rulebook) -> Progress:
    reading = clinician.quality[View.RECEIPTED]
    judged, known = reading.judged[measure.measure_id], measure.measure_id in reading.units
    return Progress(
        satisfied=known and judged.complete,
        worthless=known and not judged.complete,
        stays_at_risk=True,
        waiting=waiting_stage(waiting_for(measure, clinician, rulebook)),
        late=bool(late_for(measure, clinician, rulebook)),
        needs_nothing=not measure.collection_types,
        excused=QUALITY in clinician.excused,
        elsewhere=QUALITY in clinician.elsewhere,
        gaps=() if not measure.collection_types or (known and judged.complete) else (_measure_gap(judged),),
    )


def _measure_gap(judged: Judged) -> Gap:
    """Say what keeps a measure from counting; where it was reported with the cases reported and eligible."""
    reason, inputs = judged.part.reasons[0], judged.part.inputs
    counts = ("performance_met", "performance_not_met", "exclusions", "exceptions")
    return Gap(
        code=reason.code,
        message=reason.message,
        subject=judged.measure_id,
        have=sum(int(inputs[name]) for name in counts) if inputs else None,
        need=int(inputs["eligible_population"]) if inputs else None,
    )
