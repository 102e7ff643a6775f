"""The sections of the law as typed values for one performance year.

Each class is one file of a vintage's folder, each attribute one of its keys; what a value means, its unit, citation
and standing stand in the file. A section with a field that its file lacks, or the other way round, is not sealed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from processors.rulebook.sources import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A cohort's code, and CMS's name for it."""

    code: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Terms(Section):
    """42 CFR 512.705."""

    performance_years: tuple[int, ...]
    year_start: date
    year_end: date
    payment_year: int
    cohorts: tuple[Cohort, ...]
    small_practice_npis_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCodes:
    """Codes of a cohort: specialties, diagnoses, services."""

    cohort: str
    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Eligibility(Section):
    """42 CFR 512.710."""

    specialties: tuple[CohortCodes, ...]
    episodes_min: int
    data_year_lag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortDays:
    """A number of days that a cohort has."""

    cohort: str
    days: int


@dataclass(frozen=True, kw_only=True)
class Episodes(Section):
    """42 CFR 512.710 and 512.730: episodes as a practice's own claims can tell them."""

    diagnoses: tuple[CohortCodes, ...]
    trigger_services: tuple[CohortCodes, ...]
    confirming_services: tuple[CohortCodes, ...]
    confirming_days: tuple[CohortDays, ...]
    confirmed_by: str
    attribution_days: tuple[CohortDays, ...]
    attribution_share: Decimal
    claim_types: tuple[str, ...]
    dispositions: tuple[str, ...]
    source_precedence: tuple[str, ...]
    claims_lag_days: int
    claims_lag_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipArea:
    """The area that a ZIP code is in."""

    zip: str
    area: str


@dataclass(frozen=True, kw_only=True)
class Areas(Section):
    """42 CFR 512.710: where the model is mandatory."""

    mandatory_areas: tuple[str, ...]
    zip_areas: tuple[ZipArea, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLevels:
    """At which levels (INDIVIDUAL, GROUP) a category may be reported."""

    category: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStart:
    """From which instant a stage holds."""

    stage: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastStart:
    """The last day on which a period of the least length can begin."""

    category: str
    on: date
    at: datetime
    warns_at: datetime
    passed_at: datetime


@dataclass(frozen=True, kw_only=True)
class DataSubmission(Section):
    """42 CFR 512.720."""

    levels: tuple[CategoryLevels, ...]
    quality_level_precedence: tuple[str, ...]
    group_quality_needs_small_practice: bool
    due_date: date
    due_instant: datetime
    window_opens: datetime
    period_end: datetime
    stages: tuple[StageStart, ...]
    last_starts: tuple[LastStart, ...]
    first_stage: str

    @cached_property
    def last_start_of(self) -> Mapping[str, LastStart]:
        """The last start of each category that has one."""
        return {row.category: row for row in self.last_starts}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseBasis:
    """What counts as a case under a collection type: ELIGIBLE, or ELIGIBLE_LESS_EXCLUSIONS."""

    collection_type: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A lowest and a highest value."""

    lowest: Decimal
    highest: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityMeasure:
    """A quality measure; one without collection types is computed by CMS from claims."""

    measure_id: str
    cohort: str
    collection_types: tuple[str, ...]
    inverse: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredStratum:
    """The stratum on which a measure with several strata is scored."""

    measure_id: str
    stratum: str


@dataclass(frozen=True, kw_only=True)
class Quality(Section):
    """42 CFR 512.725."""

    data_completeness_min: Decimal
    case_minimum: int
    claims_case_minimum: int
    case_basis: tuple[CaseBasis, ...]
    points_min: Decimal
    points_max: Decimal
    points_incomplete: Decimal
    historical_benchmarks: bool
    measures: tuple[QualityMeasure, ...]
    scored_strata: tuple[ScoredStratum, ...]

    @cached_property
    def by_cohort(self) -> Mapping[str, tuple[QualityMeasure, ...]]:
        """The measures of each cohort."""
        cohorts = dict.fromkeys(measure.cohort for measure in self.measures)
        return {cohort: tuple(m for m in self.measures if m.cohort == cohort) for cohort in cohorts}

    @cached_property
    def stratum_of(self) -> Mapping[str, str]:
        """The stratum that is scored, of each measure that has several."""
        return {row.measure_id: row.stratum for row in self.scored_strata}


@dataclass(frozen=True, kw_only=True)
class Benchmarks(Section):
    """42 CFR 512.725: ascending percentiles p1, p10 … p90, p99, by ``measure/collection type``."""

    percentiles: Mapping[str, tuple[Decimal, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostMeasureRule:
    """The cost measure of a cohort."""

    measure_id: str
    cohort: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Cost(Section):
    """42 CFR 512.730."""

    episode_minimum: int
    points_min: Decimal
    points_max: Decimal
    cut_points: tuple[Decimal, ...]
    cost_measures: tuple[CostMeasureRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """An improvement activity and what belongs to it."""

    activity_id: str
    title: str
    elements: tuple[str, ...]
    elements_min: int
    needs_arrangement: bool


@dataclass(frozen=True, kw_only=True)
class ImprovementActivities(Section):
    """42 CFR 512.735."""

    activities: tuple[Activity, ...]
    period_days_min: int
    effects: tuple[Decimal, ...]
    missing_elements_cost_points: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InteroperabilityMeasure:
    """A measure that carries points; ``kind`` is PROPORTION or ANSWER."""

    measure_id: str
    kind: str
    points: Decimal
    exclusions: tuple[str, ...]
    levels: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement that must be answered yes."""

    measure_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus:
    """Points given once where any of the measures is answered yes."""

    points: Decimal
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reallocation:
    """Where the points of an excluded measure go."""

    measure_id: str
    to: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PromotingInteroperability(Section):
    """42 CFR 512.740."""

    period_days_min: int
    measures: tuple[InteroperabilityMeasure, ...]
    exchange_options: tuple[tuple[str, ...], ...]
    reallocations: tuple[Reallocation, ...]
    attestations: tuple[Statement, ...]
    bonus: Bonus
    bonus_levels: tuple[tuple[str, ...], ...]
    unscored_measures: tuple[str, ...]
    points_cap: Decimal
    round_points: bool
    effect_max: Decimal
    cehrt_id_length: int
    cehrt_id_alphabet: str
    cehrt_id_prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the two categories that are averaged."""

    quality: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexityFormula:
    """How an indicator's distance from its reference becomes points."""

    base: Decimal
    slope: Decimal
    highest_each: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexityReference:
    """The reference distribution of an indicator (AVERAGE_HCC, DUAL_SHARE)."""

    indicator: str
    mean: Decimal
    median: Decimal
    standard_deviation: Decimal


@dataclass(frozen=True, kw_only=True)
class FinalScore(Section):
    """42 CFR 512.745."""

    weights: Weights
    weight_moves: bool
    range: Range
    minimum_measures: int
    small_practice_points: Decimal
    solo_practice_points: Decimal
    complexity: ComplexityFormula
    complexity_references: tuple[ComplexityReference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessItem:
    """An item of the readiness checklist."""

    item_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """From which stage a status alerts."""

    status: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Midpoint:
    """The score that is transformed to one half; ``kind`` is MEDIAN or FIXED."""

    kind: str
    fixed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortSize:
    """How many participants of a cohort CMS lists."""

    cohort: str
    listed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named assumption about the peers' final scores."""

    name: str
    scores: tuple[Decimal, ...]


@dataclass(frozen=True, kw_only=True)
class Payment(Section):
    """42 CFR 512.750."""

    risk_level: Decimal
    slope: Decimal
    midpoint: Midpoint
    redistributed_share: Decimal
    capped: bool
    coverage_min: Decimal
    cell_min: int
    cohort_sizes: tuple[CohortSize, ...]
    scenarios: tuple[Scenario, ...]

    @cached_property
    def listed_of(self) -> Mapping[str, int]:
        """How many participants CMS lists, by cohort."""
        return {size.cohort: size.listed for size in self.cohort_sizes}


@dataclass(frozen=True, kw_only=True)
class Compliance(Section):
    """The policy of this system: which obligations alert, and when."""

    alerts: tuple[AlertRule, ...]
    last_start_alerts: tuple[str, ...]
    receipt_overdue_days: int
    readiness: tuple[ReadinessItem, ...]
    error_notice_days: tuple[int, ...]
