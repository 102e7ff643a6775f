"""The tree in which a clinician's score explains itself: every part with its reasons (42 CFR 512.745)."""

from dataclasses import replace
from typing import Any

from processors.clinician import GROUP, Clinician, ViewScore, roster_of
from processors.determinations import Given
from processors.eligibility import exception_reason, ineligible_reason
from processors.events import EventName
from processors.final_score import cms_final_reason, weights_in_use
from processors.origins import Origins, name_of, of_revisions, practice_origins
from processors.practice import Practice
from processors.rulebook import Reason, Rulebook
from processors.score_tree import ZERO, Part


def score_tree(clinician: Clinician, scored: ViewScore, rulebook: Rulebook) -> Part:
    """Return the score now as a tree that explains itself."""
    rules = rulebook.final_score
    weights = weights_in_use(scored.quality.value, scored.cost.value, rules)
    failed = scored.combination.submitted < rules.minimum_measures
    bonuses = (scored.complex_patients, scored.small_practice)
    parts = (
        replace(scored.quality.part, weight=weights[0], reasons=_quality_reasons(clinician, rulebook)),
        replace(scored.cost.part, weight=weights[1], parts=(*scored.cost.part.parts, *clinician.claims)),
        scored.activities,
        scored.interoperability,
        *(replace(bonus, value=ZERO) if failed else bonus for bonus in bonuses),
    )
    return Part(
        code="final_score",
        title="Final score",
        value=scored.final,
        max=rules.range.highest,
        parts=parts,
        reasons=tuple(_root_reasons(clinician, scored, rulebook)),
    )


def origins_of(clinician: Clinician, practice: Practice) -> Origins:
    """Return the events behind the parts of a clinician's score now, by the parts' codes."""
    listing, determinations = roster_of(clinician).listing, clinician.determinations
    given: dict[str, Given[Any] | None] = {
        **determinations.claims,
        **determinations.costs,
        "complex_patients": determinations.complexity,
        "final_score": determinations.final,
    }
    return {
        "small_practice": (EventName(source=listing.source, event_id=listing.event_id),),
        **{
            measure: of_revisions(unit.revision for unit in units) for measure, units in clinician.quality.units.items()
        },
        **{code: (name_of(part.told),) for code, part in given.items() if part is not None},
        **practice_origins(practice),
    }


def unscored_tree(clinician: Clinician, rulebook: Rulebook) -> Part:
    """Return the tree of a clinician who has no score for the year."""
    exception = exception_reason(roster_of(clinician), rulebook)
    reasons = (ineligible_reason(roster_of(clinician), rulebook), *(() if exception is None else (exception,)))
    return Part(code="final_score", title="Final score", max=rulebook.final_score.range.highest, reasons=reasons)


def _quality_reasons(clinician: Clinician, rulebook: Rulebook) -> tuple[Reason, ...]:
    reading, rules = clinician.quality, rulebook.submission
    if reading.level == GROUP:
        message = "The practice's group data count: a small practice, and no individual data are accepted."
        return (rules.reason("group_quality_needs_small_practice", "GROUP_DATA", message),)
    if reading.shadowed:
        message = "Group data are there and do not count, since individual data are accepted."
        return (rules.reason("quality_level_precedence", "GROUP_SHADOWED", message),)
    return ()


def _root_reasons(clinician: Clinician, scored: ViewScore, rulebook: Rulebook) -> list[Reason]:
    rules = rulebook.final_score
    reasons = []
    if scored.combination.submitted < rules.minimum_measures:
        message = "No quality measure was submitted complete: the final score is 0."
        reasons.append(rules.reason("minimum_measures", "MINIMUM_SUBMISSION", message))
    elif scored.final is None:
        reasons.append(rules.reason("weights", "NO_SCORE", "Neither quality nor cost has a score."))
    else:
        message = "Categories averaged, adjustments added, clamped once."
        reasons.append(rules.reason("weights", "SUM", message))
    if (scored.quality.value is None) != (scored.cost.value is None):
        message = "One category has no score; the other takes its weight."
        reasons.append(rules.reason("weight_moves", "WEIGHT_MOVED", message))
    exception = exception_reason(roster_of(clinician), rulebook)
    if exception is not None:
        reasons.append(exception)
    if clinician.determinations.final is not None:
        reasons.append(cms_final_reason(clinician.determinations.final.value, scored.final, rulebook))
    return reasons
