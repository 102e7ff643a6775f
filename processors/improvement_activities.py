"""Improvement activities: a yes that a TIN stands for, for all its participants (42 CFR 512.735)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from processors.data_submission import Document, Revision, View
from processors.events import Arrangement, AttestationReceived
from processors.gaps import Gap
from processors.periods import days_inside_year
from processors.rulebook import Reason, Rulebook
from processors.rulebook.sections import Activity
from processors.score_tree import ZERO, Part

IMPROVEMENT_ACTIVITIES = "IMPROVEMENT_ACTIVITIES"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityResult:
    """What stands for an activity in a view: whether it is done, and what is missing or doubtful about it.

    ``gaps`` keep it from being done; ``doubts`` do not, since CMS sees only the yes, but would not stand an audit.
    """

    activity: Activity
    done: bool
    revision: Revision[AttestationReceived] | None
    gaps: tuple[Gap, ...]
    doubts: tuple[Gap, ...]
    reason: Reason


def standing_attestations(
    documents: Iterable[Document[AttestationReceived]], view: View
) -> Mapping[str, Revision[AttestationReceived]]:
    """Return the attestation that stands for each activity in a view: the one with the latest instant."""
    latest: dict[str, Revision[AttestationReceived]] = {}
    for document in documents:
        revision = document.standing(view)
        if revision is not None:
            known = latest.get(revision.event.activity_id)
            if known is None or known.order < revision.order:
                latest[revision.event.activity_id] = revision
    return latest


def judge_activity(
    activity: Activity, revision: Revision[AttestationReceived] | None, rulebook: Rulebook
) -> ActivityResult:
    """Judge an activity by the attestation that stands for it, if any (42 CFR 512.735)."""
    rules = rulebook.activities
    doubts = () if revision is None else _doubts(activity, revision.event)
    gaps = _gaps(revision, rulebook)
    if doubts and rules.missing_elements_cost_points:
        gaps += doubts
    if gaps:
        reason = rules.reason("effects", gaps[0].code, gaps[0].message)
    else:
        days = rules.period_days_min
        reason = rules.reason("period_days_min", "DONE", f"Attested, for at least {days} days of the performance year.")
    return ActivityResult(activity=activity, done=not gaps, revision=revision, gaps=gaps, doubts=doubts, reason=reason)


def activities_part(results: Iterable[ActivityResult], rulebook: Rulebook) -> Part:
    """Return the effect on the final score: by the number of activities that are not done (42 CFR 512.735)."""
    rules, judged = rulebook.activities, tuple(results)
    undone = sum(not r.done for r in judged)
    parts = tuple(Part(code=r.activity.activity_id, title=r.activity.title, reasons=(r.reason,)) for r in judged)
    message = f"{len(judged) - undone} of {len(judged)} activities done."
    return Part(
        code="improvement_activities",
        title="Improvement activities",
        value=rules.effects[undone],
        max=ZERO,
        parts=parts,
        reasons=(rules.reason("effects", "EFFECT", message),),
        inputs={"done": len(judged) - undone, "required": len(judged)},
    )


def _gaps(revision: Revision[AttestationReceived] | None, rulebook: Rulebook) -> tuple[Gap, ...]:
    """A receipted yes with enough days inside the year counts; anything else does not (42 CFR 512.735)."""
    if revision is None:
        return (Gap(code="NOT_ATTESTED", message="Not attested."),)
    event, need = revision.event, rulebook.activities.period_days_min
    if not event.answer:
        return (Gap(code="ANSWERED_NO", message="Attested with no: not done."),)
    have = days_inside_year(event.period_start, event.period_end, rulebook)
    if have < need:
        message = f"The period has {have} days inside the performance year; {need} are needed."
        return (Gap(code="PERIOD_TOO_SHORT", message=message, have=have, need=need),)
    return ()


def _doubts(activity: Activity, event: AttestationReceived) -> tuple[Gap, ...]:
    """Find what an audit would miss in an attested yes: elements, and for IA-2 the arrangement (42 CFR 512.771)."""
    if not event.answer:
        return ()
    have, need = len(set(event.elements) & set(activity.elements)), activity.elements_min
    doubts = []
    if have < need:
        absent = ", ".join(e for e in activity.elements if e not in event.elements)
        message = f"{have} of at least {need} elements attested; not attested: {absent}."
        doubts.append(Gap(code="ELEMENTS_MISSING", message=message, have=have, need=need))
    if activity.needs_arrangement:
        doubts += _arrangement_doubts(event)
    return tuple(doubts)


def _arrangement_doubts(event: AttestationReceived) -> list[Gap]:
    arrangement: Arrangement | None = event.arrangement
    if arrangement is None:
        return [Gap(code="ARRANGEMENT_MISSING", message="No collaborative care arrangement is named.")]
    starts_late = event.period_start is not None and arrangement.effective_date > event.period_start
    wrong = {
        "The arrangement is not written.": not arrangement.written,
        "The arrangement is not signed by both sides.": not arrangement.signed_by_both,
        "The arrangement takes effect after the period starts.": starts_late,
    }
    return [Gap(code="ARRANGEMENT_INCOMPLETE", message=message) for message, holds in wrong.items() if holds]
