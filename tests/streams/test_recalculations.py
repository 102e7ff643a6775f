"""Recalculations, as the records of operations tell of them."""

from schemas.recalculations import RecalculationCompleted
from streams.recalculations import recalculations
from tests.making import at
from tests.streams.test_switching import STARTED, done

COMPLETED = RecalculationCompleted(
    recalculation="R1",
    generation="cases",
    actor="ops",
    reason="why",
    participants=5,
    movers=3,
    scores=3,
    obligations=0,
    findings=0,
    instant=at("2028-05-11"),
)


def test_a_completed_one_stays_so_when_a_restored_journal_comes_to_it_again() -> None:
    told = [STARTED, done(0, 2), done(1, 1), COMPLETED, done(0, 1)]
    (found,) = recalculations(told)
    assert (found.completed, found.everywhere, dict(found.counts())["scores"]) == (COMPLETED, True, 2)
    assert recalculations(told[:2])[0].completed is None
