"""Scores -> standings: the latest score of each participant, each change said once, also after a restart."""

from dataclasses import replace
from decimal import Decimal

from processors.identity import Npi
from processors.outputs import ScoreChanged
from schemas.codec import decode, encode
from streams.standings import Cohorts
from tests.making import OTHER_NPI, at
from tests.streams.driver import LAW, Driver

HF, LBP = "HEART_FAILURE", "LOW_BACK_PAIN"


def numbered(number: int) -> Npi:
    return Npi(f"1{number:09d}")


def score() -> ScoreChanged:
    driver = Driver()
    driver.send("listed_heart_failure_clinician")
    driver.tick("2028-01-10T00:00:00+00:00")
    return driver.read_score()


SCORE = replace(score(), npi=numbered(0), final_score=Decimal(40))


def cohorts(count: int) -> Cohorts:
    following = Cohorts(LAW.rulebooks)
    for number in range(count):
        following.take(replace(SCORE, npi=numbered(number), final_score=Decimal(40 + number)))
    return following


def test_a_standing_is_said_once_and_again_when_a_score_changes_it() -> None:
    following = cohorts(12)
    (said,) = following.changed()
    assert (said.revision, said.cohort, said.size_seen, said.midpoint) == (1, HF, 12, Decimal("45.5"))
    assert following.changed() == []
    following.take(replace(SCORE, npi=OTHER_NPI, final_score=Decimal(90), as_of=at("2028-02-01")))
    (again,) = following.changed()
    assert (again.revision, again.size_seen, again.as_of) == (2, 13, at("2028-02-01"))


def test_what_changes_no_figure_is_not_said() -> None:
    following = cohorts(12)
    following.changed()
    following.take(replace(SCORE, revision=SCORE.revision + 1, as_of=at("2028-03-01")))
    assert following.changed() == []


def test_an_older_revision_changes_nothing() -> None:
    following = cohorts(12)
    following.take(replace(SCORE, revision=0, final_score=Decimal(99)))
    assert following.changed()[0].midpoint == Decimal("45.5")


def test_who_changes_the_cohort_leaves_the_one_and_joins_the_other() -> None:
    following = cohorts(12)
    following.changed()
    following.take(replace(SCORE, cohort=LBP, revision=SCORE.revision + 1))
    assert [(s.cohort, s.size_seen) for s in following.changed()] == [(HF, 11), (LBP, 1)]


def test_after_a_restart_what_was_said_is_not_said_again() -> None:
    (said,) = (decode(encode(each)) for each in cohorts(12).changed())  # on the wire a factor has eight places
    restarted = cohorts(12)
    restarted.remember(said)
    assert restarted.changed() == []
    restarted.take(replace(SCORE, npi=OTHER_NPI, final_score=Decimal(90)))
    assert [(s.revision, s.size_seen) for s in restarted.changed()] == [(2, 13)]


def test_a_year_that_no_rulebook_knows_has_no_standing() -> None:
    following = Cohorts(LAW.rulebooks)
    following.take(replace(SCORE, performance_year=2040))
    assert following.changed() == []
