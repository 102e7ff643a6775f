"""Counts of episodes at the edges: more than one a year, areas, ranks."""

from datetime import date, timedelta

from processors.episodes import ClaimYear, Count, claim_year, counts_of, episode_rules, episodes_of
from processors.events import ClaimLine
from processors.ledger import Ledger, fold_claim
from tests.making import NPI, OTHER_NPI, TIN, TOKEN, claim, keep, observed, rulebook

RULES = episode_rules(rulebook())
BACKS = "LOW_BACK_PAIN"


def visits(*days: date, area: str | None = "16980") -> Ledger:
    """A beneficiary with back pain who sees the clinician on these days."""
    ledger = Ledger(tin=TIN, beneficiary=TOKEN)
    for number, on in enumerate(days):
        line = ClaimLine(line_number=1, service_date=on, npi=NPI, hcpcs="99214", specialty="20")
        told = claim(claim_id=f"C{number}", diagnoses=("M545",), lines=(line,), area=area)
        ledger = fold_claim(ledger, observed(told), keep)
    return ledger


FIRST, SECOND = date(2027, 1, 5), date(2027, 7, 5)
WEEK = timedelta(days=7)


def test_two_episodes_of_a_year_count_twice_with_their_area() -> None:
    counts = counts_of([visits(FIRST, FIRST + WEEK, SECOND, SECOND + WEEK)], RULES)
    assert counts == {
        Count(npi=NPI, year=2027, what="LINES"): 4,
        Count(npi=NPI, year=2027, what="SPECIALTY", value="20"): 4,
        Count(npi=NPI, year=2027, what="EPISODES", cohort=BACKS): 2,
        Count(npi=NPI, year=2027, what="AREA", cohort=BACKS, value="16980"): 2,
    }
    assert claim_year(counts) == ClaimYear(
        lines=4, specialties=(("20", 4),), episodes={BACKS: 2}, areas={BACKS: (("16980", 2),)}
    )


def test_an_episode_ends_after_its_length_and_the_next_opens_on_the_day_after() -> None:
    (family,) = (f for f in RULES.families if f.cohort == BACKS)
    length = timedelta(days=family.attribution_days)
    for later, opened in ((length - timedelta(days=1), [FIRST]), (length, [FIRST, FIRST + length])):
        ledger = visits(FIRST, FIRST + WEEK, FIRST + later, FIRST + later + WEEK)
        assert [episode.trigger.on for episode in episodes_of([ledger], RULES)] == opened


def test_an_episode_says_what_opened_and_confirmed_it_and_how_many_services_it_holds() -> None:
    (episode,) = episodes_of([visits(FIRST, FIRST + WEEK, SECOND)], RULES)
    assert (episode.trigger.on, episode.confirmation.on, episode.services, episode.attributed) == (
        FIRST,
        FIRST + WEEK,
        2,
        {NPI: 2},
    )
    assert episode.last_day == FIRST + timedelta(days=119)


def test_what_is_most_common_stands_first_and_of_the_same_number_the_smaller_code() -> None:
    counts = {
        Count(npi=NPI, year=2027, what="SPECIALTY", value="11"): 1,
        Count(npi=NPI, year=2027, what="SPECIALTY", value="C3"): 3,
        Count(npi=NPI, year=2027, what="SPECIALTY", value="06"): 3,
        Count(npi=NPI, year=2027, what="AREA", cohort=BACKS, value="33340"): 1,
        Count(npi=NPI, year=2027, what="AREA", cohort=BACKS, value="16980"): 2,
    }
    assert claim_year(counts) == ClaimYear(
        lines=0,
        specialties=(("06", 3), ("C3", 3), ("11", 1)),
        episodes={BACKS: 0},
        areas={BACKS: (("16980", 2), ("33340", 1))},
    )


def test_a_year_without_counts_is_empty() -> None:
    assert claim_year({}) == ClaimYear(lines=0, specialties=(), episodes={}, areas={})


def test_of_two_clinicians_each_has_a_share_that_suffices_or_has_not() -> None:
    ledger = visits(FIRST, FIRST + WEEK, FIRST + 2 * WEEK)
    line = ClaimLine(line_number=1, service_date=FIRST + 3 * WEEK, npi=OTHER_NPI, hcpcs="99214")
    ledger = fold_claim(ledger, observed(claim(claim_id="other", diagnoses=("M545",), lines=(line,))), keep)
    (episode,) = episodes_of([ledger], RULES)
    (family,) = (f for f in RULES.families if f.cohort == BACKS)
    shares = {NPI: 3, OTHER_NPI: 1}
    assert (episode.services, episode.attributed) == (
        4,
        {npi: n for npi, n in shares.items() if n >= 4 * family.attribution_share},
    )


def test_of_one_day_a_trigger_on_another_claim_confirms_before_what_is_none() -> None:
    (family,) = (f for f in RULES.families if f.cohort == BACKS)
    trigger, other = min(family.triggers), min(family.services - family.triggers)
    ledger = Ledger(tin=TIN, beneficiary=TOKEN)
    for claim_id, hcpcs in (("C1", trigger), ("C2", other), ("C3", trigger)):
        line = ClaimLine(line_number=1, service_date=FIRST, npi=NPI, hcpcs=hcpcs)
        ledger = fold_claim(ledger, observed(claim(claim_id=claim_id, diagnoses=("M545",), lines=(line,))), keep)
    (episode,) = episodes_of([ledger], RULES)
    assert [s.claim.claim for s in (episode.trigger, episode.confirmation)] == [("claims", "C1"), ("claims", "C3")]
