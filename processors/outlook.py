"""Which items of a clinician are open, and what may become of each: the ground of the reachable scores.

Before the deadline an item is open where nothing that counts scores it or leaves it out, or where CMS owes it; after
the deadline where CMS owes it, or where it was sent in time and is not proven, with its own outcome and without it.
"""

from collections.abc import Mapping
from decimal import Decimal

from processors.clinician import Clinician, cost_given, measures_of, owes_cost, reports_under_way, roster_of
from processors.cost import cost_measure_of, score_cost
from processors.determinations import is_owed, value_of
from processors.final_score import complex_patients_part, small_practice_part
from processors.practice import Practice
from processors.progress import Moment
from processors.promoting_interoperability import PROMOTING_INTEROPERABILITY
from processors.quality import Judged, judge_alone
from processors.reachable import MeasureOutcome, Outlook
from processors.rulebook import Rulebook
from processors.rulebook.sections import QualityMeasure
from processors.score_tree import ARITHMETIC, ZERO
from processors.vocabulary import Stage

COMPLEX_PATIENTS = "COMPLEX_PATIENTS"


def outlook_of(clinician: Clinician, practice: Practice, moment: Moment) -> Outlook:
    """Return the possible outcomes of every item of a clinician at a moment."""
    rulebook = moment.rulebook
    return Outlook(
        measures=_measures(clinician, moment),
        cost=_cost(clinician, rulebook),
        activities=_activities(practice, moment),
        added={
            PROMOTING_INTEROPERABILITY: _interoperability(practice, moment),
            COMPLEX_PATIENTS: _complex_patients(clinician, rulebook),
        },
        certain=small_practice_part(roster_of(clinician).listing, rulebook).value or ZERO,
    )


def _measures(clinician: Clinician, moment: Moment) -> Mapping[str, tuple[MeasureOutcome, ...]]:
    return {
        m.measure_id: _measure_outcomes(m, clinician, moment)
        if m.collection_types
        else _claims_outcomes(m, clinician, moment.rulebook)
        for m in measures_of(clinician, moment.rulebook)
    }


def _claims_outcomes(measure: QualityMeasure, clinician: Clinician, rulebook: Rulebook) -> tuple[MeasureOutcome, ...]:
    rules = rulebook.quality
    if is_owed(clinician.determinations.claims.get(measure.measure_id)):
        points = (rules.points_min, rules.points_max, None)
        return tuple(MeasureOutcome(p, submitted=False) for p in points)
    return (_settled(clinician.quality.judged[measure.measure_id]),)


def _measure_outcomes(measure: QualityMeasure, clinician: Clinician, moment: Moment) -> tuple[MeasureOutcome, ...]:
    rules, now = moment.rulebook.quality, clinician.quality
    judged, known = now.judged[measure.measure_id], measure.measure_id in now.units
    if moment.closed:
        waiting = () if known else reports_under_way(clinician, moment.rulebook).waiting
        sent = (r for r, reported in waiting if r.stage is Stage.SENT and measure.measure_id in reported)
        proven = (judge_alone(r, measure, moment.rulebook) for r in sent)
        return tuple(dict.fromkeys((_settled(judged), *map(_settled, proven))))
    if known and judged.complete:
        return (_settled(judged),)
    nothing = MeasureOutcome(rules.points_incomplete, submitted=judged.counts_as_submitted)
    return nothing, *(MeasureOutcome(p, submitted=True) for p in (rules.points_min, rules.points_max, None))


def _settled(judged: Judged) -> MeasureOutcome:
    return MeasureOutcome(judged.points, judged.counts_as_submitted)


def _cost(clinician: Clinician, rulebook: Rulebook) -> Mapping[str, tuple[Decimal | None, ...]]:
    measure = cost_measure_of(roster_of(clinician).cohort, rulebook)
    if measure is None:
        return {}
    scored = score_cost(roster_of(clinician).cohort, cost_given(clinician, rulebook), rulebook)
    awaiting = scored.part.parts[0].reasons[0].code == "AWAITING_CMS"
    if owes_cost(clinician, rulebook) or awaiting:
        least = ARITHMETIC.divide(rulebook.cost.points_min, rulebook.cost.points_max)
        return {measure.measure_id: (least, Decimal(1), None)}
    return {measure.measure_id: (scored.value,)}


def _activities(practice: Practice, moment: Moment) -> Mapping[str, tuple[bool, ...]]:
    outcomes: dict[str, tuple[bool, ...]] = {}
    for now in practice.now.activities:
        activity_id = now.activity.activity_id
        if now.done:
            outcomes[activity_id] = (True,)
        else:
            may_be_done = not moment.closed or activity_id in practice.unproven_activities
            outcomes[activity_id] = (False, True) if may_be_done else (False,)
    return outcomes


def _interoperability(practice: Practice, moment: Moment) -> tuple[Decimal, ...]:
    now = practice.now.interoperability
    effect = now.part.value or ZERO
    if moment.closed:
        proven = () if now.revision is not None else practice.unproven_sets
        return tuple(dict.fromkeys((effect, *(s.part.value or ZERO for s in proven))))
    if now.share > 0:
        return (effect,)
    return moment.rulebook.interoperability.effect_max, ZERO


def _complex_patients(clinician: Clinician, rulebook: Rulebook) -> tuple[Decimal, ...]:
    part = complex_patients_part(value_of(clinician.determinations.complexity), rulebook)
    if part.value is None or is_owed(clinician.determinations.complexity):
        return ZERO, part.max or ZERO
    return (part.value,)
