"""Which items of a clinician are open, and what may become of each: the ground of the reachable scores.

Before the deadline an item is open where nothing that counts scores it or leaves it out, or where CMS owes it; after
the deadline where CMS owes it, or where it was sent in time and is not proven, with its own outcome and without it.
"""

from collections.abc import Mapping
from decimal import Decimal

from processors.clinician import Clinician, measures_of, owes_cost, read_quality, roster_of, waiting_for
from processors.cost import cost_measure_of, score_cost
from processors.data_submission import View
from processors.determinations import is_owed
from processors.final_score import complex_patients_part, small_practice_part
from processors.obligations import Moment, waiting_stage
from processors.practice import Practice
from processors.promoting_interoperability import PROMOTING_INTEROPERABILITY
from processors.quality import Judged
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
    if is_owed(clinician.determinations.claims_status):
        points = (rules.points_min, rules.points_max, None)
        return tuple(MeasureOutcome(p, submitted=False) for p in points)
    return (_settled(clinician.quality[View.RECEIPTED].judged[measure.measure_id]),)


def _measure_outcomes(measure: QualityMeasure, clinician: Clinician, moment: Moment) -> tuple[MeasureOutcome, ...]:
    rules, now = moment.rulebook.quality, clinician.quality[View.RECEIPTED]
    judged, known = now.judged[measure.measure_id], measure.measure_id in now.units
    if moment.closed:
        sent = waiting_stage(waiting_for(measure, clinician, moment.rulebook)) is Stage.SENT
        if known or not sent:
            return (_settled(judged),)
        as_sent = read_quality(clinician, View.SENT, moment.rulebook).judged[measure.measure_id]
        return _settled(judged), _settled(as_sent)
    if known and judged.complete:
        return (_settled(judged),)
    nothing = MeasureOutcome(rules.points_incomplete, submitted=False)
    return nothing, *(MeasureOutcome(p, submitted=True) for p in (rules.points_min, rules.points_max, None))


def _settled(judged: Judged) -> MeasureOutcome:
    return MeasureOutcome(judged.points, judged.counts_as_submitted)


def _cost(clinician: Clinician, rulebook: Rulebook) -> Mapping[str, tuple[Decimal | None, ...]]:
    measure = cost_measure_of(roster_of(clinician).cohort, rulebook)
    if measure is None:
        return {}
    scored = score_cost(roster_of(clinician).cohort, clinician.determinations.cost, rulebook)
    awaiting = scored.part.parts[0].reasons[0].code == "AWAITING_CMS"
    if owes_cost(clinician) or awaiting:
        least = ARITHMETIC.divide(rulebook.cost.points_min, rulebook.cost.points_max)
        return {measure.measure_id: (least, Decimal(1), None)}
    return {measure.measure_id: (scored.value,)}


def _activities(practice: Practice, moment: Moment) -> Mapping[str, tuple[bool, ...]]:
    outcomes: dict[str, tuple[bool, ...]] = {}
    for now, sent in zip(practice.activities[View.RECEIPTED], practice.activities[View.SENT], strict=True):
        if now.done:
            outcomes[now.activity.activity_id] = (True,)
        elif moment.closed:
            outcomes[now.activity.activity_id] = (False, True) if sent.done else (False,)
        else:
            outcomes[now.activity.activity_id] = (False, True)
    return outcomes


def _interoperability(practice: Practice, moment: Moment) -> tuple[Decimal, ...]:
    now, sent = practice.sets[View.RECEIPTED], practice.sets[View.SENT]
    effect = now.part.value or ZERO
    if moment.closed:
        unproven = now.revision is None and sent.revision is not None
        return (effect, sent.part.value or ZERO) if unproven else (effect,)
    if now.share > 0:
        return (effect,)
    return moment.rulebook.interoperability.effect_max, ZERO


def _complex_patients(clinician: Clinician, rulebook: Rulebook) -> tuple[Decimal, ...]:
    part = complex_patients_part(clinician.determinations.complexity, rulebook)
    if part.value is None or is_owed(clinician.determinations.complexity_status):
        return ZERO, part.max or ZERO
    return (part.value,)
