"""Promoting Interoperability: one set of a TIN, all or nothing, then points (42 CFR 512.740)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from processors.data_submission import Document, Revision, View
from processors.events import AttestationReceived, Measurement, SubmissionReceived
from processors.gaps import Gap
from processors.periods import days_inside_year
from processors.rulebook import Rulebook
from processors.rulebook.sections import InteroperabilityMeasure, PromotingInteroperability
from processors.score_tree import ARITHMETIC, ZERO, Part

PROMOTING_INTEROPERABILITY = "PROMOTING_INTEROPERABILITY"
EXCHANGE = "EXCHANGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetResult:
    """What a set is worth: the share of the category in 0…1, what is missing from it, and its contradictions.

    ``gaps`` and ``faults`` each make the share 0; faults are contradictions between the measures of a set.
    """

    share: Decimal
    revision: Revision[SubmissionReceived] | None
    gaps: tuple[Gap, ...]
    faults: tuple[Gap, ...]
    part: Part


@dataclass(frozen=True, slots=True)
class Reported:
    """What a set says, measure by measure; of a measure named twice the first row."""

    rows: Mapping[str, Measurement]

    def answered(self, measure_id: str) -> bool:
        """Whether the measure is answered yes."""
        row = self.rows.get(measure_id)
        return row is not None and row.answer is True

    def excluded(self, measure: InteroperabilityMeasure) -> bool:
        """Whether an exclusion from the measure is claimed."""
        return any(self.answered(exclusion) for exclusion in measure.exclusions)

    def reports(self, measure: InteroperabilityMeasure) -> bool:
        """Whether the measure itself is reported: answered yes, or with a denominator."""
        if measure.kind == "ANSWER":
            return self.answered(measure.measure_id)
        row = self.rows.get(measure.measure_id)
        return row is not None and bool(row.denominator)

    def rate(self, measure: InteroperabilityMeasure) -> Decimal | None:
        """What share of its points the measure earns, or None where it is missing."""
        if measure.kind == "ANSWER":
            return Decimal(1) if self.answered(measure.measure_id) else None
        row = self.rows.get(measure.measure_id)
        if row is None or not row.numerator or not row.denominator:
            return None
        return ARITHMETIC.divide(Decimal(row.numerator), Decimal(row.denominator))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """The answers to the statements that stand, and which of them are told differently by two documents."""

    answers: Mapping[str, bool]
    disagreeing: tuple[str, ...]


def standing_set(documents: Iterable[Document[SubmissionReceived]], view: View) -> Revision[SubmissionReceived] | None:
    """Return the set that stands for the TIN in a view: the one with the latest instant."""
    standing = [document.standing(view) for document in documents]
    sets = [r for r in standing if r is not None and r.event.category == PROMOTING_INTEROPERABILITY]
    return max(sets, key=lambda revision: revision.order, default=None)


def read_statements(
    revision: Revision[SubmissionReceived] | None,
    attested: Mapping[str, Revision[AttestationReceived]],
    rulebook: Rulebook,
) -> Statements:
    """Read the answers in the set and the separate attestations; where they disagree the later received stands."""
    answers: dict[str, bool] = {}
    disagreeing = []
    for statement in rulebook.interoperability.attestations:
        told = _told(statement.measure_id, revision, attested)
        if told:
            answers[statement.measure_id] = max(told)[1]
        if len({answer for _, answer in told}) > 1:
            disagreeing.append(statement.measure_id)
    return Statements(answers=answers, disagreeing=tuple(disagreeing))


def judge_set(revision: Revision[SubmissionReceived] | None, statements: Statements, rulebook: Rulebook) -> SetResult:
    """Judge the set of a TIN: anything required that is missing or contradictory makes it 0 % (42 CFR 512.740)."""
    rules = rulebook.interoperability
    if revision is None:
        gap = Gap(code="NOT_SUBMITTED", message="No Promoting Interoperability set was submitted.")
        return SetResult(
            share=ZERO, revision=None, gaps=(gap,), faults=(), part=_category_part(ZERO, (), (gap,), rules)
        )
    reported = Reported({m.measure_id: m for m in reversed(revision.event.measurements)})
    chosen = _chosen_measures(reported, rules)
    gaps = (*_period_gaps(revision.event, rulebook), *_measure_gaps(reported, chosen, statements, rules))
    faults = _faults(reported, rules)
    leaves = _leaves(reported, chosen, rules)
    points = min(sum((leaf.value or ZERO for leaf in leaves), ZERO), rules.points_cap)
    share = ZERO if gaps or faults else ARITHMETIC.divide(points, rules.points_cap)
    part = _category_part(share, leaves, gaps + faults, rules)
    return SetResult(share=share, revision=revision, gaps=gaps, faults=faults, part=part)


def allocate_points(
    reported: Reported, chosen: Sequence[InteroperabilityMeasure], rules: PromotingInteroperability
) -> Mapping[str, Decimal]:
    """Return the points of each measure in use after exclusions have moved them on, in the rulebook's order."""
    points = {m.measure_id: m.points for m in chosen}
    excluded = {m.measure_id for m in chosen if reported.excluded(m)}
    exchange = [m for option in rules.exchange_options for m in option if m in points]
    for step in rules.reallocations:
        if step.measure_id not in excluded:
            continue
        amount = points.pop(step.measure_id)
        first = next((t for t in step.to if t not in excluded), step.to[-1])
        targets = exchange if first == EXCHANGE else [first]
        for target in targets:
            points[target] += ARITHMETIC.divide(amount, len(targets))
    return points


def _told(
    measure_id: str,
    revision: Revision[SubmissionReceived] | None,
    attested: Mapping[str, Revision[AttestationReceived]],
) -> list[tuple[datetime, bool]]:
    told = []
    if revision is not None:
        inside = next((m for m in revision.event.measurements if m.measure_id == measure_id), None)
        if inside is not None and inside.answer is not None:
            told.append((revision.copies[0].received_at, inside.answer))
    if measure_id in attested:
        separate = attested[measure_id]
        told.append((separate.copies[0].received_at, separate.event.answer))
    return told


def _chosen_measures(reported: Reported, rules: PromotingInteroperability) -> list[InteroperabilityMeasure]:
    """Leave out the ways of exchange that are not in use."""
    option = next(iter(_options_in_use(reported, rules)), rules.exchange_options[0])
    others = {m for o in rules.exchange_options for m in o} - set(option)
    return [m for m in rules.measures if m.measure_id not in others]


def _options_in_use(reported: Reported, rules: PromotingInteroperability) -> list[tuple[str, ...]]:
    measures = {m.measure_id: m for m in rules.measures}
    return [o for o in rules.exchange_options if any(reported.reports(measures[m]) for m in o)]


def _period_gaps(event: SubmissionReceived, rulebook: Rulebook) -> list[Gap]:
    rules, gaps = rulebook.interoperability, []
    have, need = days_inside_year(event.period_start, event.period_end, rulebook), rules.period_days_min
    if have < need:
        message = f"The period has {have} days inside the performance year; {need} are needed."
        gaps.append(Gap(code="PERIOD_TOO_SHORT", message=message, have=have, need=need))
    if event.cehrt_id is None:
        gaps.append(Gap(code="CEHRT_ID_MISSING", message="The CEHRT ID is missing."))
    elif not is_cehrt_id(event.cehrt_id, rules):
        message = f"The CEHRT ID is not valid for the year: it begins with one of {', '.join(rules.cehrt_id_prefixes)}."
        gaps.append(Gap(code="CEHRT_ID_INVALID", message=message))
    return gaps


def is_cehrt_id(text: str, rules: PromotingInteroperability) -> bool:
    """Say whether the text is a CEHRT ID that the year accepts."""
    return (
        len(text) == rules.cehrt_id_length
        and set(text) <= set(rules.cehrt_id_alphabet)
        and text.startswith(rules.cehrt_id_prefixes)
    )


def _measure_gaps(
    reported: Reported,
    chosen: Iterable[InteroperabilityMeasure],
    statements: Statements,
    rules: PromotingInteroperability,
) -> list[Gap]:
    gaps = []
    for measure in chosen:
        if reported.excluded(measure):
            continue
        if reported.rate(measure) is None:
            message = f"{measure.measure_id} ({measure.title}) is missing, or without a case in its numerator."
            gaps.append(Gap(code="MEASURE_MISSING", message=message, subject=measure.measure_id))
        elif measure.levels and not any(reported.answered(level) for level in measure.levels):
            message = f"{measure.measure_id} needs its level of active engagement: {' or '.join(measure.levels)}."
            gaps.append(Gap(code="ENGAGEMENT_LEVEL_MISSING", message=message, subject=measure.measure_id))
    for statement in rules.attestations:
        if not statements.answers.get(statement.measure_id, False):
            known = statement.measure_id in statements.answers
            code = "ANSWERED_NO" if known else "STATEMENT_MISSING"
            message = f"{statement.measure_id} ({statement.title}) is {'answered no' if known else 'not answered'}."
            gaps.append(Gap(code=code, message=message, subject=statement.measure_id))
    return gaps


def _faults(reported: Reported, rules: PromotingInteroperability) -> tuple[Gap, ...]:
    """Find what cannot stand side by side in one set."""
    faults = []
    for measure in rules.measures:
        if reported.reports(measure) and reported.excluded(measure):
            message = f"{measure.measure_id} is reported beside its exclusion."
            faults.append(Gap(code="MEASURE_WITH_EXCLUSION", message=message, subject=measure.measure_id))
    in_use = _options_in_use(reported, rules)
    if len(in_use) > 1:
        named = " beside ".join("/".join(option) for option in in_use)
        faults.append(
            Gap(code="SUBSTITUTES_TOGETHER", message=f"{named}: one way may be reported.", subject=in_use[0][0])
        )
    for levels in (*(m.levels for m in rules.measures), *rules.bonus_levels):
        if sum(reported.answered(level) for level in levels) > 1:
            message = f"{' beside '.join(levels)}: one level of active engagement may be reported."
            faults.append(Gap(code="ENGAGEMENT_LEVELS_TOGETHER", message=message, subject=levels[0]))
    return tuple(faults)


def _leaves(
    reported: Reported, chosen: Sequence[InteroperabilityMeasure], rules: PromotingInteroperability
) -> tuple[Part, ...]:
    points = allocate_points(reported, chosen, rules)
    leaves = [_leaf(measure, reported, points, rules) for measure in chosen]
    if any(reported.answered(m) for m in rules.bonus.measures):
        reason = rules.reason("bonus", "BONUS", "Given once for any of the bonus measures.")
        leaves.append(Part(code="PI_BONUS", title="Bonus", value=rules.bonus.points, reasons=(reason,)))
    return tuple(leaves)


def _leaf(
    measure: InteroperabilityMeasure,
    reported: Reported,
    points: Mapping[str, Decimal],
    rules: PromotingInteroperability,
) -> Part:
    code, title = measure.measure_id, measure.title
    if reported.excluded(measure):
        reason = rules.reason("reallocations", "EXCLUDED", "Excluded: its points move on to other measures.")
        return Part(code=code, title=title, reasons=(reason,))
    row, rate = reported.rows.get(code), reported.rate(measure)
    earned = (rate or ZERO) * points[code]
    if rules.round_points:
        earned = earned.quantize(Decimal(1), rounding=ROUND_HALF_UP)
    inputs = (
        {}
        if row is None or row.denominator is None
        else {"numerator": row.numerator or 0, "denominator": row.denominator}
    )
    reason = (
        rules.reason("measures", "NOT_SUBMITTED", "Missing.")
        if rate is None
        else rules.reason("measures", "SCORED", "Its rate times its points.")
    )
    return Part(code=code, title=title, value=earned, max=points[code], reasons=(reason,), inputs=inputs)


def _category_part(
    share: Decimal, leaves: tuple[Part, ...], problems: Iterable[Gap], rules: PromotingInteroperability
) -> Part:
    """Return the effect on the final score: all of it at 0 %, none at 100 % (42 CFR 512.745)."""
    reasons = [rules.reason("effect_max", "EFFECT", "The part of the category that is missing, off the final score.")]
    reasons += [rules.reason("measures", problem.code, problem.message) for problem in problems]
    return Part(
        code="promoting_interoperability",
        title="Promoting Interoperability",
        value=rules.effect_max * (1 - share),
        max=ZERO,
        parts=leaves,
        reasons=tuple(reasons),
        inputs={"share": share},
    )
