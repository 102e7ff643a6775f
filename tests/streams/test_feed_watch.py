"""A feed that falls silent is said once, and once more when it is heard again."""

from datetime import datetime, timedelta

import pytest

from infra.feeds import ExpectedFeed
from schemas.records import HealthChanged, HealthState, HealthSubject
from streams.feed_watch import Silences, longest
from tests.making import at

NOON = at("2028-03-01T12:00:00+00:00")
CLAIMS, SUBMISSIONS = "asm.claims.v1", "asm.submissions.v1"
FIRING, RESOLVED = HealthState.FIRING, HealthState.RESOLVED


def feed(source: str = "registry", days: int = 7, starts: datetime | None = None) -> ExpectedFeed:
    return ExpectedFeed(
        source=source,
        owner="Desk",
        contact="desk@example.org",
        topics=(SUBMISSIONS,),
        every=timedelta(days=days),
        starts=starts,
    )


def silences(*feeds: ExpectedFeed, known_since: datetime = NOON) -> Silences:
    return Silences({f.source: f for f in feeds or (feed(),)}, known_since)


def said(watch: Silences, days: float) -> list[tuple[str, HealthState]]:
    now = NOON + timedelta(days=days)
    return [(c.name, c.state) for c in (*watch.heard_again(now), *watch.fallen_silent(now))]


def hear(watch: Silences, days: float, source: str | None = "registry", topic: str = SUBMISSIONS) -> None:
    watch.heard(source, topic, NOON + timedelta(days=days))


def test_a_feed_is_said_to_be_silent_once_and_to_be_heard_again_once() -> None:
    watch = silences()
    hear(watch, 1)
    assert said(watch, 8) == []
    assert said(watch, 8.01) == [("registry", FIRING)]
    assert said(watch, 9) == []
    hear(watch, 9.5)
    assert said(watch, 10) == [("registry", RESOLVED)]
    assert said(watch, 16) == []


def test_a_word_says_since_when_what_was_expected_and_whom_to_ask() -> None:
    watch, now = silences(), NOON + timedelta(days=9)
    hear(watch, 1)
    assert list(watch.fallen_silent(now)) == [
        HealthChanged(
            subject=HealthSubject.FEED,
            name="registry",
            state=FIRING,
            since=now,
            detail="The feed sent last at 2028-03-02T12:00:00+00:00; something is expected every 7 days, 0:00:00: "
            "ask Desk (desk@example.org). See docs/operations/feeds.md.",
        )
    ]
    hear(watch, 9)
    assert list(watch.heard_again(now)) == [
        HealthChanged(
            subject=HealthSubject.FEED,
            name="registry",
            state=RESOLVED,
            since=now,
            detail="The feed sent at 2028-03-10T12:00:00+00:00.",
        )
    ]


def test_a_feed_of_which_nothing_was_found_is_silent_since_the_topics_tell() -> None:
    watch = silences(known_since=NOON - timedelta(days=7))
    assert said(watch, 0) == []
    (word,) = watch.fallen_silent(NOON + timedelta(seconds=1))
    assert word.detail.startswith("Nothing was found of the feed; something is expected every 7 days")


def test_nothing_is_expected_before_a_feed_starts() -> None:
    watch = silences(feed(starts=NOON + timedelta(days=3)))
    assert said(watch, 10) == []
    assert said(watch, 10.01) == [("registry", FIRING)]


def test_what_others_send_or_is_sent_elsewhere_is_not_heard() -> None:
    watch = silences()
    hear(watch, 6, source="ehr")
    hear(watch, 6, source=None)
    hear(watch, 6, topic=CLAIMS)
    assert said(watch, 7.01) == [("registry", FIRING)]


def test_what_is_read_in_any_order_counts_by_its_latest() -> None:
    watch = silences()
    hear(watch, 5)
    hear(watch, 2)
    assert watch.last_heard("registry") == NOON + timedelta(days=5)


def word(name: str, state: HealthState, subject: HealthSubject = HealthSubject.FEED) -> HealthChanged:
    return HealthChanged(subject=subject, name=name, state=state, since=NOON, detail="")


def test_what_was_said_before_a_restart_is_not_said_again_and_resolves_when_the_feed_is_heard() -> None:
    watch = silences(known_since=NOON - timedelta(days=30))
    watch.remember(word("registry", FIRING))
    watch.remember(word("registry", RESOLVED, HealthSubject.REFUSALS))
    hear(watch, -8)
    assert said(watch, 0) == []
    hear(watch, 0)
    assert said(watch, 0) == [("registry", RESOLVED)]


def test_what_was_resolved_before_a_restart_is_said_anew() -> None:
    watch = silences(known_since=NOON - timedelta(days=30))
    watch.remember(word("registry", FIRING))
    watch.remember(word("registry", RESOLVED))
    assert said(watch, 0) == [("registry", FIRING)]


def test_a_silent_feed_that_is_expected_no_longer_is_resolved() -> None:
    watch = silences()
    watch.remember(word("gone", FIRING))
    assert [(c.name, c.state, c.detail) for c in watch.heard_again(NOON)] == [
        ("gone", RESOLVED, "The feed is expected no longer.")
    ]
    assert said(watch, 0) == []


@pytest.mark.parametrize("days", [[7], [1, 7, 3]])
def test_it_is_looked_back_as_far_as_the_most_patient_expectation(days: list[int]) -> None:
    assert longest({str(n): feed(str(n), n) for n in days}) == timedelta(days=7)
