"""What a practice's own claims tell, at the edges: enough episodes, steps of the lag, what is found."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from processors.claims import claims_parts, lag_steps, ledger_findings
from processors.episodes import ClaimYear
from processors.ledger import Ledger, fold_claim
from processors.progress import Moment
from processors.vocabulary import ClaimAction
from tests.making import IN_WINDOW, TIN, TOKEN, claim, keep, observed, rulebook

RULES = rulebook()
YEAR_END = date(2027, 12, 31)


def to_minimum(episodes: int) -> int:
    told = ClaimYear(lines=50, specialties=(), episodes={"HEART_FAILURE": episodes}, areas={})
    (part,) = claims_parts({2027: told}, "HEART_FAILURE", Moment(rulebook=RULES, as_of=IN_WINDOW))
    return int(part.inputs["episodes_to_minimum"])


def test_nothing_is_missing_to_the_minimum_once_there_are_so_many_episodes_or_more() -> None:
    assert [to_minimum(episodes) for episodes in (0, 19, 20, 21)] == [20, 1, 0, 0]


def test_the_steps_of_the_claims_lag_are_whole_days_after_the_year() -> None:
    rules = replace(RULES, episodes=replace(RULES.episodes, claims_lag_days=100, claims_lag_steps=3))
    new_year = datetime(2028, 1, 1, tzinfo=UTC)
    assert lag_steps(rules, YEAR_END) == [(new_year + timedelta(days=days), days) for days in (33, 66, 100)]


def test_a_finding_about_claims_names_the_field_and_the_event() -> None:
    unknown = observed(claim(event_id="a", action=ClaimAction.UNKNOWN, lines=()))
    (found,) = ledger_findings(fold_claim(Ledger(tin=TIN, beneficiary=TOKEN), unknown, keep))
    assert (found.tin, found.npi, found.performance_year) == (TIN, None, None)
    assert (found.code, found.field, found.event.source, found.event.event_id) == (
        "UNKNOWN_SYMBOL",
        "action",
        "claims",
        "a",
    )
