"""Following alerts at the edges: what is owed no more, what comes back, when time changes something next."""

from processors.announced import Announced, AnnouncedObligation
from processors.assessment import assess
from processors.events import Observed
from processors.facts import fold
from processors.following import Followed, follow
from processors.output_views import troubles_after
from processors.outputs import Alert
from processors.vocabulary import Stage
from tests.making import (
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    at,
    facts,
    listed,
    observed,
    quality,
    readiness,
    relief,
    row,
    rulebook,
)

RULES = rulebook()
NEAR = at("2028-03-20")
MEASURES = ("005", "008", "236", "377")


def heard(alert: Alert, troubles: int = 0) -> AnnouncedObligation:
    return AnnouncedObligation(digest="", revision=0, alert=alert, troubles=troubles)


def test_what_alerted_and_is_owed_no_more_is_resolved_and_remembered_as_such() -> None:
    mine = observed(listed(event_id="l1"), IN_WINDOW)
    first = follow(facts(mine), RULES, NEAR, Followed())
    assert first.owners()[NPI] == Announced(obligations={f"QUALITY/{m}": heard(Alert.FIRING) for m in MEASURES})
    another: Observed[object] = observed(listed(event_id="l1", npi=OTHER_NPI), at("2027-01-01"))
    then = follow(fold(first.facts, another), RULES, NEAR, first)  # type: ignore[arg-type]
    assert then.owners()[NPI] == Announced(obligations={f"QUALITY/{m}": heard(Alert.RESOLVED) for m in MEASURES})
    assert then.owners()[OTHER_NPI] == first.owners()[NPI]


def test_a_trouble_that_comes_back_is_counted() -> None:
    told = heard(Alert.FIRING)
    for troubles in (0, 1, 2):
        assert troubles_after(told, alerting=True) == troubles
        resolved = heard(Alert.RESOLVED, troubles_after(told, alerting=True))
        assert troubles_after(resolved, alerting=False) == troubles
        told = heard(Alert.FIRING, troubles_after(resolved, alerting=True))
    assert (troubles_after(None, alerting=True), troubles_after(heard(Alert.NONE), alerting=True)) == (0, 0)


def test_time_changes_next_what_an_assessment_says_it_does() -> None:
    sent = [
        observed(quality(row(m), submission_id=m, event_id=m, stage=Stage.SENT), at(f"2028-01-1{n}"))
        for n, m in enumerate(MEASURES)
    ]
    year = facts(listed(event_id="l1"), *sent)
    for day in ("2027-03-01", "2028-01-11", "2028-01-14", "2028-01-16", "2028-03-20", "2028-04-02"):
        told = follow(year, RULES, at(day), Followed())
        assert (day, told.next_change_at) == (day, assess(year, RULES, at(day)).next_change_at)


def test_an_earlier_receipt_of_one_event_takes_nothing_away_of_the_others() -> None:
    told = [
        observed(readiness(event_id=f"r{n}", item_id=item), at(f"2028-01-1{n}"))
        for n, item in enumerate(("CEHRT", "PORTAL", "DATA_REQUEST"))
    ]
    year = facts(*told)
    for again in told:
        earlier = observed(again.event, at("2028-01-01"))
        known = fold(year, earlier).practice.readiness
        assert sorted(o.event.event_id for o in known) == ["r0", "r1", "r2"]
        assert (known[0].event.event_id, known[0].received_at) == (again.event.event_id, at("2028-01-01"))


def test_relief_for_the_only_clinician_ends_what_the_practice_owes_at_the_same_instant() -> None:
    known = facts(listed(event_id="l1"))
    first = follow(known, RULES, NEAR, Followed())
    excused = fold(known, observed(relief("IMPROVEMENT_ACTIVITIES", npi=NPI, event_id="f1")))
    then = follow(excused, RULES, NEAR, first)
    assert first.owners()[""].obligations["IMPROVEMENT_ACTIVITIES/ASM_IA_1"] == heard(Alert.FIRING)
    assert then.owners()[""].obligations["IMPROVEMENT_ACTIVITIES/ASM_IA_1"] == heard(Alert.RESOLVED)
