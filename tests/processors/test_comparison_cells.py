"""What of a comparison may travel: no cell of too few participants, and none that the rest gives away."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from processors.comparison_cells import CellOf, cells_of
from processors.comparison_summary import BUCKETS, SAME, Comparison, Participant, bucket_of, ordered
from processors.identity import Npi, Tin
from processors.movement import NO_CAUSE_FOUND, Cause, Extent, Moved, ObligationMoved, Stands
from processors.obligations import Status
from processors.rulebook.hybrid import LawChange
from processors.standings import SeenScore, suppressed
from tests.generations import BENCHMARK_CORRECTED, PRESENT
from tests.making import TIN, YEAR
from tests.streams.laws import rulebooks_with

HF = "HEART_FAILURE"
LAW = LawChange(PRESENT[YEAR], rulebooks_with(BENCHMARK_CORRECTED)[YEAR])
LEAST = PRESENT[YEAR].payment.cell_min
BENCHMARK = Cause(kind="RULE", rule=LAW.differences["benchmarks.236/ECQM"])
EVENT = Cause(kind="EVENT")


def npi(number: int) -> Npi:
    return Npi(f"1{number:09d}")


def participants(count: int) -> Sequence[Participant]:
    seen = SeenScore(cohort=HF, revision=1, final_score=Decimal(40), part_b_paid_cents=None)
    return [
        Participant(tin=TIN, npi=npi(n), performance_year=YEAR, practice_alias="north", before=seen, after=seen)
        for n in range(count)
    ]


def moved(number: int, after: str | None, cause: Cause = BENCHMARK, before: str | None = "40") -> Moved:
    return Moved(
        tin=TIN,
        npi=npi(number),
        performance_year=YEAR,
        cohort=HF,
        practice_alias="north",
        extent=Extent.FINAL,
        before=None if before is None else Decimal(before),
        after=None if after is None else Decimal(after),
        failed_before=False,
        failed_after=False,
        parts=(),
        causes=(cause,),
    )


def comparison(count: int, *who: Moved, obligations: Sequence[ObligationMoved] = ()) -> Comparison:
    return Comparison(participants=participants(count), moved=who, obligations=obligations, laws={YEAR: LAW})


def told(found: Comparison, figure: str) -> dict[str, int | None]:
    cells: Sequence[CellOf] = cells_of(found)
    assert {(c.performance_year, c.cohort) for c in cells} == {(YEAR, HF)}
    return {c.cell: c.participants for c in cells if c.figure == figure}


CHANGE, CAUSE = "change of the final score", "cause of another final score"


def test_the_least_cell_is_the_rulebooks_own() -> None:
    assert LEAST == 11
    fewer = [moved(n, "30") for n in range(LEAST - 1)]
    assert told(comparison(100, *fewer), CHANGE)["down 10 to 20"] is None
    assert told(comparison(100, *fewer, moved(50, "30")), CHANGE)["down 10 to 20"] == LEAST


def test_of_a_cohort_of_too_few_nothing_is_told_but_that() -> None:
    few = comparison(LEAST - 1, *(moved(n, "30") for n in range(LEAST - 1)))
    assert [(c.figure, c.participants) for c in cells_of(few)] == [("participants", None)]
    assert told(comparison(LEAST), "participants") == {"all": LEAST}


def test_a_single_hidden_cell_takes_another_with_it_and_those_who_stay_only_at_last() -> None:
    who = [*(moved(n, "30") for n in range(50)), *(moved(50 + n, "41.5") for n in range(5))]
    found = told(comparison(75, *who), CHANGE)
    assert (found["down 10 to 20"], found["up 1 to 5"], found[SAME]) == (None, None, 20)
    alone = told(comparison(75, *who[:5]), CHANGE)
    assert (alone["down 10 to 20"], alone[SAME]) == (None, None)


def test_the_cells_of_a_figure_have_all_participants_each_once() -> None:
    who = [*(moved(n, "30") for n in range(20)), *(moved(20 + n, "50", EVENT) for n in range(30))]
    found = comparison(100, *who)
    assert told(found, CHANGE) == dict.fromkeys(BUCKETS, 0) | {"down 10 to 20": 20, "up 10 to 20": 30, SAME: 50}
    assert told(found, CAUSE) == {"benchmarks.236/ECQM": 20, "EVENT": 30, SAME: 50}
    assert told(found, "what differs") == {"FINAL": 50, "FIGURES": 0, "WORDS": 0, "NOTHING": 50}


def test_several_causes_of_one_are_one_cell() -> None:
    both = [replace(moved(n, "30"), causes=(BENCHMARK, EVENT)) for n in range(20)]
    assert told(comparison(100, *both), CAUSE) == {"EVENT + benchmarks.236/ECQM": 20, SAME: 80}


def opened(number: int | None, item: str = "236", stands: Stands = Stands.OPEN, year: int = YEAR) -> ObligationMoved:
    return ObligationMoved(
        tin=TIN,
        npi=None if number is None else npi(number),
        performance_year=year,
        cohort=HF,
        practice_alias="north",
        category="QUALITY",
        item=item,
        before=Status.MET,
        after=Status.OPEN,
        stands=stands,
        causes=(BENCHMARK,),
    )


def test_an_obligation_counts_those_whom_it_concerns_and_one_of_the_tin_all_who_bill_under_it() -> None:
    own = [opened(n) for n in range(12)] + [opened(20 + n, stands=Stands.LOST) for n in range(15)]
    elsewhere = [opened(999), opened(0, year=YEAR + 1)]
    found = comparison(60, obligations=[*own, *elsewhere, opened(None, "ASM_IA_1", Stands.DONE)])
    assert told(found, "obligation 236") == {"opens": 12, "closes": 0, "is lost": 15, "neither": 33}
    assert told(found, "obligation ASM_IA_1") == {"opens": 0, "closes": 60, "is lost": 0, "neither": 0}
    nobody = comparison(60, obligations=[opened(999), replace(opened(None, "ASM_IA_2"), tin=Tin("987654321"))])
    assert (told(nobody, "obligation 236"), told(nobody, "obligation ASM_IA_2")) == ({}, {})


def test_a_change_falls_in_one_bucket_and_its_edge_in_the_greater() -> None:
    edges = [
        ("39.01", "down less than 1"),
        ("39", "down 1 to 5"),
        ("40", SAME),
        ("60", "up 20 or more"),
        ("45", "up 5 to 10"),
    ]
    assert [bucket_of(moved(0, after)) for after, _ in edges] == [bucket for _, bucket in edges]
    assert bucket_of(moved(0, None)) == "no score any more"
    assert bucket_of(moved(0, "40", before=None)) == "a score for the first time"


def test_those_without_a_cause_come_first_then_scores_won_or_lost_then_the_largest_change() -> None:
    nobody_knows = moved(9, "40.1", Cause(kind=NO_CAUSE_FOUND))
    words = replace(moved(3, "40"), extent=Extent.WORDS)
    given = [words, moved(1, "41"), moved(2, "20"), moved(4, None), nobody_knows]
    assert [m.npi for m in ordered(given)] == [npi(n) for n in (9, 4, 2, 1, 3)]


def test_counts_that_must_not_be_told_are_hidden_with_others_until_none_is_told_by_the_sum() -> None:
    assert suppressed([0, 5, 6, 40], 11) == {1, 2}
    assert suppressed([0, 5, 40, 50], 11) == {1, 2}
    assert suppressed([20, 5, 40], 11, rest=0) == {1, 2}
    assert suppressed([20, 5, 0], 11, rest=0) == {0, 1}
    assert suppressed([20, 40], 11) == frozenset()
