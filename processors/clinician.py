"""One clinician under one TIN: what counts, the score now, prepared and reachable, and the measures still owed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from processors.cost import cost_measure_of, score_cost
from processors.data_submission import Document, Revision, Trouble, View, read_documents
from processors.determinations import Determinations, is_owed, merge_results, value_of
from processors.eligibility import Roster, read_roster
from processors.events import CostMeasure, SubmissionReceived
from processors.facts import ClinicianFacts
from processors.final_score import (
    Combination,
    complex_patients_part,
    final_score,
    small_practice_part,
)
from processors.origins import practice_origins
from processors.practice import Practice, because, declared_categories, excused_categories
from processors.quality import (
    CategoryScore,
    Judged,
    Unit,
    category_score,
    judge,
    judge_claims_measure,
    not_submitted,
    read_units,
    reported_measures,
)
from processors.rulebook import Rulebook
from processors.rulebook.sections import QualityMeasure
from processors.score_tree import ZERO, Part, sum_of

INDIVIDUAL, GROUP = "INDIVIDUAL", "GROUP"


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReading:
    """The quality category in a view: the level that counts, what was reported there, and each measure judged."""

    level: str
    shadowed: bool
    units: Mapping[str, Sequence[Unit]]
    judged: Mapping[str, Judged]


_NOTHING_READ = QualityReading(level=INDIVIDUAL, shadowed=False, units={}, judged={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinician:
    """What is known and what counts of a clinician; without a roster entry nothing is judged.

    ``claims`` are the parts that own claims add to the score's tree: estimates that enter no score.
    """

    facts: ClinicianFacts
    roster: Roster | None
    documents: Sequence[Document[SubmissionReceived]]
    group_documents: Sequence[Document[SubmissionReceived]]
    troubles: Sequence[Trouble]
    determinations: Determinations
    quality: QualityReading
    excused: frozenset[str]
    elsewhere: frozenset[str]
    because: Mapping[str, str]
    claims: tuple[Part, ...] = ()

    @property
    def participates(self) -> bool:
        """Whether the clinician is scored for the year."""
        return self.roster is not None and self.roster.eligible


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewScore:
    """The final score in a view and all that went into it."""

    quality: CategoryScore
    cost: CategoryScore
    activities: Part
    interoperability: Part
    complex_patients: Part
    small_practice: Part
    combination: Combination
    final: Decimal | None


def read_clinician(facts: ClinicianFacts, practice: Practice, rulebook: Rulebook) -> Clinician:
    """Read what a clinician and, for a small practice, its TIN reported, and judge each measure of the cohort."""
    documents, troubles = read_documents(facts.submissions, practice.receipts, rulebook.submission.due_instant)
    roster, words = read_roster(facts), practice.facts
    excused = practice.excused | excused_categories(facts.reliefs)
    elsewhere = practice.elsewhere | declared_categories(facts.channels)
    clinician = Clinician(
        facts=facts,
        roster=roster,
        documents=documents,
        group_documents=practice.group_quality if roster is not None and may_report_as_group(roster, rulebook) else (),
        troubles=troubles,
        determinations=merge_results(facts.results),
        quality=_NOTHING_READ,
        excused=excused,
        elsewhere=elsewhere,
        because={
            category: why
            for category in sorted(excused | elsewhere)
            if (why := because(category, [*words.reliefs, *facts.reliefs], [*words.channels, *facts.channels]))
        },
    )
    return replace(clinician, quality=_read_quality(clinician, View.RECEIPTED, rulebook))


def read_with(facts: ClinicianFacts, practice: Practice) -> tuple[object, ...]:
    """Return all of the practice with which a clinician is read."""
    submissions = {o.event.submission_id for o in facts.submissions}
    receipts = tuple(r for s in sorted(submissions) for r in practice.receipts.get(s, ()))
    return receipts, practice.group_quality, practice.facts.reliefs, practice.facts.channels


def scored_with(practice: Practice) -> tuple[object, ...]:
    """Return what a clinician's score rests on besides: what the practice reports for all."""
    return (
        *((each.interoperability, each.activities) for each in practice.reports.values()),
        practice.unproven_activities,
        practice.unproven_sets,
        practice_origins(practice),
    )


def may_report_as_group(roster: Roster, rulebook: Rulebook) -> bool:
    """Say whether group quality counts for the clinician (42 CFR 512.720: small practices)."""
    small = roster.listing.small_practice or bool(roster.listing.solo)
    return small or not rulebook.submission.group_quality_needs_small_practice


def measures_of(clinician: Clinician, rulebook: Rulebook) -> Sequence[QualityMeasure]:
    """Return the quality measures of the clinician's cohort."""
    return () if clinician.roster is None else rulebook.quality.by_cohort.get(clinician.roster.cohort, ())


def is_scored(clinician: Clinician, rulebook: Rulebook) -> bool:
    """Say whether a listed clinician has a score for the year: eligible, in a cohort that the law knows."""
    return clinician.participates and bool(measures_of(clinician, rulebook))


def score(clinician: Clinician, practice: Practice, view: View, rulebook: Rulebook) -> ViewScore:
    """Return the final score in a view, as if the window closed now (42 CFR 512.745)."""
    listing = roster_of(clinician).listing
    judged = quality_in(clinician, view, rulebook).judged.values()
    quality = category_score(judged)
    cost = score_cost(listing.cohort, cost_given(clinician, rulebook), rulebook)
    reports = practice.reports[view]
    activities, interoperability = reports.activities_part, reports.interoperability.part
    patients = complex_patients_part(value_of(clinician.determinations.complexity), rulebook)
    small = small_practice_part(listing, rulebook)
    added = (activities, interoperability, patients, small)
    combination = Combination(
        quality=quality.value,
        cost=cost.value,
        added=sum_of(part.value or ZERO for part in added),
        submitted=sum(each.counts_as_submitted for each in judged),
    )
    return ViewScore(
        quality=quality,
        cost=cost,
        activities=activities,
        interoperability=interoperability,
        complex_patients=patients,
        small_practice=small,
        combination=combination,
        final=final_score(combination, rulebook.final_score),
    )


def owes_cost(clinician: Clinician, rulebook: Rulebook) -> bool:
    """Say whether CMS still owes the cost result of the clinician's cohort."""
    measure = cost_measure_of(roster_of(clinician).cohort, rulebook)
    return measure is not None and is_owed(clinician.determinations.costs.get(measure.measure_id))


def cost_given(clinician: Clinician, rulebook: Rulebook) -> CostMeasure | None:
    """Return CMS's cost result for the measure of the clinician's cohort."""
    measure = cost_measure_of(roster_of(clinician).cohort, rulebook)
    return None if measure is None else value_of(clinician.determinations.costs.get(measure.measure_id))


def rests_on_estimates(clinician: Clinician, rulebook: Rulebook) -> bool:
    """Say whether a result of CMS that the score rests on is no more than an estimate."""
    cost = cost_measure_of(roster_of(clinician).cohort, rulebook)
    ids = {m.measure_id for m in measures_of(clinician, rulebook)} | ({cost.measure_id} if cost else set())
    return clinician.determinations.rest_on_estimates(ids)


#: A revision, and the measures that it reports in a way that could count.
Reporting = tuple[Revision[SubmissionReceived], frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsUnderWay:
    """The revisions that could count for a clinician's quality: waiting for a receipt, too late, or rejected."""

    waiting: Sequence[Reporting]
    late: Sequence[Reporting]
    rejected: Sequence[Reporting]


def reports_under_way(clinician: Clinician, rulebook: Rulebook) -> ReportsUnderWay:
    """Return what is under way: no group data once anything individual is accepted."""
    cohort = roster_of(clinician).cohort
    now = clinician.quality
    individual_only = now.level == INDIVIDUAL and bool(now.units)
    documents = [*clinician.documents, *(() if individual_only else clinician.group_documents)]
    return ReportsUnderWay(
        waiting=[(r, reported_measures(r, cohort, rulebook)) for d in documents for r in d.waiting()],
        late=[(r, reported_measures(r, cohort, rulebook)) for d in documents for r in d.late()],
        rejected=[(r, reported_measures(r, cohort, rulebook)) for d in documents for r in d.rejected()],
    )


def roster_of(clinician: Clinician) -> Roster:
    """Return the roster entry; only a clinician who has one is judged."""
    if clinician.roster is None:
        raise ValueError("a clinician who is not on the roster has no score")
    return clinician.roster


def quality_in(clinician: Clinician, view: View, rulebook: Rulebook) -> QualityReading:
    """Return the quality category in a view; where nothing waits for a receipt it is the same in each."""
    documents = (*clinician.documents, *clinician.group_documents)
    if view is View.RECEIPTED or not any(revision.pending for d in documents for revision in d.revisions):
        return clinician.quality
    return _read_quality(clinician, view, rulebook)


def _read_quality(clinician: Clinician, view: View, rulebook: Rulebook) -> QualityReading:
    """Read the quality category in a view: at which level, what was reported, and what it is worth."""
    cohort = clinician.roster.cohort if clinician.roster is not None else ""
    by_level = {
        INDIVIDUAL: read_units(clinician.documents, view, cohort, rulebook),
        GROUP: read_units(clinician.group_documents, view, cohort, rulebook),
    }
    precedence = rulebook.submission.quality_level_precedence
    level = next((name for name in precedence if by_level[name]), precedence[0])
    units = by_level[level]
    return QualityReading(
        level=level,
        shadowed=level != GROUP and bool(by_level[GROUP]),
        units=units,
        judged={m.measure_id: _judge(m, units, clinician, rulebook) for m in measures_of(clinician, rulebook)},
    )


def _judge(
    measure: QualityMeasure, units: Mapping[str, Sequence[Unit]], clinician: Clinician, rulebook: Rulebook
) -> Judged:
    if not measure.collection_types:
        given = value_of(clinician.determinations.claims.get(measure.measure_id))
        return judge_claims_measure(measure, given, rulebook)
    reported = units.get(measure.measure_id)
    return judge(reported, rulebook) if reported else not_submitted(measure, rulebook)
