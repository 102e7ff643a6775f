"""What a practice's own claims say of who is eligible, beside what CMS's roster says."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from processors.eligibility_report import CountedEpisode, Criterion, EligibilityReport, eligibility_report
from processors.episodes import Count, claim_year, counts_of, episode_rules, episodes_of
from processors.events import ClaimLine
from processors.facts import ClinicianFacts
from processors.ledger import Ledger, fold_claim
from processors.rulebook import Rulebook
from processors.rulebook.sections import ZipArea
from tests.making import NPI, OTHER_NPI, TIN, claim, facts, keep, listed, observed, removed, rulebook

AFTER = datetime(2027, 1, 1, tzinfo=UTC)
PLACED = replace(
    rulebook(),
    areas=replace(
        rulebook().areas,
        mandatory_areas=("16980",),
        zip_areas=(ZipArea(zip="60601", area="16980"), ZipArea(zip="53202", area="33340")),
    ),
)


def beneficiary(number: int, specialty: str = "06", zip_code: str = "60601-1234") -> Ledger:
    """A beneficiary who sees the clinician twice in 2025 for heart failure."""
    ledger = Ledger(tin=TIN, beneficiary=f"b1_{number:052d}")
    for visit in range(2):
        on = date(2025, 3, 1) + timedelta(days=30 * visit)
        line = ClaimLine(
            line_number=1, service_date=on, npi=NPI, hcpcs="99214", specialty=specialty, service_zip=zip_code
        )
        told = claim(event_id=f"c{number}-{visit}", claim_id=f"C{number}-{visit}", lines=(line,))
        ledger = fold_claim(ledger, observed(told), keep)
    return ledger


def report(
    ledgers: Sequence[Ledger], *told: Any, rules: Rulebook = PLACED, years: Iterable[ClinicianFacts] = ()
) -> EligibilityReport:
    episodes = episode_rules(rules)
    counts = sum((counts_of([ledger], episodes) for ledger in ledgers), Counter())
    by_year = {year: claim_year(_of(counts, year)) for year in {count.year for count in counts}}
    clinicians = facts(*told).clinicians.values()
    found = [episode for ledger in ledgers for episode in episodes_of([ledger], episodes)]
    return eligibility_report([*clinicians, *years], by_year, found, (NPI, rules, AFTER))


def _of(counts: Counter[Count], year: int) -> dict[Count, int]:
    return {count: n for count, n in counts.items() if count.year == year}


def criterion(told: EligibilityReport, name: str) -> Criterion:
    return next(c for c in told.criteria if c.name == name)


LISTED = listed(specialty="06", episode_count=20, area="16980")


@pytest.mark.parametrize(("patients", "by_claims"), [(19, False), (20, True), (21, True)])
def test_twenty_episodes_of_the_data_year_make_eligible(patients: int, by_claims: bool) -> None:
    told = report([beneficiary(n) for n in range(patients)], LISTED)
    assert (told.data_year, told.by_claims, told.by_roster) == (2025, by_claims, True)
    assert criterion(told, "EPISODES").counted == str(patients)


def test_what_is_missing_to_twenty_episodes_is_told() -> None:
    told = criterion(report([beneficiary(n) for n in range(17)], LISTED), "EPISODES")
    assert (told.met, told.would_change) == (False, "3 more episodes attributed to the clinician.")
    assert (told.roster, told.disagrees) == ("20", True)


def test_what_would_take_eligibility_away_is_told() -> None:
    told = criterion(report([beneficiary(n) for n in range(22)], LISTED), "EPISODES")
    assert (told.met, told.would_change) == (True, "3 fewer episodes attributed to the clinician.")


def test_a_roster_that_says_what_the_claims_say_does_not_disagree() -> None:
    told = report([beneficiary(n) for n in range(20)], LISTED)
    assert (told.disagrees, [c.disagrees for c in told.criteria]) == (False, [False] * 4)


def test_another_specialty_than_the_rosters_disagrees_and_is_not_eligible() -> None:
    told = report([beneficiary(n, specialty="C3") for n in range(20)], LISTED)
    specialty = criterion(told, "SPECIALTY")
    assert (told.by_claims, told.disagrees, specialty.met, specialty.counted) == (False, True, False, "C3 × 40")
    assert specialty.would_change == "One of 06 on more lines than any other specialty."


def test_an_area_that_is_not_mandatory_is_not_eligible() -> None:
    told = report([beneficiary(n, zip_code="53202") for n in range(20)], LISTED)
    place = criterion(told, "PLACE")
    assert (told.by_claims, place.met, place.counted, place.disagrees) == (False, False, "33340 × 20", True)
    assert place.would_change == "More episodes in a mandatory area."


def test_without_the_list_of_mandatory_areas_no_place_is_judged() -> None:
    told = report([beneficiary(n) for n in range(20)], LISTED, rules=rulebook())
    assert (told.by_claims, criterion(told, "PLACE").met, criterion(told, "PLACE").counted) == (
        None,
        None,
        "none named",
    )


def test_without_claims_nothing_can_be_told_and_nothing_disagrees() -> None:
    told = report([], LISTED)
    assert (told.by_claims, told.by_roster, told.disagrees) == (None, True, False)
    assert [c.met for c in told.criteria] == [None, None, None, None]


def test_whom_the_roster_never_named_is_judged_in_the_cohort_of_the_specialty() -> None:
    told = report([beneficiary(n) for n in range(20)])
    assert (told.cohort, told.by_claims, told.by_roster, told.roster_list) == ("HEART_FAILURE", True, None, None)
    assert (told.exempt_from_mips, told.participant_since) == (False, None)


def test_of_a_specialty_of_no_cohort_nothing_is_counted_for_one() -> None:
    told = report([beneficiary(n, specialty="11") for n in range(20)])
    assert (told.cohort, told.by_claims) == (None, False)
    assert criterion(told, "SPECIALTY").needed == "most common: a specialty of a cohort"


def test_an_eligible_year_exempts_from_mips_and_participation_lasts() -> None:
    later = facts(listed(performance_year=2028, eligible=False)).clinicians[NPI]
    told = report([], listed(exception="HARDSHIP"), years=[replace(later, performance_year=2028)])
    assert (told.exempt_from_mips, told.participant_since, told.exception) == (True, 2027, "HARDSHIP")
    again = eligibility_report(
        [facts(listed()).clinicians[NPI], replace(later, performance_year=2028)],
        {},
        [],
        (NPI, rulebook(2028), AFTER),
    )
    assert (again.exempt_from_mips, again.by_roster, again.participant_since) == (False, False, 2027)


def test_a_clinician_whom_cms_removed_is_not_eligible_by_the_roster() -> None:
    told = report([beneficiary(n) for n in range(20)], LISTED, observed(removed(), datetime(2028, 3, 1, tzinfo=UTC)))
    assert (told.by_claims, told.by_roster, told.disagrees) == (True, False, True)


def test_each_episode_names_the_claims_it_was_counted_from() -> None:
    assert report([beneficiary(7)], LISTED).episodes == (
        CountedEpisode(
            opened_on=date(2025, 3, 1),
            opened_by="c7-0",
            confirmed_on=date(2025, 3, 31),
            confirmed_by="c7-1",
            services=2,
            services_of_all=2,
            area="16980",
        ),
    )


def test_episodes_of_another_clinician_are_not_shown() -> None:
    ledger = beneficiary(1)
    episodes = list(episodes_of([ledger], episode_rules(PLACED)))
    told = eligibility_report(
        facts(listed(npi=OTHER_NPI)).clinicians.values(), {}, episodes, (OTHER_NPI, PLACED, AFTER)
    )
    assert told.episodes == ()


@pytest.mark.parametrize(
    ("as_of", "code"), [(AFTER - timedelta(days=300), "CLAIMS_INCOMPLETE"), (AFTER, "CLAIMS_RUN_OUT")]
)
def test_whether_claims_of_the_data_year_are_still_to_come_is_told(as_of: datetime, code: str) -> None:
    told = eligibility_report([], {}, [], (NPI, rulebook(), as_of))
    assert told.claims_lag.code == code


def test_where_the_same_clinician_must_confirm_a_colleague_does_not() -> None:
    ledger = Ledger(tin=TIN, beneficiary="b1_" + "A" * 52)
    for number, npi in enumerate((NPI, OTHER_NPI)):
        line = ClaimLine(line_number=1, service_date=date(2025, 3, 1 + number), npi=npi, hcpcs="99214")
        ledger = fold_claim(ledger, observed(claim(claim_id=f"C{number}", lines=(line,))), keep)
    strict = replace(rulebook(), episodes=replace(rulebook().episodes, confirmed_by="CLINICIAN"))
    assert [len(list(episodes_of([ledger], episode_rules(rules)))) for rules in (rulebook(), strict)] == [1, 0]
