"""The way of an event through admission, journal and assessment, with the clock in the test's hand."""

from dataclasses import replace
from typing import Any

import pytest

from processors.engine import ENGINE
from processors.events import ClockTicked
from processors.identity import Tin
from processors.outputs import FindingChanged, ObligationChanged
from schemas.fingerprint import observe
from streams.assessment import Assessor, Entry, Law
from streams.state import PartitionState, StateRefused, load_state
from tests.making import at, claim, listed, quality, row
from tests.streams.driver import LAW, Driver, entries

PI = "PROMOTING_INTEROPERABILITY"


@pytest.fixture
def driver() -> Driver:
    return Driver()


def test_a_missing_attestation_fires_once_and_resolves_when_it_arrives(driver: Driver) -> None:
    driver.send("listed_heart_failure_clinician")
    driver.tick("2028-03-24T00:00:00+00:00")
    assert driver.read_obligation("ASM_IA_2").alert == "FIRING"
    driver.forget()
    driver.tick("2028-03-24T00:01:00+00:00")
    driver.assert_quiet()
    driver.send("attested_ia_2")
    assert driver.read_obligation("ASM_IA_2").alert == "RESOLVED"
    driver.forget()
    driver.tick("2028-03-24T00:02:00+00:00")
    driver.assert_quiet()


def test_nothing_is_said_before_the_clock_is_known(driver: Driver) -> None:
    driver.send("listed_heart_failure_clinician")
    driver.assert_quiet()
    driver.tick("2028-01-10T00:00:00+00:00")
    assert (driver.read_score().cause.type, driver.read_score().as_of) == ("ClockTicked", at("2028-01-10"))


def test_an_event_is_its_own_cause_and_the_last_tick_its_instant(driver: Driver) -> None:
    driver.tick("2028-01-10T00:00:00+00:00")
    driver.send("listed_heart_failure_clinician")
    cause = driver.read_score().cause
    assert (cause.type, cause.source, cause.event_id, cause.journal_offset) == (
        "ParticipantListed",
        "cms",
        "list-2026-08-0001",
        1,
    )
    assert driver.read_score().as_of == at("2028-01-10")


def test_lag_delays_an_announcement_and_never_falsifies_one(driver: Driver) -> None:
    """The submission was received in time and is read only after the deadline's tick was due."""
    driver.tick("2028-03-31T23:59:00+00:00")
    driver.send("listed_heart_failure_clinician", received_at=at("2027-01-01"))
    driver.send("quality_receipted", received_at=at("2028-03-31T23:59:59+00:00"))
    driver.tick("2028-04-01T00:00:00+00:00")
    assert (driver.read_obligation("236").status, driver.read_obligation("008").status) == ("MET", "MISSED")


def test_after_an_outage_across_the_deadline_each_miss_is_said_once_with_its_due_instant(driver: Driver) -> None:
    driver.tick("2028-01-10T00:00:00+00:00")
    driver.send("listed_heart_failure_clinician")
    driver.forget()
    driver.tick("2028-04-03T12:00:00+00:00")
    missed = [o for o in driver.outputs if isinstance(o, ObligationChanged) and o.status == "MISSED"]
    assert sorted(o.item for o in missed) == [
        "005",
        "008",
        "236",
        "377",
        "ASM_IA_1",
        "ASM_IA_2",
        "PROMOTING_INTEROPERABILITY",
    ]
    assert {(o.due_at, o.as_of, o.alert) for o in missed} == {
        (at("2028-04-01"), at("2028-04-03T12:00:00+00:00"), "FIRING")
    }
    driver.forget()
    driver.tick("2028-04-03T12:01:00+00:00")
    driver.assert_quiet()


def test_proof_that_arrives_in_april_of_a_receipt_in_march_resolves_the_alert(driver: Driver) -> None:
    driver.tick("2028-03-31T00:00:00+00:00")
    driver.send("listed_heart_failure_clinician", received_at=at("2027-01-01"))
    driver.send("quality_sent", received_at=at("2028-03-30"))
    driver.tick("2028-04-01T00:00:00+00:00")
    assert (driver.read_obligation("236").status, driver.read_obligation("236").alert) == ("UNPROVEN", "FIRING")
    driver.send("receipt_accepted", received_at=at("2028-04-10"))
    assert (driver.read_obligation("236").status, driver.read_obligation("236").alert) == ("MET", "RESOLVED")


def test_a_submission_before_its_roster_is_kept_and_applied_when_it_arrives(driver: Driver) -> None:
    driver.tick("2028-02-02T00:00:00+00:00")
    driver.send("quality_receipted")
    assert driver.read_findings() == [("reg-0003", "NOT_ON_ROSTER", "OPEN")]
    driver.send("listed_heart_failure_clinician")
    assert driver.read_obligation("236").status == "MET"
    assert driver.read_findings()[-1] == ("reg-0003", "NOT_ON_ROSTER", "CLEARED")


def test_a_repeat_says_nothing(driver: Driver) -> None:
    driver.tick("2028-02-02T00:00:00+00:00")
    driver.send("listed_heart_failure_clinician", "quality_receipted")
    driver.forget()
    driver.send("quality_receipted", "listed_heart_failure_clinician")
    driver.assert_quiet()


def test_claims_are_kept_and_conflicts_among_them_found_once_a_batch(driver: Driver) -> None:
    driver.tick("2028-02-02T00:00:00+00:00")
    driver.send(claim(event_id="a"), received_at=at("2027-06-01"))
    driver.assert_quiet()
    driver.send(
        claim(event_id="b", diagnoses=("I110",)), claim(event_id="c", diagnoses=("M545",)), received_at=at("2027-06-02")
    )
    found = [f for f in driver.outputs if isinstance(f, FindingChanged)]
    assert [(f.event.event_id, f.code, f.cause.event_id, f.cause.batch_size) for f in found] == [
        ("b", "CONFLICT", "c", 2),
        ("c", "CONFLICT", "c", 2),
    ]


def test_findings_about_claims_before_the_first_tick_wait_for_it(driver: Driver) -> None:
    driver.send(claim(event_id="a"), received_at=at("2027-06-01"))
    driver.send(claim(event_id="b", diagnoses=("I110",)), received_at=at("2027-06-02"))
    driver.assert_quiet()
    driver.crash()
    driver.tick("2028-02-02T00:00:00+00:00")
    assert driver.read_findings() == [("b", "CONFLICT", "OPEN")]


def test_a_tick_that_goes_back_changes_nothing(driver: Driver) -> None:
    driver.tick("2028-03-24T00:00:00+00:00")
    driver.send("listed_heart_failure_clinician")
    driver.forget()
    driver.tick("2028-01-01T00:00:00+00:00")
    driver.assert_quiet()
    driver.send("attested_ia_1")
    assert driver.read_score().as_of == at("2028-03-24")


STORY = (
    "listed_heart_failure_clinician",
    "quality_prepared",
    "quality_sent",
    "receipt_accepted",
    "interoperability_set",
    "attested_ia_1",
    "attested_ia_2",
    "office_visit",
    "office_visit_adjusted",
    "office_visit_cancelled",
    "cost_and_admissions",
    "relief_after_a_hurricane",
    "quality_withdrawn",
)


def told(*crashes: int) -> Driver:
    """Play the story, one example a batch with a tick after each, and crash after some of them."""
    driver = Driver()
    for number, name in enumerate(STORY):
        driver.send(name, received_at=at("2028-02-01"))
        driver.tick(f"2028-03-{number + 10}T00:00:00+00:00")
        if number in crashes:
            driver.crash()
    return driver


@pytest.mark.parametrize("crash", range(len(STORY)))
def test_a_crash_anywhere_changes_no_output_no_id_and_no_state(crash: int) -> None:
    straight, crashed = told(), told(crash)
    assert crashed.outputs == straight.outputs
    assert crashed.committed == straight.committed


def test_the_journal_gives_the_same_outputs_however_it_is_fetched() -> None:
    straight = told()
    for size in (1, 3, 1000):
        driver = Driver()
        for start in range(0, len(straight.journal), size):
            driver.journal += straight.journal[start : start + size]
            driver.assess()
        assert driver.outputs == straight.outputs
        assert driver.committed == straight.committed


def test_the_state_read_back_is_the_state_that_was_written() -> None:
    driver = told()
    state = load_state(list(driver.committed.items()), LAW.fresh_mark())
    again = Assessor(state, LAW)
    again.apply(entries(driver.journal)[state.mark.applied + 1 :])
    assert (again.take_outputs(), state.mark.applied) == ([], len(driver.journal) - 1)


def test_state_of_another_engine_or_law_is_refused_with_the_way_out() -> None:
    driver = told()
    for mark, sentence in (
        (replace(LAW.fresh_mark(), engine=ENGINE + 1), f"engine version {ENGINE}, this is version {ENGINE + 1}"),
        (replace(LAW.fresh_mark(), rulebooks={"2027": "another"}), "other rulebooks"),
    ):
        with pytest.raises(StateRefused, match="asm replay start NAME") as refused:
            load_state(list(driver.committed.items()), mark)
        assert sentence in str(refused.value)
    with pytest.raises(StateRefused, match="unknown shape"):
        load_state([(b"@partition", b"\xff")], LAW.fresh_mark())


def test_only_the_records_that_changed_are_written(driver: Driver) -> None:
    driver.tick("2028-02-02T00:00:00+00:00")
    driver.send(listed(event_id="l1"), listed(event_id="l2", npi="1987654321"))
    before = dict(driver.committed)
    driver.send(quality(row("236"), event_id="q1"))
    changed = {key for key, value in driver.committed.items() if before.get(key) != value}
    assert changed == {b"@partition", b"clinician/123456789/1123456786/2027"}


def test_an_event_of_a_year_without_a_rulebook_is_found_and_kept(driver: Driver) -> None:
    driver.tick("2028-02-02T00:00:00+00:00")
    driver.send(quality(event_id="q1", performance_year=2019))
    assert driver.read_findings() == [("q1", "WRONG_YEAR", "OPEN")]
    assert b"clinician/123456789/1123456786/2019" in driver.committed


def test_the_generation_is_all_that_differs_between_two_runs_of_one_journal() -> None:
    straight = told()
    trial = Assessor(load_state([], LAW.fresh_mark()), Law(rulebooks=LAW.rulebooks, generation="trial"))
    trial.apply(entries(straight.journal))
    assert [replace(o, generation="live") for o in trial.take_outputs()] == straight.outputs


def test_a_tick_that_concerns_many_practices_is_a_step_for_each_so_that_others_get_their_turn() -> None:
    tins = [Tin(f"12345678{n}") for n in range(5)]
    rosters = [listed(tin=tin, event_id=f"listed-{n}") for n, tin in enumerate(tins)]
    told = [observe(event, at("2027-01-05"), f"rosters/0/{n}") for n, event in enumerate(rosters)]
    journal: list[Any] = [*told, ClockTicked(as_of=at("2027-02-01")), ClockTicked(as_of=at("2028-04-02"))]
    applied = [Entry(offset=n, content=content) for n, content in enumerate(journal)]
    assessor, at_once = (Assessor(PartitionState(LAW.fresh_mark()), LAW) for _ in range(2))
    steps = [len(list(assessor.steps([entry]))) for entry in applied]
    at_once.apply(applied)
    assert steps == [1, 1, 1, 1, 1, 5, 5]
    assert assessor.take_effects() == at_once.take_effects()
