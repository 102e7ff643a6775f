"""Feeds on a real Kafka: who falls silent is said once, and the account of what was sent adds up."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka import KafkaProducer

from infra.feeds import ExpectedFeed
from processors.events import Event
from processors.identity import Npi
from processors.simulated_world import Timed
from schemas.codec import decode, encode
from schemas.records import HealthChanged, HealthSubject
from streams.dead_letters import Order, Wanted, desk
from streams.feed_account import Account, account_of, totals
from streams.feed_watch import FeedWatch
from tests.integration.system import System, await_that
from tests.making import TIN, at, listed, quality, row

pytestmark = pytest.mark.integration
SUBMISSIONS, DETERMINATIONS = "asm.submissions.v1", "asm.determinations.v1"
EVERY = timedelta(seconds=5)
REGISTRY = ExpectedFeed(source="registry", owner="Desk", contact="desk@x.org", topics=(SUBMISSIONS,), every=EVERY)
FEEDS_FILE = """\
[[feed]]
source = "registry"
owner = "Desk"
contact = "desk@x.org"
topics = ["asm.submissions.v1"]
every = "PT1S"
[[feed]]
source = "cms"
owner = "CMS"
contact = "help@x.org"
topics = ["asm.determinations.v1"]
every = "P30D"
"""
START, FIRST, SECOND = at("2027-06-01"), at("2027-06-02"), at("2027-06-03")


def words(system: System) -> list[tuple[str, str]]:
    said: list[HealthChanged] = [decode(record.value) for record in system.read("asm.health.v1")]
    return [(word.name, word.state.value) for word in said if word.subject is HealthSubject.FEED]


def send_now(system: System, *events: Event) -> None:
    system.send([Timed(datetime.now(UTC), event) for event in events])


def test_a_feed_that_falls_silent_is_said_once_also_over_a_restart_and_once_that_it_is_heard(system: System) -> None:
    wall = system.on_the_wall()
    wall.apply_topics()
    send_now(wall, quality(event_id="q1"), listed(event_id="l1"))
    with FeedWatch(wall.connection, {"registry": REGISTRY}) as watch:
        watch.look()
        assert words(wall) == []

        def silent() -> bool:
            watch.look()
            return words(wall) != []

        await_that(silent, 30, "the word of the silence")
        watch.look()
        assert words(wall) == [("registry", "FIRING")]
    with FeedWatch(wall.connection, {"registry": REGISTRY}) as watch:
        send_now(wall, listed(event_id="l2"))  # of another feed
        for _ in range(5):
            watch.look()
        assert words(wall) == [("registry", "FIRING")]
        send_now(wall, quality(event_id="q2"))

        def heard() -> bool:
            watch.look()
            return len(words(wall)) > 1

        await_that(heard, 30, "the word that it is heard")
        watch.look()
    assert words(wall)[:2] == [("registry", "FIRING"), ("registry", "RESOLVED")]


def test_nobody_is_called_silent_while_something_that_arrived_is_unread(system: System) -> None:
    wall = system.on_the_wall()
    wall.apply_topics()
    producer = KafkaProducer(
        bootstrap_servers=wall.connection.bootstrap, transactional_id=wall.names.of(SUBMISSIONS) + "-feed"
    )
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(wall.names.of(SUBMISSIONS), key=TIN.digits.encode(), value=encode(quality())).get(timeout=30)
    later = datetime.now(UTC) + timedelta(hours=1)
    with FeedWatch(wall.connection, {"registry": replace_every(hours=2)}, lambda: later) as watch:
        later += timedelta(hours=3)
        for _ in range(10):
            watch.look()
        assert words(wall) == []
        producer.abort_transaction()
        producer.close()

        def silent() -> bool:
            watch.look()
            return words(wall) == [("registry", "FIRING")]

        await_that(silent, 30, "the word, once the transaction has ended")


def replace_every(hours: int) -> ExpectedFeed:
    return ExpectedFeed(
        source="registry", owner="Desk", contact="desk@x.org", topics=(SUBMISSIONS,), every=timedelta(hours=hours)
    )


def test_the_projector_watches_the_feeds_and_the_list_shows_them(system: System, tmp_path: Path) -> None:
    wall = system.on_the_wall()
    wall.apply_topics()
    path = tmp_path / "feeds.toml"
    path.write_text(FEEDS_FILE)
    send_now(wall, listed(event_id="l1"))
    projector = wall.start("project", ASM_FEEDS_FILE=str(path))
    await_that(lambda: projector.says("feed_silent") == 1, 30, "a word of the registry")
    assert projector.stop() == 0
    assert words(wall) == [("registry", "FIRING")]
    told = wall.run("feeds", "list", "--json", ASM_FEEDS_FILE=str(path))
    feeds = {f["source"]: f for f in json.loads(told.stdout)["feeds"]}
    assert (told.returncode, {name: f["state"] for name, f in feeds.items()}) == (
        1,
        {"registry": "SILENT", "cms": "HEARD"},
    )
    assert [sorted({"last_event", "announced_since"} & f.keys()) for f in feeds.values()] == [
        ["announced_since"],
        ["last_event"],
    ]
    path.write_text(FEEDS_FILE.replace("PT1S", "P30D"))
    send_now(wall, quality(event_id="q1"))
    projector = wall.start("project", ASM_FEEDS_FILE=str(path))
    await_that(lambda: projector.says("feed_heard") == 1, 30, "a word that it is heard")
    assert projector.stop() == 0
    assert words(wall) == [("registry", "FIRING"), ("registry", "RESOLVED")]
    assert wall.run("feeds", "list", ASM_FEEDS_FILE=str(path)).returncode == 0


def test_on_the_wall_s_clock_an_account_since_an_instant_finds_its_verdicts(system: System) -> None:
    wall = system.on_the_wall()
    wall.apply_topics()
    send_now(wall, quality(event_id="q0"))
    since = datetime.now(UTC)
    send_now(wall, quality(event_id="q1"), quality(event_id="q1"), quality(event_id="q2", npi=Npi("9876543210")))
    wall.worker()
    await_that(lambda: counted(wall)[-1] == 0, 60, "a verdict on each record")
    assert counted(wall) == (4, 2, 1, 1, 0)
    assert counted(wall, since) == (3, 1, 1, 1, 0)
    assert counted(wall, datetime.now(UTC) + timedelta(days=1)) == (0, 0, 0, 0, 0)


def counts(found: Account) -> tuple[int, ...]:
    return tuple(totals(found)[name] for name in ("sent", "admitted", "repeated", "refused", "waiting"))


def counted(system: System, since: datetime | None = None) -> tuple[int, ...]:
    return counts(account_of(system.connection, "registry", since))


def test_an_account_adds_up_and_says_why_and_what_to_do(system: System) -> None:
    first, test_npi = quality(event_id="q1"), Npi("9876543210")
    system.send(
        Timed(START, event)
        for event in (
            first,
            first,  # the same again
            replace(first, submission_id="other"),  # the id again, with other content
            quality(row("236"), event_id="q3", npi=test_npi),
            quality(row("236"), event_id="q4", npi=test_npi),
            listed(event_id="l1"),  # of CMS
            listed(event_id="l2", source="registry"),
        )
    )
    system.send_bytes(SUBMISSIONS, b"987654321", encode(quality(event_id="q5")), START)
    system.send_bytes(SUBMISSIONS, TIN.digits.encode(), encode(first)[:-3], START)  # cut: whose it is can still be read
    system.send_bytes(SUBMISSIONS, TIN.digits.encode(), b"junk", START, ce_source=b"registry")
    system.send_bytes(SUBMISSIONS, TIN.digits.encode(), b"junk", START)  # nobody's
    system.set_clock(FIRST)
    assert counted(system) == (9, 0, 0, 0, 9)
    worker = system.worker()
    system.await_tick(FIRST)
    worker.stop()
    steps: list[tuple[int, int]] = []
    found = account_of(system.connection, "registry", None, lambda read, of: steps.append((read, of)))
    assert (counts(found), found.nameless, found.counted_from) == ((9, 3, 1, 5, 0), 1, START)
    assert [(t.topic, t.sent, t.admitted, t.repeated, t.reused, t.redriven, t.waiting) for t in found.topics] == [
        (SUBMISSIONS, 8, 2, 1, 1, 0, 0),
        (DETERMINATIONS, 1, 1, 0, 0, 0, 0),
    ]
    assert [(r.reason, r.field, r.records) for t in found.topics for r in t.refused] == [
        ("MALFORMED_NPI", "npi", 2),
        ("KEY_MISMATCH", "key", 1),
        ("UNDECODABLE", None, 1),
        ("UNKNOWN_SCHEMA", None, 1),
    ]
    assert (steps, steps[-1][0]) == (sorted(steps), steps[-1][1])
    told = system.run("feeds", "account", "registry", "--json")
    document = json.loads(told.stdout)
    assert (told.returncode, document["sent"], document["refused"], document["nameless"]) == (1, 9, 5, 1)
    assert document["topics"][0]["refused"][0]["fix"].startswith("Correct the NPI")
    assert TIN.digits not in told.stdout

    fix = Order(actor="ops", reason="a fix", wanted=Wanted(reasons=frozenset({"MALFORMED_NPI"})), per_second=100.0)
    with desk(system.connection) as opened:
        assert opened.redrive(fix, lambda _done: None) == 2
    fixed = system.worker(ASM_TEST_IDENTIFIERS="accept")
    system.send([Timed(SECOND, quality(event_id="q9"))])
    system.set_clock(SECOND + timedelta(days=1))
    system.await_tick(SECOND + timedelta(days=1))
    fixed.stop()
    assert counted(system) == (10, 6, 1, 3, 0)
    assert counted(system, SECOND) == (1, 1, 0, 0, 0)
    assert totals(account_of(system.connection, "nobody", None))["sent"] == 0
