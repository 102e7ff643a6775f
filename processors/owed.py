"""What a practice and its clinicians owe: every measure of the cohort, cost, both activities, the PI set."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from processors.clinician import Clinician, ReportsUnderWay, is_scored, reports_under_way, roster_of
from processors.cost import COST
from processors.gaps import Gap
from processors.notices import error_notice
from processors.obligations import Affected, Exposure, Obligation, obligation
from processors.practice import Practice, activity_items, interoperability_item
from processors.progress import Item, Moment, Progress, overdue_at, rejections_of, waiting_stage
from processors.quality import QUALITY, Judged
from processors.readiness import readiness_items
from processors.rulebook import Rulebook
from processors.rulebook.sections import CostMeasureRule, QualityMeasure
from processors.score_tree import ZERO
from processors.scoring import ScoredClinician

#: An item and how far it is.
Owed = tuple[Item, Progress]


def clinician_items(clinician: Clinician, rulebook: Rulebook) -> tuple[Owed, ...]:
    """Return how far each measure of a listed clinician's cohorts and their cost measures are; time does not matter.

    Measures of a cohort that the roster has left are shown as not required any more; of who is not scored, all are.
    """
    roster = roster_of(clinician)
    scored = is_scored(clinician, rulebook)
    under_way = reports_under_way(clinician, rulebook)
    items = []
    for measure in rulebook.quality.measures:
        if measure.cohort == roster.cohort or measure.cohort in roster.former_cohorts:
            progress = Progress(needs_nothing=True)
            if scored and measure.cohort == roster.cohort:
                progress = _measure_progress(measure, clinician, under_way, rulebook)
            items.append((_quality_item(measure, clinician, rulebook), progress))
    for cost in rulebook.cost.cost_measures:
        if cost.cohort == roster.cohort or cost.cohort in roster.former_cohorts:
            excused = scored and cost.cohort == roster.cohort and COST in clinician.excused
            progress = Progress(needs_nothing=True, excused=excused, because=clinician.because.get(COST))
            items.append((_cost_item(cost, clinician, rulebook), progress))
    for notice, progress in error_notice(clinician.facts, clinician.determinations, rulebook):
        items.append((notice, progress if scored else Progress(needs_nothing=True)))
    return tuple(items)


def practice_items(practice: Practice, listed: Sequence[Clinician], moment: Moment) -> Iterator[Owed]:
    """Yield how far everything is that a practice owes for all its listed clinicians, the checklist too."""
    yield from reported_items(practice, listed, moment)
    if listed:
        participating = any(is_scored(c, moment.rulebook) for c in listed)
        for item, progress in readiness_items(practice.facts.tin, practice.facts.readiness, moment):
            yield item, progress if participating else Progress(needs_nothing=True)


def reported_items(practice: Practice, listed: Sequence[Clinician], moment: Moment) -> Iterator[Owed]:
    """Yield how far the activities and the PI set are that a practice reports for all its listed clinicians."""
    if not listed:
        return
    participating = [c for c in listed if is_scored(c, moment.rulebook)]
    for item, progress in (*activity_items(practice, moment), interoperability_item(practice, moment)):
        yield item, _for_all(progress, item.category, participating) if participating else Progress(needs_nothing=True)


def clinician_obligations(judged: ScoredClinician, items: Iterable[Owed], moment: Moment) -> Iterator[Obligation]:
    """Yield how the items of a clinician stand, and what they may cost."""
    for item, progress in items:
        stake = judged.stake(item.item)
        yield obligation(item, progress, Exposure(points=stake.points, cliff=stake.cliff), moment)


def practice_obligations(practice: Practice, judged: Sequence[ScoredClinician], moment: Moment) -> Iterator[Obligation]:
    """Yield how the items of a practice stand, and what they may cost whom."""
    participating = [j for j in judged if j.outlook is not None]
    for item, progress in practice_items(practice, [j.clinician for j in judged], moment):
        affected = tuple(Affected(npi=j.clinician.facts.npi, points=j.stake(item.item).points) for j in participating)
        most = max((a.points for a in affected), default=ZERO)
        yield obligation(item, progress, Exposure(points=most, affected=affected), moment)


def _for_all(progress: Progress, category: str, participating: Sequence[Clinician]) -> Progress:
    """What the TIN reports for all is excused, or reported elsewhere, also where that holds for each of them."""
    excused = all(category in c.excused for c in participating)
    elsewhere = all(category in c.elsewhere for c in participating)
    if (excused, elsewhere) == (progress.excused, progress.elsewhere):
        return progress
    because = progress.because or participating[0].because.get(category)
    return replace(progress, excused=excused, elsewhere=elsewhere, because=because)


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
        by_deadline=bool(measure.collection_types),
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
        by_deadline=False,
    )


def _measure_progress(
    measure: QualityMeasure, clinician: Clinician, under_way: ReportsUnderWay, rulebook: Rulebook
) -> Progress:
    reading = clinician.quality
    judged, known = reading.judged[measure.measure_id], measure.measure_id in reading.units
    waiting = [r for r, reported in under_way.waiting if measure.measure_id in reported]
    return Progress(
        satisfied=known and judged.complete,
        worthless=known and not judged.complete,
        stays_at_risk=True,
        waiting=waiting_stage(waiting),
        overdue_at=overdue_at(waiting, rulebook),
        rejections=rejections_of(r for r, reported in under_way.rejected if measure.measure_id in reported),
        late=any(measure.measure_id in reported for _, reported in under_way.late),
        needs_nothing=not measure.collection_types,
        excused=QUALITY in clinician.excused,
        elsewhere=QUALITY in clinician.elsewhere,
        because=clinician.because.get(QUALITY),
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
