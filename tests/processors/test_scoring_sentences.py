"""Sentences of the law that need more than a row: documents, levels, minimum submission, exclusions, outlook."""

from dataclasses import replace
from decimal import Decimal
from itertools import combinations

import pytest

from processors.assessment import Assessment, assess
from processors.clinician import read_clinician, roster_of
from processors.events import Complexity
from processors.payment import scenarios_of
from processors.practice import read_practice
from processors.promoting_interoperability import Reported, allocate_points
from processors.rulebook.sections import ComplexityReference, QualityMeasure, Scenario
from processors.scoring import ScoredClinician
from processors.vocabulary import ResultStatus, Stage
from tests.making import (
    AFTER,
    FULL_SET,
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    admissions,
    assessed,
    at,
    attested,
    channel,
    codes,
    cost,
    facts,
    listed,
    obligation_of,
    pi_rows,
    pi_set,
    quality,
    result,
    row,
    rulebook,
    score_of,
)

RULES = rulebook()
BACKS = listed(cohort="LOW_BACK_PAIN")


def points(assessment: Assessment, measure_id: str = "236") -> Decimal | None:
    return next(p.value for p in score_of(assessment).tree.parts[0].parts if p.code == measure_id)


def test_377_as_a_cqm_serves_no_minimum_submission() -> None:
    told = assessed(listed(), quality(row("377", 90, 10), collection_type="CQM"), result(cost_measure=cost()))
    assert score_of(told).tree.reasons[0].code == "MINIMUM_SUBMISSION"


def test_below_the_minimum_submission_the_parts_keep_their_values_and_only_the_bonuses_show_0() -> None:
    told = assessed(
        listed(small_practice=True, solo=False),
        quality(row("236", 1, 0, eligible_population=100)),
        attested("ASM_IA_1"),
        pi_set({"PI_EP_1": (5, 10)}),
        result(cost_measure=cost(score=Decimal(8))),
    )
    tree = score_of(told).tree
    assert (tree.value, [part.value for part in tree.parts]) == (
        Decimal(0),
        [Decimal(0), Decimal(80), Decimal(-10), Decimal("-0.5"), Decimal(0), Decimal(0)],
    )


def test_the_quality_score_is_the_points_over_ten_times_the_measures_in_the_denominator() -> None:
    told = assessed(listed(), quality(row("236", 90, 10), row("005", 5, 0)), result(claims_measure=admissions()))
    part = score_of(told).tree.parts[0]
    assert {p.code: p.value for p in part.parts} == {
        "492": Decimal(10),
        "008": Decimal(0),
        "005": None,
        "236": Decimal(10),
        "377": Decimal(0),
    }
    assert (part.value, dict(part.inputs)) == (Decimal(50), {"points": Decimal(20), "points_possible": Decimal(40)})


def test_a_measure_with_strata_is_judged_on_the_overall_stratum_alone() -> None:
    overall = row("238", 0, 100, stratum="overall")
    incomplete = row("238", 1, 0, stratum="one", eligible_population=100)
    assert points(assessed(BACKS, quality(incomplete, overall)), "238") == Decimal(10)
    swapped = quality(replace(incomplete, stratum="overall"), replace(overall, stratum="one"))
    assert points(assessed(BACKS, swapped), "238") == Decimal(0)


def test_a_measure_that_is_announced_and_has_no_number_is_added_as_data() -> None:
    measure = QualityMeasure(
        measure_id="999", cohort="LOW_BACK_PAIN", collection_types=(), inverse=True, title="Excess utilization"
    )
    law = replace(RULES, quality=replace(RULES.quality, measures=(*RULES.quality.measures, measure)))
    given = result(claims_measure=replace(admissions("7", 40), measure_id="999"))
    told = assess(facts(BACKS, quality(row("134", 100, 0)), given), law, IN_WINDOW)
    (part,) = (p for p in score_of(told).tree.parts[0].parts if p.code == "999")
    assert (part.value, part.reasons[0].code, codes(told)) == (None, "NO_BENCHMARK", [])
    assert obligation_of(told, "999").status == "NOT_REQUIRED"
    rows = {**RULES.benchmarks.percentiles, "999/CLAIMS": tuple(Decimal(n) for n in range(11))}
    sources = {**RULES.benchmarks.sources, "999/CLAIMS": RULES.benchmarks.sources["492/CLAIMS"]}
    law = replace(law, benchmarks=replace(law.benchmarks, percentiles=rows, sources=sources))
    assert points(assess(facts(BACKS, given), law, IN_WINDOW), "999") == Decimal(4)


def test_a_complete_measure_without_a_benchmark_is_left_out_and_serves_the_minimum_submission() -> None:
    rows = {key: bounds for key, bounds in RULES.benchmarks.percentiles.items() if not key.startswith("236/")}
    law = replace(RULES, benchmarks=replace(RULES.benchmarks, percentiles=rows))
    told = assess(facts(listed(), quality(row("236", 90, 10)), result(cost_measure=cost())), law, IN_WINDOW)
    assert (points(told), score_of(told).tree.reasons[0].code) == (None, "SUM")


def test_a_yes_of_the_tin_counts_for_every_participant() -> None:
    told = assessed(listed(), listed(npi=OTHER_NPI, cohort="LOW_BACK_PAIN"), attested("ASM_IA_1"), pi_set())
    effects = {s.npi: [part.value for part in s.tree.parts[2:4]] for s in told.scores}
    assert effects == {NPI: [Decimal(-10), Decimal(0)], OTHER_NPI: [Decimal(-10), Decimal(0)]}


def test_the_flag_of_a_small_practice_is_the_rosters_however_many_it_lists() -> None:
    many = [listed(npi=f"1{n:09d}", small_practice=True, solo=False) for n in range(17)]
    told = assessed(*many, *(quality(npi=each.npi, submission_id=str(each.npi)) for each in many))
    assert {score.tree.parts[5].value for score in told.scores} == {Decimal(10)}


EXCLUSIONS = {m.measure_id: m.exclusions[0] for m in RULES.interoperability.measures if m.exclusions}
WAYS = RULES.interoperability.exchange_options


@pytest.mark.parametrize("way", WAYS, ids="+".join)
def test_whatever_is_excluded_the_points_sum_to_100_and_a_whole_set_earns_all(way: tuple[str, ...]) -> None:
    rules = RULES.interoperability
    others = {m for option in WAYS for m in option} - set(way)
    chosen = [m for m in rules.measures if m.measure_id not in others]
    may_be_excluded = [m.measure_id for m in chosen if m.exclusions]
    for size in range(len(may_be_excluded) + 1):
        for excluded in combinations(may_be_excluded, size):
            told = dict.fromkeys(others | set(excluded)) | {EXCLUSIONS[m]: True for m in excluded}
            told |= {m: True for m in way if m in {"PI_HIE_5", "PI_HIE_6"}}
            told |= {level: None for m in chosen if m.measure_id in excluded for level in m.levels}
            rows = {m.measure_id: m for m in pi_rows(FULL_SET | told)}
            allocated = allocate_points(Reported(rows), chosen, rules)
            assert (sum(allocated.values()), set(excluded) & set(allocated)) == (Decimal(100), set())
            assert score_of(assessed(listed(), pi_set(told))).tree.parts[3].value == 0


def test_the_prepared_score_is_the_same_with_everything_prepared_or_sent_taken_as_receipted() -> None:
    def told(stage: Stage) -> Assessment:
        reports = (quality(row("236", 90, 10), stage=stage), attested("ASM_IA_1", stage=stage), pi_set(stage=stage))
        return assessed(listed(), *reports, result(cost_measure=cost()))

    receipted = score_of(told(Stage.RECEIPTED))
    assert receipted.final_score == receipted.prepared_score
    for stage in (Stage.PREPARED, Stage.SENT):
        score = score_of(told(stage))
        assert (score.final_score, score.prepared_score) == (Decimal(0), receipted.final_score)


def test_a_latest_start_that_has_passed_warns_and_closes_nothing() -> None:
    before, after = (assessed(listed(), as_of=at(day)) for day in ("2027-10-03", "2027-10-05"))
    assert [obligation_of(told, "ASM_IA_1").status for told in (before, after)] == ["OPEN", "AT_RISK"]
    assert score_of(before).highest_reachable == score_of(after).highest_reachable == Decimal(100)
    assert obligation_of(before, "ASM_IA_1").points_at_stake == obligation_of(after, "ASM_IA_1").points_at_stake


REFERENCES = tuple(
    ComplexityReference(indicator=name, mean=Decimal(1), median=Decimal(1), standard_deviation=Decimal(1))
    for name in ("AVERAGE_HCC", "DUAL_SHARE")
)


@pytest.mark.parametrize(("status", "open_still"), [(ResultStatus.ESTIMATE, True), (ResultStatus.FINAL, False)])
def test_complexity_is_settled_once_cms_has_given_it_and_the_references_are_known(
    status: ResultStatus, open_still: bool
) -> None:
    law = replace(RULES, final_score=replace(RULES.final_score, complexity_references=REFERENCES))
    given = Complexity(average_hcc=Decimal(1), dual_share=Decimal(0))
    told = assess(facts(listed(), quality(), result(status=status, complexity=given)), law, AFTER)
    assert score_of(told).tree.parts[4].value == Decimal("1.5")
    scored = next(iter(told.sections.values())).scored
    assert isinstance(scored, ScoredClinician)
    assert scored.outlook is not None
    assert scored.outlook.added["COMPLEX_PATIENTS"] == ((Decimal(0), Decimal(10)) if open_still else (Decimal("1.5"),))


def test_without_a_reachable_score_there_is_no_range_of_the_factor() -> None:
    assert scenarios_of(None, None, RULES.payment) is None
    assert scenarios_of(Decimal(10), None, RULES.payment) is None


def test_an_assumption_under_which_no_factor_can_be_told_is_left_out() -> None:
    zeros = Scenario(name="ALL_ZERO", scores=(Decimal(0),))
    rules = replace(RULES.payment, scenarios=(zeros, *RULES.payment.scenarios[:1]))
    told = scenarios_of(Decimal(10), Decimal(20), rules)
    assert [scenario.name for scenario in told or ()] == ["PEERS_LOW"]


def test_only_a_clinician_with_a_roster_entry_is_judged() -> None:
    year = facts(quality())
    unlisted = read_clinician(year.clinicians[NPI], read_practice(year.practice, RULES), RULES)
    with pytest.raises(ValueError, match="not on the roster"):
        roster_of(unlisted)


def test_the_score_lies_in_its_interval_to_the_last_digit_in_whatever_order_points_are_added() -> None:
    told = assessed(
        listed(small_practice=True, solo=False),
        quality(row("236", 5, 0)),
        pi_set({"PI_EP_1": (1, 9)}),
        attested("ASM_IA_1"),
        result(cost_measure=cost(score=Decimal(1)), claims_measure=admissions(cases=5)),
        as_of=AFTER,
    )
    score = score_of(told)
    assert (score.final_score, score.final_score == score.lowest_reachable) == (Decimal(5) - Decimal(8) / 9, True)


def test_a_declared_channel_changes_no_score() -> None:
    reported = (listed(), quality(row("236", 90, 10)), result(cost_measure=cost()))
    silenced = assessed(*reported, channel("QUALITY"), channel("PROMOTING_INTEROPERABILITY"), as_of=AFTER)
    assert silenced.scores == assessed(*reported, as_of=AFTER).scores
    assert obligation_of(silenced, "PROMOTING_INTEROPERABILITY").status == "NOT_MONITORED"
