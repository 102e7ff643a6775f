"""Quality performance category: which measures count, and their points (42 CFR 512.725)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from processors.data_submission import Document, Revision, View
from processors.deciles import decile_starts, inverse_decile_starts, points_of_less, points_of_more
from processors.events import ClaimsMeasure, Inputs, Measurement, SubmissionReceived
from processors.rulebook import Reason, Rulebook
from processors.rulebook.sections import QualityMeasure
from processors.score_tree import ARITHMETIC, ZERO, Part

QUALITY = "QUALITY"
CLAIMS = "CLAIMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What stands or falls together: one measure of one entity under one collection type."""

    measure: QualityMeasure
    collection_type: str
    row: Measurement
    revision: Revision[SubmissionReceived]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a measure is scored, worth nothing, or left out of numerator and denominator, and why."""

    points: Decimal | None
    complete: bool
    reasons: tuple[Reason, ...]

    @classmethod
    def worthless(cls, points: Decimal, reason: Reason) -> "Verdict":
        """Count a measure in the denominator that earns nothing."""
        return cls(points=points, complete=False, reasons=(reason,))

    @classmethod
    def left_out(cls, reason: Reason) -> "Verdict":
        """Leave a measure out of the category."""
        return cls(points=None, complete=True, reasons=(reason,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a measure is worth: its points, or None where it is left out of the category.

    ``complete`` says that its data are complete, ``counts_as_submitted`` that it serves the minimum submission.
    """

    measure_id: str
    points: Decimal | None
    complete: bool
    counts_as_submitted: bool
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryScore:
    """A category that is averaged: its value in 0…1, or None where nothing is scored, and the part that says why."""

    value: Decimal | None
    part: Part


def read_units(
    documents: Iterable[Document[SubmissionReceived]], view: View, cohort: str, rulebook: Rulebook
) -> Mapping[str, Sequence[Unit]]:
    """Return what stands in a view, by measure of the cohort; between submissions the latest receipt stands."""
    latest: dict[tuple[str, str], Unit] = {}
    for document in documents:
        revision = document.standing(view)
        if revision is None or revision.event.category != QUALITY:
            continue
        for unit in _units_of(revision, cohort, rulebook):
            key = (unit.measure.measure_id, unit.collection_type)
            if key not in latest or latest[key].revision.order < revision.order:
                latest[key] = unit
    by_measure: dict[str, list[Unit]] = defaultdict(list)
    for (measure_id, _), unit in sorted(latest.items()):
        by_measure[measure_id].append(unit)
    return by_measure


def reported_measures(revision: Revision[SubmissionReceived], cohort: str, rulebook: Rulebook) -> frozenset[str]:
    """Return the measures of a cohort that a revision reports in a way that could count."""
    if revision.event.category != QUALITY:
        return frozenset()
    return frozenset(unit.measure.measure_id for unit in _units_of(revision, cohort, rulebook))


def judge_alone(revision: Revision[SubmissionReceived], measure: QualityMeasure, rulebook: Rulebook) -> Judged:
    """Judge a measure as if the revision were all that reports it."""
    units = [u for u in _units_of(revision, measure.cohort, rulebook) if u.measure == measure]
    return judge(units, rulebook)


def judge(units: Sequence[Unit], rulebook: Rulebook) -> Judged:
    """Judge a measure under each collection type it was reported in; the better stands (42 CFR 512.725).

    Submitted is what was submitted complete under any of them.
    """
    judged = [_judge_unit(unit, rulebook) for unit in units]
    if len(judged) == 1:
        return judged[0]
    return replace(max(judged, key=_preference), counts_as_submitted=any(j.counts_as_submitted for j in judged))


def judge_claims_measure(measure: QualityMeasure, result: ClaimsMeasure | None, rulebook: Rulebook) -> Judged:
    """Judge a measure that CMS computes from claims, from CMS's own result alone (42 CFR 512.725)."""
    rules = rulebook.quality
    if result is None:
        reason = rules.reason("measures", "AWAITING_CMS", "CMS computes this measure and has not given it yet.")
        return _judged(measure, Verdict.left_out(reason), {}, rulebook)
    inputs: Inputs = {"rate": result.rate, "cases": result.cases}
    if result.cases < rules.claims_case_minimum:
        message = f"{result.cases} cases, fewer than {rules.claims_case_minimum}: not scored."
        reason = rules.reason("claims_case_minimum", "BELOW_CASE_MINIMUM", message)
        return _judged(measure, Verdict.left_out(reason), inputs, rulebook)
    return _judged(measure, _against_benchmark(measure, CLAIMS, result.rate, rulebook), inputs, rulebook)


def not_submitted(measure: QualityMeasure, rulebook: Rulebook) -> Judged:
    """Judge a measure that must be submitted and is not: no points, in the denominator (42 CFR 512.725)."""
    message = "Not submitted: no points, and it stays in the denominator."
    reason = rulebook.quality.reason("points_incomplete", "NOT_SUBMITTED", message)
    return _judged(measure, Verdict.worthless(rulebook.quality.points_incomplete, reason), {}, rulebook)


def category_score(judged: Iterable[Judged]) -> CategoryScore:
    """Return points over the most points of the measures in the denominator (42 CFR 512.725)."""
    results = tuple(judged)
    scored = [j for j in results if j.points is not None and j.part.max is not None]
    most = sum((j.part.max for j in scored if j.part.max is not None), ZERO)
    points = sum((j.points for j in scored if j.points is not None), ZERO)
    value = ARITHMETIC.divide(points, most) if most else None
    part = Part(
        code="quality",
        title="Quality",
        value=None if value is None else value * 100,
        max=Decimal(100),
        parts=tuple(j.part for j in results),
        inputs={"points": points, "points_possible": most},
    )
    return CategoryScore(value=value, part=part)


def scored_row(revision: Revision[SubmissionReceived], measure_id: str, rulebook: Rulebook) -> Measurement | None:
    """Return the row on which a measure is scored: of several strata the one that the rulebook names."""
    rows = [m for m in revision.event.measurements if m.measure_id == measure_id]
    if not rows:
        return None
    wanted = rulebook.quality.stratum_of.get(measure_id)
    named = [row for row in rows if row.stratum == wanted]
    return next(iter(named + [row for row in rows if row.stratum is None]), None)


def _units_of(revision: Revision[SubmissionReceived], cohort: str, rulebook: Rulebook) -> list[Unit]:
    collection_type = revision.event.collection_type
    units = []
    for measure in rulebook.quality.by_cohort.get(cohort, ()):
        if collection_type not in measure.collection_types:
            continue
        row = scored_row(revision, measure.measure_id, rulebook)
        if row is not None:
            units.append(Unit(measure=measure, collection_type=collection_type, row=row, revision=revision))
    return units


def _preference(judged: Judged) -> tuple[bool, bool, Decimal]:
    """Scored beats no points, which beats not scored; more points beat fewer."""
    return bool(judged.points), judged.points is not None, judged.points or ZERO


def _judge_unit(unit: Unit, rulebook: Rulebook) -> Judged:
    counts = _Counts.of(unit.row)
    verdict = _data_verdict(counts, unit.collection_type, rulebook)
    inputs = counts.inputs()
    if verdict is None:
        rate = ARITHMETIC.divide(Decimal(100 * counts.met), Decimal(counts.denominator))
        inputs["performance_rate"] = rate
        verdict = _against_benchmark(unit.measure, unit.collection_type, rate, rulebook)
    judged = _judged(unit.measure, verdict, inputs, rulebook)
    return replace(judged, counts_as_submitted=True) if verdict.complete and counts.eligible > 0 else judged


def _data_verdict(counts: "_Counts", collection_type: str, rulebook: Rulebook) -> Verdict | None:
    """Judge the data of a measure: completeness first, then cases (42 CFR 512.725, 90 FR 49634); None: score it."""
    rules = rulebook.quality
    if counts.completeness < rules.data_completeness_min:
        message = f"{counts.reported} of {counts.eligible} eligible cases reported: below the least completeness."
        reason = rules.reason("data_completeness_min", "INCOMPLETE_DATA", message)
        return Verdict.worthless(rules.points_incomplete, reason)
    cases = counts.cases(_basis(collection_type, rulebook))
    if cases < rules.case_minimum:
        message = f"{cases} cases, fewer than {rules.case_minimum}: complete, and not scored."
        return Verdict.left_out(rules.reason("case_minimum", "BELOW_CASE_MINIMUM", message))
    if counts.denominator == 0:
        message = "No case was met or not met: complete, and not scored."
        return Verdict.left_out(rules.reason("case_minimum", "NO_DENOMINATOR", message))
    return None


def _against_benchmark(measure: QualityMeasure, collection_type: str, rate: Decimal, rulebook: Rulebook) -> Verdict:
    rules, key = rulebook.quality, f"{measure.measure_id}/{collection_type}"
    percentiles = rulebook.benchmarks.percentiles.get(key)
    if percentiles is None:
        return Verdict.left_out(rules.reason("measures", "NO_BENCHMARK", f"No benchmark for {key}: not scored."))
    if measure.inverse:
        points = points_of_less(rate, inverse_decile_starts(percentiles))
    else:
        points = points_of_more(rate, decile_starts(percentiles))
    reasons = [rules.reason("points_max", "SCORED", f"Scored as {collection_type} against its deciles.")]
    if rules.historical_benchmarks:
        message = "Scored against the newest historical MIPS benchmark; ASM's own is known when CMS publishes it."
        reasons.append(rulebook.benchmarks.reason(key, "HISTORICAL_BENCHMARK", message))
    return Verdict(points=points, complete=True, reasons=tuple(reasons))


def _judged(measure: QualityMeasure, verdict: Verdict, inputs: Inputs, rulebook: Rulebook) -> Judged:
    return Judged(
        measure_id=measure.measure_id,
        points=verdict.points,
        complete=verdict.complete,
        counts_as_submitted=False,
        part=Part(
            code=measure.measure_id,
            title=measure.title,
            value=verdict.points,
            max=rulebook.quality.points_max,
            reasons=verdict.reasons,
            inputs=inputs,
        ),
    )


def _basis(collection_type: str, rulebook: Rulebook) -> str:
    return next(b.basis for b in rulebook.quality.case_basis if b.collection_type == collection_type)


@dataclass(frozen=True, slots=True)
class _Counts:
    """The counts of one row; absent ones are zero."""

    eligible: int
    met: int
    not_met: int
    exclusions: int
    exceptions: int

    @classmethod
    def of(cls, row: Measurement) -> "_Counts":
        return cls(
            row.eligible_population or 0,
            row.performance_met or 0,
            row.performance_not_met or 0,
            row.exclusions or 0,
            row.exceptions or 0,
        )

    @property
    def reported(self) -> int:
        return self.met + self.not_met + self.exclusions + self.exceptions

    @property
    def denominator(self) -> int:
        return self.met + self.not_met

    @property
    def completeness(self) -> Decimal:
        """Reported over eligible; over nothing it is complete."""
        return ARITHMETIC.divide(Decimal(self.reported), Decimal(self.eligible)) if self.eligible else Decimal(1)

    def cases(self, basis: str) -> int:
        return self.eligible - self.exclusions if basis == "ELIGIBLE_LESS_EXCLUSIONS" else self.eligible

    def inputs(self) -> dict[str, int | Decimal]:
        return {
            "eligible_population": self.eligible,
            "performance_met": self.met,
            "performance_not_met": self.not_met,
            "exclusions": self.exclusions,
            "exceptions": self.exceptions,
            "completeness": self.completeness,
        }
