"""Points that today's rulebook does not give yet, under one that does: complex patients, elements that cost points."""

from dataclasses import replace
from decimal import Decimal

import pytest

from processors.assessment import assess
from processors.events import Complexity
from processors.final_score import complex_patients_part
from processors.rulebook.sections import ComplexityReference
from processors.vocabulary import ResultStatus, Stage
from tests.making import (
    AFTER,
    IN_WINDOW,
    NPI,
    assessed,
    attested,
    cost,
    facts,
    listed,
    pi_set,
    result,
    rulebook,
    score_of,
)

REFERENCES = (
    ComplexityReference(
        indicator="AVERAGE_HCC", mean=Decimal("1.0"), median=Decimal("0.9"), standard_deviation=Decimal("0.4")
    ),
    ComplexityReference(
        indicator="DUAL_SHARE", mean=Decimal("0.20"), median=Decimal("0.10"), standard_deviation=Decimal("0.08")
    ),
)
KNOWN = replace(rulebook(), final_score=replace(rulebook().final_score, complexity_references=REFERENCES))


@pytest.mark.parametrize(
    ("average_hcc", "dual_share", "points"),
    [
        ("1.1", "0.22", "5.0"),  # 1.5 + 4 · 0.25 of each
        ("1.0", "0.20", "3.0"),  # at the mean: 1.5 each
        ("0.9", "0.09", "0.5"),  # at the median 1.5 − 4 · 0.25, and under it nothing
        ("0.89", "0.20", "1.5"),  # under the median nothing
        ("0.9", "0.10", "0.5"),  # 1.5 − 4 · 1.25 is less than nothing
        ("9.0", "0.90", "10"),  # at most 5 each
        ("1.35", "0.09", "5.0"),  # exactly 5
    ],
)
def test_complex_patients_earn_by_their_distance_from_the_reference(
    average_hcc: str, dual_share: str, points: str
) -> None:
    complexity = Complexity(average_hcc=Decimal(average_hcc), dual_share=Decimal(dual_share))
    part = complex_patients_part(complexity, KNOWN)
    assert (part.value, part.max, [(r.code, r.cites) for r in part.reasons]) == (
        Decimal(points),
        Decimal(10),
        [("SCORED", ("42 CFR 512.745",))],
    )


def test_with_one_reference_of_two_the_part_is_left_open() -> None:
    one = replace(KNOWN, final_score=replace(KNOWN.final_score, complexity_references=REFERENCES[:1]))
    part = complex_patients_part(Complexity(average_hcc=Decimal(1), dual_share=Decimal(0)), one)
    assert (part.value, [r.code for r in part.reasons]) == (None, ["NO_REFERENCE"])


def test_where_missing_elements_cost_points_they_stand_beside_what_else_is_missing() -> None:
    strict = replace(rulebook(), activities=replace(rulebook().activities, missing_elements_cost_points=True))
    short = attested("ASM_IA_1", elements=(), period_end=attested("ASM_IA_1").period_start)
    for event, told in (
        (short, ["PERIOD_TOO_SHORT", "ELEMENTS_MISSING"]),
        (attested("ASM_IA_1", elements=()), ["ELEMENTS_MISSING"]),
    ):
        year = assess(facts(listed(), event), strict, IN_WINDOW).read
        assert year is not None
        result, _ = year.practice.now.activities
        assert (result.done, [gap.code for gap in result.gaps]) == (False, told)


def test_a_set_that_was_only_sent_may_still_be_proven_after_the_deadline() -> None:
    sent = pi_set({"PI_EP_1": (5, 10)}, stage=Stage.SENT)
    scored = assessed(listed(), sent, as_of=AFTER).sections[NPI].scored
    assert scored is not None
    assert scored.outlook is not None
    assert scored.outlook.added["PROMOTING_INTEROPERABILITY"] == (Decimal(-10), Decimal("-0.5"))
    assert score_of(assessed(listed(), sent, as_of=AFTER)).tree.parts[3].value == -10


@pytest.mark.parametrize(("status", "estimate"), [(ResultStatus.ESTIMATE, True), (ResultStatus.FINAL, False)])
def test_a_score_is_an_estimate_by_what_is_awaited_or_by_what_cms_only_estimated(
    status: ResultStatus, estimate: bool
) -> None:
    backs = listed(cohort="LOW_BACK_PAIN")
    complexity = Complexity(average_hcc=Decimal(1), dual_share=Decimal("0.2"))
    given = result(status=status, cost_measure=cost(measure_id="COST_LBP_1"), complexity=complexity)
    assert score_of(assess(facts(backs, given), KNOWN, IN_WINDOW)).estimate == estimate
    assert score_of(assess(facts(backs), KNOWN, IN_WINDOW)).estimate
