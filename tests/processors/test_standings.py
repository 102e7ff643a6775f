"""Where a cohort stands: only what is seen enters, small cells are suppressed, unknown payments are the mean."""

from dataclasses import replace
from decimal import Decimal

import pytest

from processors.outputs import Quantile, StandingChanged
from processors.payment import Member, standings_of
from processors.standings import Provenance, SeenScore, distribution, is_covered, standing_of_cohort
from tests.making import DUE, rulebook

HF = "HEART_FAILURE"
BOOK = rulebook()
PROVENANCE = Provenance(as_of=DUE, engine=7, generation="trial")


def seen(score: int | None, paid: int | None = None) -> SeenScore:
    return SeenScore(
        cohort=HF, revision=1, final_score=None if score is None else Decimal(score), part_b_paid_cents=paid
    )


def standing(*scores: SeenScore) -> StandingChanged:
    return standing_of_cohort(scores, HF, BOOK, PROVENANCE)


def test_a_standing_says_how_many_are_seen_of_whom_and_what_they_come_to() -> None:
    members = [(20 + n, 1000 * n) for n in range(1, 12)]
    figures = standings_of([Member(final_score=Decimal(s), part_b_paid_cents=p) for s, p in members], BOOK.payment)
    assert standing(*(seen(s, p) for s, p in members), seen(None, 9)) == StandingChanged(
        revision=0,
        cohort=HF,
        performance_year=BOOK.performance_year,
        as_of=DUE,
        rulebook=BOOK.digest,
        vintage=BOOK.vintage,
        engine=7,
        generation="trial",
        size_seen=11,
        size_listed=2600,
        payments_known=11,
        midpoint=Decimal(26),
        scaling_factor=figures.scaling_factor,
        quantiles=(),
        standing="assumed",
    )


def test_figures_of_fewer_than_eleven_are_suppressed() -> None:
    ten, eleven = standing(*[seen(50)] * 10), standing(*[seen(50)] * 11)
    assert (ten.size_seen, ten.midpoint, ten.scaling_factor, ten.quantiles) == (10, None, None, ())
    assert (eleven.size_seen, eleven.midpoint) == (11, Decimal(50))


@pytest.mark.parametrize(
    ("size", "percents"),
    [
        (21, []),
        (22, [50]),
        (43, [50]),
        (44, [25, 50, 75]),
        (109, [25, 50, 75]),
        (110, [10, 20, 30, 40, 50, 60, 70, 80, 90]),
    ],
)
def test_quantiles_are_as_fine_as_leaves_eleven_in_each_cell(size: int, percents: list[int]) -> None:
    assert [q.percent for q in standing(*(seen(n) for n in range(size))).quantiles] == percents


def test_a_quantile_lies_between_two_scores() -> None:
    assert standing(*(seen(n) for n in range(22))).quantiles == (Quantile(percent=50, final_score=Decimal("10.5")),)
    assert standing(*(seen(n) for n in range(23))).quantiles == (Quantile(percent=50, final_score=Decimal(11)),)


def test_whose_payments_are_not_known_is_taken_to_have_the_mean_of_the_others() -> None:
    told = [seen(40, 100), seen(60, 301), *(seen(80) for _ in range(9))]
    known = [seen(40, 100), seen(60, 301), *(seen(80, 200) for _ in range(9))]
    assert replace(standing(*told), payments_known=11) == standing(*known)
    assert standing(*told).payments_known == 2


def test_where_no_payments_are_known_all_are_the_same() -> None:
    alike = standing(*(seen(n, 77) for n in range(30, 42)))
    assert standing(*(seen(n) for n in range(30, 42))).scaling_factor == alike.scaling_factor


def test_a_cohort_in_which_nobody_has_points_has_no_scaling_factor() -> None:
    told = standing(*[seen(0)] * 11)
    assert (told.midpoint, told.scaling_factor) == (Decimal(0), None)


def test_a_cohort_of_which_no_size_is_known_is_never_covered() -> None:
    assert standing_of_cohort([], "SPINE", BOOK, PROVENANCE).size_listed == 0
    assert not is_covered(100, 0, BOOK)


@pytest.mark.parametrize(("size", "covered"), [(2079, False), (2080, True), (2081, True)])
def test_a_cohort_is_covered_from_the_least_share_on(size: int, *, covered: bool) -> None:
    assert is_covered(size, 2600, BOOK) is covered


def cells(*counts: int) -> list[int | None]:
    """What is told of so many scores in each cell of ten points, where the least cell is eleven."""
    scores = [Decimal(10 * place + 5) for place, count in enumerate(counts) for _ in range(count)]
    return [cell.count for cell in distribution(scores, Decimal(100), 11)]


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ((11, 30, 0, 12), [11, 30, 0, 12, 0, 0, 0, 0, 0, 0]),
        ((11, 30, 10, 12), [None, 30, None, 12, 0, 0, 0, 0, 0, 0]),  # alone it is the rest: the smallest other too
        ((11, 30, 5, 6), [11, 30, None, None, 0, 0, 0, 0, 0, 0]),  # together eleven
        ((12, 30, 5, 5), [None, 30, None, None, 0, 0, 0, 0, 0, 0]),  # together ten: the smallest other too
        ((3,), [None, 0, 0, 0, 0, 0, 0, 0, 0, 0]),  # nothing else to hide it behind
        ((0, 10, 0, 11, 11), [0, None, 0, None, 11, 0, 0, 0, 0, 0]),
        ((), [0] * 10),
    ],
)
def test_a_small_cell_is_hidden_and_cannot_be_told_from_the_rest(counts: tuple[int, ...], told: list[int]) -> None:
    assert cells(*counts) == told


def test_a_score_lies_in_the_cell_that_begins_with_it_and_the_highest_in_the_last() -> None:
    scores = [Decimal(0), Decimal("9.99999999"), Decimal(10), Decimal(90), Decimal(100)]
    found = distribution(scores, Decimal(100), 1)
    assert [cell.count for cell in found] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert [str(cell.low) for cell in found] == [str(10 * place) for place in range(10)]
    assert found[9].high == Decimal(100)
