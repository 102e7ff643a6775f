"""Claims on their way: counted at the marks, told as estimates in the score, never scored."""

from dataclasses import replace
from datetime import date

import pytest

from processors.events import BeneficiaryLinked, ClaimLine, ClaimReceived
from processors.outputs import ScoreChanged
from processors.score_tree import Part, walk
from processors.vocabulary import ClaimAction
from streams.claims import ClaimCounts
from streams.eligibility import eligibility_of
from streams.state import load_state
from streams.what_if import suppose
from tests.making import NPI, OTHER_NPI, TIN, TOKEN, YEAR, at, claim, cost, listed, result
from tests.streams.driver import LAW, Driver

OTHER_TOKEN = TOKEN[:-1] + "A"
NEXT = TOKEN[:-1] + "B"


@pytest.fixture
def driver() -> Driver:
    driver = Driver()
    driver.tick("2027-06-01T00:00:00Z")
    driver.send(listed(event_id="l1"), received_at=at("2027-06-01"))
    driver.forget()
    return driver


def visit(number: int, month: int = 3, **given: object) -> ClaimReceived:
    """A visit of a beneficiary of this number, in a month of the performance year."""
    line = ClaimLine(line_number=1, service_date=date(YEAR, month, 1), npi=NPI, hcpcs="99214", specialty="06")
    told = claim(claim_id=f"C{number}-{month}", beneficiary=f"b1_{'A' * 50}{_letters(number)}", lines=(line,))
    return replace(told, event_id=f"v{number}-{month}", **given)  # type: ignore[arg-type]


def _letters(number: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number // 26] + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 26]


def estimate(driver: Driver) -> Part:
    score = driver.read_score()
    return next(part for part in walk(score.tree) if part.code == "claims_estimate")


def test_episodes_are_told_in_the_score_as_an_estimate_once_a_batch(driver: Driver) -> None:
    driver.send(*(visit(n, month) for n in range(3) for month in (3, 4)), received_at=at("2027-06-02"))
    assert [type(output) for output in driver.outputs] == [ScoreChanged]
    told = estimate(driver)
    assert (told.value, dict(told.inputs)) == (
        None,
        {
            "episodes": 3,
            "episodes_to_minimum": 17,
            "claim_lines": 6,
            "claims_lag_days": 90,
            "claims_lag_days_passed": 0,
        },
    )
    assert [reason.code for reason in told.reasons] == ["ESTIMATED_FROM_CLAIMS", "CLAIMS_INCOMPLETE"]
    cause = driver.read_score().cause
    assert (cause.type, cause.event_id, cause.batch_size) == ("ClaimReceived", "v2-4", 6)


def test_own_claims_never_become_the_cost_category(driver: Driver) -> None:
    driver.send(*(visit(n, month) for n in range(30) for month in (3, 4)), received_at=at("2027-06-02"))
    (cost_part,) = (part for part in driver.read_score().tree.parts if part.code == "cost")
    assert (cost_part.value, [part.reasons[0].code for part in cost_part.parts]) == (
        None,
        ["AWAITING_CMS", "ESTIMATED_FROM_CLAIMS"],
    )


def test_a_cancelled_claim_restates_the_estimate(driver: Driver) -> None:
    driver.send(visit(1, 3), visit(1, 4), received_at=at("2027-06-02"))
    driver.send(visit(1, 4, version=2, action=ClaimAction.CANCEL, lines=()), received_at=at("2027-06-03"))
    assert estimate(driver).inputs["episodes"] == 0


def test_a_claim_cancelled_after_cms_result_changes_the_estimate_and_not_the_cost(driver: Driver) -> None:
    driver.send(*(visit(n, month) for n in range(20) for month in (3, 4)), received_at=at("2027-06-02"))
    driver.send(result(event_id="r", cost_measure=cost(episodes=20)), received_at=at("2028-06-01"))
    before = driver.read_score()
    driver.send(visit(1, 4, version=2, action=ClaimAction.CANCEL, lines=()), received_at=at("2028-06-02"))
    after = driver.read_score()
    assert (after.final_score, after.revision) == (before.final_score, before.revision + 1)
    assert (estimate(driver).inputs["episodes"], estimate(driver).inputs["episodes_to_minimum"]) == (19, 1)
    assert [part.inputs["episodes"] for part in walk(after.tree) if part.code == "COST_HF_1"] == [20]


def test_claims_that_change_no_count_say_nothing(driver: Driver) -> None:
    driver.send(visit(1, 3), visit(1, 4), received_at=at("2027-06-02"))
    driver.forget()
    driver.send(visit(1, 3, version=2, action=ClaimAction.ADJUSTMENT), received_at=at("2027-06-03"))
    driver.assert_quiet()


def test_claims_of_linked_tokens_are_one_beneficiarys(driver: Driver) -> None:
    old, new = visit(1, 3, beneficiary=OTHER_TOKEN), visit(1, 4, beneficiary=NEXT)
    driver.send(old, new, received_at=at("2027-06-02"))
    assert estimate(driver).inputs["episodes"] == 0
    link = BeneficiaryLinked(event_id="k", source="claims", tin=TIN, from_token=OTHER_TOKEN, to_token=NEXT)
    driver.send(link, received_at=at("2027-06-03"))
    assert (estimate(driver).inputs["episodes"], driver.read_score().cause.type) == (1, "BeneficiaryLinked")


def test_after_a_crash_the_counts_are_those_of_the_ledgers(driver: Driver) -> None:
    driver.send(visit(1, 3), visit(1, 4), received_at=at("2027-06-02"))
    driver.crash()
    driver.forget()
    driver.send(visit(2, 3), visit(2, 4), received_at=at("2027-06-03"))
    assert estimate(driver).inputs["episodes"] == 2


def test_claims_before_the_roster_are_told_when_it_comes() -> None:
    driver = Driver()
    driver.send(visit(1, 3), visit(1, 4), received_at=at("2027-06-01"))
    driver.tick("2027-06-02T00:00:00Z")
    driver.assert_quiet()
    driver.send(listed(event_id="l1"), received_at=at("2027-06-03"))
    assert estimate(driver).inputs["episodes"] == 1


def test_claims_of_a_colleague_leave_a_clinicians_score_alone(driver: Driver) -> None:
    line = ClaimLine(line_number=1, service_date=date(YEAR, 3, 1), npi=OTHER_NPI, hcpcs="99214")
    driver.send(visit(1, 3, lines=(line,)), received_at=at("2027-06-02"))
    driver.assert_quiet()


def test_each_step_of_the_claims_lag_restates_the_estimate(driver: Driver) -> None:
    driver.send(visit(1, 3), visit(1, 4), received_at=at("2027-06-02"))
    passed = []
    for day in ("2028-01-30", "2028-01-31", "2028-03-01", "2028-03-31"):
        driver.tick(f"{day}T00:00:00Z")
        passed.append(estimate(driver).inputs["claims_lag_days_passed"])
    assert passed == [0, 30, 60, 90]
    assert estimate(driver).reasons[1].code == "CLAIMS_RUN_OUT"


def test_claims_of_the_data_year_are_told_beside_those_of_the_performance_year(driver: Driver) -> None:
    driver.send(listed(event_id="l2", performance_year=YEAR + 2), received_at=at("2027-06-02"))
    driver.forget()
    driver.send(visit(1, 3), visit(1, 4), received_at=at("2027-06-03"))
    told = {
        (score.performance_year, part.code): part.inputs["episodes"]
        for score in driver.outputs
        if isinstance(score, ScoreChanged)
        for part in walk(score.tree)
        if part.code in {"claims_estimate", "eligibility_estimate"}
    }
    assert told == {(YEAR, "claims_estimate"): 1, (YEAR + 2, "eligibility_estimate"): 1}


def test_the_report_on_eligibility_reads_the_committed_state(driver: Driver) -> None:
    driver.send(*(visit(n, month) for n in range(3) for month in (3, 4)), received_at=at("2027-06-02"))
    state = load_state(list(driver.committed.items()), LAW.fresh_mark())
    told = eligibility_of(state, LAW, (TIN, NPI), YEAR + 2)
    assert ([episode.opened_by for episode in told.episodes], told.participant_since) == (
        ["v0-3", "v1-3", "v2-3"],
        YEAR,
    )


def test_counting_one_after_the_other_and_all_at_once_is_the_same(driver: Driver) -> None:
    for number in range(4):
        driver.send(visit(number, 3), visit(number, 4), received_at=at("2027-06-02"))
    driver.send(visit(2, 4, version=2, action=ClaimAction.CANCEL, lines=()), received_at=at("2027-06-03"))
    state = load_state(list(driver.committed.items()), LAW.fresh_mark())
    at_once = ClaimCounts(LAW.rulebooks, LAW.episode_rules, state).of(TIN, YEAR, [NPI])
    assert at_once[NPI][YEAR].episodes == {"HEART_FAILURE": estimate(driver).inputs["episodes"]} == {"HEART_FAILURE": 3}


def test_hypothetical_claims_change_the_estimate_and_store_nothing(driver: Driver) -> None:
    driver.send(visit(1, 3), visit(1, 4), received_at=at("2027-06-02"))
    cancelled = visit(1, 4, version=2, action=ClaimAction.CANCEL, lines=())
    assert [supposed(driver, *more) for more in ([visit(2, 3), visit(2, 4)], [cancelled], [])] == [2, 0, 1]
    assert estimate(driver).inputs["episodes"] == 1


def supposed(driver: Driver, *events: ClaimReceived) -> object:
    state = load_state(list(driver.committed.items()), LAW.fresh_mark())
    (told,) = suppose(state, LAW, TIN, events)
    return next(p.inputs["episodes"] for p in walk(told.then.scores[0].tree) if p.code == "claims_estimate")
