"""Assessing with the help of an earlier assessment saves work and changes nothing."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.assessment import Assessment, assess
from processors.facts import PracticeYear, fold
from processors.vocabulary import Stage
from tests.making import (
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    at,
    attested,
    facts,
    listed,
    observed,
    quality,
    readiness,
    receipt,
    rulebook,
)
from tests.processors.test_facts import EVENTS

RULES = rulebook()
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(EVENTS), st.integers(0, 90)),
        st.tuples(st.none(), st.integers(0, 90)),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(STEPS)
def test_an_earlier_assessment_changes_nothing_of_the_result(steps: list[tuple[Any, int]]) -> None:
    year: PracticeYear = facts(listed(event_id="first"))
    as_of: datetime = at("2028-01-01")
    earlier: Assessment | None = None
    for event, days in steps:
        if event is None:
            as_of = max(as_of, at("2028-01-01") + timedelta(days=days + 30))
        else:
            year = fold(year, observed(event, IN_WINDOW + timedelta(days=days)))
        helped = assess(year, RULES, as_of, earlier)
        assert helped == assess(year, RULES, as_of)
        earlier = helped


def test_of_two_clinicians_the_one_of_whom_nothing_was_said_is_not_assessed_again() -> None:
    both = facts(listed(event_id="l1"), listed(event_id="l2", npi=OTHER_NPI), quality(event_id="q1", stage=Stage.SENT))
    before = assess(both, RULES, IN_WINDOW)
    after = assess(fold(both, observed(receipt(event_id="r1"))), RULES, IN_WINDOW, before)
    assert after.sections[OTHER_NPI] is before.sections[OTHER_NPI]
    assert after.sections[NPI] is not before.sections[NPI]
    assert OTHER_NPI in after.unchanged
    assert NPI not in after.unchanged


def test_what_the_tin_reports_concerns_all_its_clinicians() -> None:
    both = facts(listed(event_id="l1"), listed(event_id="l2", npi=OTHER_NPI))
    before = assess(both, RULES, IN_WINDOW)
    after = assess(fold(both, observed(attested(event_id="a1"))), RULES, IN_WINDOW, before)
    assert after.unchanged == frozenset()


def test_time_alone_changes_what_is_open_at_the_instants_of_the_law() -> None:
    year, seen = facts(listed(event_id="l1")), []
    as_of = at("2027-01-01")
    while (change := assess(year, RULES, as_of).next_change_at) is not None:
        seen.append(change)
        as_of = change
    rules = RULES.submission
    starts = {i for s in rules.last_starts for i in (s.warns_at, s.passed_at)}
    assert seen == sorted({s.at for s in rules.stages} | starts)


def test_a_period_that_is_announced_to_begin_is_an_instant_too() -> None:
    planned = attested(event_id="a1", stage=Stage.PREPARED, period_start=at("2027-05-05").date())
    assert assess(facts(listed(), planned), RULES, at("2027-05-01")).next_change_at == at("2027-05-05")


def test_when_all_is_settled_only_the_deadline_can_change_anything() -> None:
    settled = facts(listed(event_id="l1", eligible=False))
    assert assess(settled, RULES, at("2027-01-01")).next_change_at == RULES.submission.due_instant


def test_what_changes_nothing_of_a_practice_leaves_its_group_data_allowed() -> None:
    group = quality(npi=None, submission_id="g", event_id="g")
    before = facts(listed(small_practice=True, solo=False), group)
    earlier = assess(before, RULES, IN_WINDOW)
    after = fold(before, observed(readiness(event_id="d", item_id="CEHRT")))
    assert assess(after, RULES, IN_WINDOW, earlier).findings == earlier.findings == ()
