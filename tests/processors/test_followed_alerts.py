"""Following alerts remembers what announcing every assessment would have."""

from dataclasses import replace
from datetime import timedelta

from processors.announcements import announce
from processors.assessment import assess
from processors.following import Followed, follow
from processors.outputs import Alert
from processors.vocabulary import ResultStatus
from schemas.codec import content_digest
from tests.making import AFTER, IN_WINDOW, NPI, OTHER_NPI, at, cost, facts, listed, observed, quality, result, rulebook
from tests.processors.test_announcements import ENVELOPE

NEAR = at("2028-03-20")
MINE = observed(listed(event_id="l1"), IN_WINDOW)
EARLIER_WORD = observed(listed(event_id="l1", npi=OTHER_NPI), at("2027-01-01"))


def alerts(followed: Followed) -> dict[str, Alert]:
    return {item: said.alert for (owner, _, item), said in followed.heard.items() if owner == NPI}


def test_what_fired_and_rests_on_a_word_that_counts_no_more_is_resolved() -> None:
    firing = follow(facts(MINE), rulebook(), NEAR, Followed())
    assert alerts(firing) == dict.fromkeys(("005", "008", "236", "377"), Alert.FIRING)
    over = follow(facts(MINE, EARLIER_WORD), rulebook(), NEAR, firing)
    assert alerts(over) == dict.fromkeys(("005", "008", "236", "377"), Alert.RESOLVED)
    _, said = announce({}, assess(facts(MINE), rulebook(), NEAR), ENVELOPE, content_digest)
    _, said = announce(said, assess(facts(MINE, EARLIER_WORD), rulebook(), NEAR), ENVELOPE, content_digest)
    announced = {
        key.partition("/")[2]: o.alert for key, o in said[NPI].obligations.items() if o.alert is not Alert.NONE
    }
    assert announced == alerts(over)


def test_what_never_fired_and_counts_no_more_leaves_nothing_behind() -> None:
    met = facts(MINE, quality(event_id="q1"))
    quiet = follow(met, rulebook(), IN_WINDOW, Followed())
    over = follow(facts(MINE, quality(event_id="q1"), EARLIER_WORD), rulebook(), IN_WINDOW, quiet)
    assert (alerts(quiet), alerts(over)) == ({}, {})


def test_a_notice_that_has_a_due_date_is_followed_to_it() -> None:
    known = replace(rulebook(), compliance=replace(rulebook().compliance, error_notice_days=(30,)))
    preliminary = observed(result(status=ResultStatus.PRELIMINARY, cost_measure=cost()), AFTER)
    followed = follow(facts(listed(eligible=True), preliminary), known, AFTER, Followed())
    assert (alerts(followed)["ERROR_NOTICE"], followed.next_change_at) == (Alert.FIRING, AFTER + timedelta(days=30))
