"""The tree in which a score explains itself, whole: every part with its value, most, weight, reasons and numbers."""

from decimal import Decimal
from typing import Any

from processors.score_tree import Part
from tests.making import admissions, assessed, attested, cost, listed, pi_set, quality, result, row, score_of

SMALL = listed(event_id="l1", small_practice=True, solo=False)
GIVEN_COST = {
    "episodes": 25,
    "cost_per_episode_cents": 1_500_000,
    "national_median_cents": 1_500_000,
    "standard_deviation_cents": 400_000,
}


def told(part: Part) -> dict[str, tuple[Any, ...]]:
    """What a part and all below it say, by the path of codes."""
    codes = tuple(reason.code for reason in part.reasons)
    found = {part.code: (part.value, part.max, part.weight, codes, dict(part.inputs))}
    for child in part.parts:
        found |= {f"{part.code}/{path}": says for path, says in told(child).items()}
    return found


def counts(met: int, not_met: int, exclusions: int, exceptions: int) -> dict[str, int]:
    return {
        "performance_met": met,
        "performance_not_met": not_met,
        "exclusions": exclusions,
        "exceptions": exceptions,
    }


def test_of_one_who_reported_nothing_the_tree_says_what_is_missing_and_what_it_costs() -> None:
    root = {path.removeprefix("final_score/"): says for path, says in told(score_of(assessed(SMALL)).tree).items()}
    not_submitted: tuple[Any, ...] = (Decimal(0), Decimal(10), None, ("NOT_SUBMITTED",), {})
    assert root == {
        "final_score": (Decimal(0), Decimal(100), None, ("MINIMUM_SUBMISSION", "WEIGHT_MOVED"), {}),
        "quality": (Decimal(0), Decimal(100), Decimal(1), (), {"points": Decimal(0), "points_possible": Decimal(40)}),
        "quality/492": (None, Decimal(10), None, ("AWAITING_CMS",), {}),
        "quality/008": not_submitted,
        "quality/005": not_submitted,
        "quality/236": not_submitted,
        "quality/377": not_submitted,
        "cost": (None, Decimal(100), None, (), {}),
        "cost/COST_HF_1": (None, Decimal(10), None, ("AWAITING_CMS",), {}),
        "improvement_activities": (Decimal(-20), Decimal(0), None, ("EFFECT",), {"done": 0, "required": 2}),
        "improvement_activities/ASM_IA_1": (None, None, None, ("NOT_ATTESTED",), {}),
        "improvement_activities/ASM_IA_2": (None, None, None, ("NOT_ATTESTED",), {}),
        "promoting_interoperability": (
            Decimal(-10),
            Decimal(0),
            None,
            ("EFFECT", "NOT_SUBMITTED"),
            {"share": Decimal(0)},
        ),
        "complex_patients": (Decimal(0), Decimal(10), None, ("AWAITING_CMS",), {}),
        "small_practice": (Decimal(0), Decimal(15), None, ("SMALL",), {}),
    }


def test_of_one_who_reported_all_but_two_measures_the_tree_says_every_number() -> None:
    part = row("005", 83, 17, exclusions=2, exceptions=1, eligible_population=110)
    events = (
        quality(row("236", 90, 10), part),
        pi_set({"PI_EP_1": (7, 10)}),
        attested("ASM_IA_1"),
        attested("ASM_IA_2"),
        result(cost_measure=cost(episodes=25)),
        result(claims_measure=admissions()),
    )
    root = {p.removeprefix("final_score/"): says for p, says in told(score_of(assessed(SMALL, *events)).tree).items()}
    scored, benchmark = ("SCORED",), ("SCORED", "HISTORICAL_BENCHMARK")
    points = root["quality/005"][0]
    share = Decimal("0.97")
    assert Decimal("6.6057") < points < Decimal("6.6058")
    assert root == {
        "final_score": ((points + 20) + Decimal("37.5") - 10 * (1 - share) + 10, Decimal(100), None, ("SUM",), {}),
        "quality": (
            (points + 20) * 2,
            Decimal(100),
            Decimal("0.5"),
            (),
            {"points": points + 20, "points_possible": Decimal(50)},
        ),
        "quality/492": (Decimal(10), Decimal(10), None, benchmark, {"rate": Decimal("60.42"), "cases": 40}),
        "quality/008": (Decimal(0), Decimal(10), None, ("NOT_SUBMITTED",), {}),
        "quality/005": (
            points,
            Decimal(10),
            None,
            benchmark,
            {
                "eligible_population": 110,
                "completeness": Decimal(103) / Decimal(110),
                "performance_rate": Decimal(83),
                **counts(83, 17, 2, 1),
            },
        ),
        "quality/236": (
            Decimal(10),
            Decimal(10),
            None,
            benchmark,
            {
                "eligible_population": 100,
                "completeness": Decimal(1),
                "performance_rate": Decimal(90),
                **counts(90, 10, 0, 0),
            },
        ),
        "quality/377": (Decimal(0), Decimal(10), None, ("NOT_SUBMITTED",), {}),
        "cost": (Decimal(75), Decimal(100), Decimal("0.5"), (), {}),
        "cost/COST_HF_1": (Decimal("7.5"), Decimal(10), None, scored, GIVEN_COST),
        "improvement_activities": (Decimal(0), Decimal(0), None, ("EFFECT",), {"done": 2, "required": 2}),
        "improvement_activities/ASM_IA_1": (None, None, None, ("DONE",), {}),
        "improvement_activities/ASM_IA_2": (None, None, None, ("DONE",), {}),
        "promoting_interoperability": (10 * (share - 1), Decimal(0), None, ("EFFECT",), {"share": share}),
        "promoting_interoperability/PI_EP_1": (
            Decimal(7),
            Decimal(10),
            None,
            scored,
            {"numerator": 7, "denominator": 10},
        ),
        "promoting_interoperability/PI_EP_2": (Decimal(10), Decimal(10), None, scored, {}),
        "promoting_interoperability/PI_HIE_1": _whole(15),
        "promoting_interoperability/PI_HIE_4": _whole(15),
        "promoting_interoperability/PI_PEA_1": _whole(25),
        "promoting_interoperability/PI_PHCDRR_1": (Decimal("12.5"), Decimal("12.5"), None, scored, {}),
        "promoting_interoperability/PI_PHCDRR_3": (Decimal("12.5"), Decimal("12.5"), None, scored, {}),
        "complex_patients": (None, Decimal(10), None, ("AWAITING_CMS",), {}),
        "small_practice": (Decimal(10), Decimal(15), None, ("SMALL",), {}),
    }


def _whole(points: int) -> tuple[Any, ...]:
    return Decimal(points), Decimal(points), None, ("SCORED",), {"numerator": 10, "denominator": 10}


def test_without_quality_data_nothing_is_said_of_a_groups() -> None:
    quality_part = score_of(assessed(SMALL)).tree.parts[0]
    group = score_of(assessed(SMALL, quality(npi=None))).tree.parts[0]
    both = score_of(assessed(SMALL, quality(npi=None), quality(submission_id="own"))).tree.parts[0]
    assert [[r.code for r in part.reasons] for part in (quality_part, group, both)] == [
        [],
        ["GROUP_DATA"],
        ["GROUP_SHADOWED"],
    ]
