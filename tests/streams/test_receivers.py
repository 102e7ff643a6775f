"""What receivers are sent, whole, and what becomes of their answers."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from infra.errors import Unavailable
from processors.outputs import Alert
from schemas.records import HealthChanged, HealthState, HealthSubject, NoticedAlert, NoticeRecorded
from streams.alertmanager import Alertmanager
from streams.apprise_receiver import AppriseReceiver
from streams.receivers import Away, Webhook
from tests.making import at
from tests.receiver import Told, receiver
from tests.streams.test_notices import WALL, alert, board, prepare, take, tell

LINK = "http://127.0.0.1:8080/"
SECRET = "swordfish"  # noqa: S105 - of a test
BEAT = HealthChanged(
    subject=HealthSubject.HEARTBEAT, name="webhook", state=HealthState.RESOLVED, since=WALL, detail="as_of=never"
)


@pytest.fixture
def told() -> Iterator[Told]:
    with receiver() as opened:
        yield opened


def digest(*stages: str) -> NoticeRecorded:
    """The digest of the last stage of two alerts that went through the stages."""
    made = board()
    for stage in stages[:-1]:
        take(made, alert(1, stage), alert(2, stage))
        tell(made)
    take(made, alert(1, stages[-1]), alert(2, stages[-1]))
    return prepare(made)[0]


def resolution() -> NoticeRecorded:
    made = board()
    take(made, alert(1))
    tell(made)
    take(made, alert(1, state=Alert.RESOLVED))
    return prepare(made)[0]


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


def test_a_webhook_gets_alertmanagers_payload_version_4(told: Told) -> None:
    notice = digest("T_30")
    Webhook("practices", f"{told.url}/hook", LINK).tell(notice)
    (request,) = told.requests
    one, two = notice.alerts
    shared = {
        "alertname": "AsmSubmissionMissing",
        "category": "QUALITY",
        "item": "005",
        "performance_year": "2027",
        "practice": "north",
        "stage": "T_30",
    }
    alerts = [
        {
            "status": "firing",
            "labels": shared | {"alert_id": line.alert_id},
            "annotations": {"summary": line.sentence},
            "startsAt": "2028-03-02T01:00:00+00:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": LINK,
            "fingerprint": line.alert_id,
        }
        for line in (one, two)
    ]
    assert (request.path, request.headers["idempotency-key"], request.headers["content-type"]) == (
        "/hook",
        notice.notice_id,
        "application/json",
    )
    assert request.document == {
        "version": "4",
        "groupKey": '{}:{practice="north", stage="T_30"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "practices",
        "groupLabels": {"practice": "north", "stage": "T_30"},
        "commonLabels": shared,
        "commonAnnotations": {"summary": one.sentence},
        "externalURL": LINK,
        "alerts": alerts,
    }


def test_a_webhook_is_told_what_is_resolved_and_that_the_system_lives(told: Told) -> None:
    hook = Webhook("practices", told.url, LINK)
    hook.tell(resolution())
    hook.beat(BEAT)
    resolved, beat = (r.document for r in told.requests)
    assert (resolved["status"], resolved["alerts"][0]["status"], resolved["alerts"][0]["endsAt"]) == (
        "resolved",
        "resolved",
        WALL.isoformat(),
    )
    assert resolved["alerts"][0]["annotations"]["summary"].startswith("Resolved")
    assert (beat["status"], beat["alerts"][0]["labels"], beat["alerts"][0]["annotations"]) == (
        "firing",
        {"alertname": "AsmHeartbeat", "channel": "practices"},
        {"summary": "as_of=never"},
    )


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_an_answer_that_may_be_another_one_later_means_that_it_surely_was_not_told(told: Told, status: int) -> None:
    told.status = status
    with pytest.raises(Away, match=f"^HTTP {status}$") as away:
        Webhook("practices", told.url, LINK).tell(digest("T_30"))
    assert not away.value.uncertain


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_says_what_the_receiver_said_and_not_its_address(told: Told, status: int) -> None:
    told.status = status
    with pytest.raises(Unavailable, match=f"HTTP {status}: as the test says") as refused:
        Webhook("practices", f"{told.url}/{SECRET}", LINK).tell(digest("T_30"))
    assert SECRET not in str(refused.value)


def test_nobody_there_is_certain_and_no_answer_is_not(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Away) as nobody:
        Webhook("practices", f"http://127.0.0.1:{free_port()}/{SECRET}", LINK).tell(digest("T_30"))
    monkeypatch.setattr("streams.receivers.TIMEOUT_SECONDS", 0.2)
    told.open.clear()
    with pytest.raises(Away) as silent:
        Webhook("practices", f"{told.url}/{SECRET}", LINK).tell(digest("T_30"))
    assert (str(nobody.value), nobody.value.uncertain) == ("ConnectError", False)
    assert (str(silent.value), silent.value.uncertain) == ("ReadTimeout", True)


def alertmanager(told: Told, repost: float = 0.0) -> Alertmanager:
    return Alertmanager("am", f"{told.url}/", LINK, repost=timedelta(seconds=repost), heartbeat=timedelta(hours=1))


def test_alertmanager_gets_each_alert_and_the_end_of_its_stage_before(told: Told) -> None:
    alertmanager(told).tell(digest("T_30", "T_14"))
    (posted,) = told.at("/api/v2/alerts")
    stages = [(a["labels"]["alert_id"], a["labels"]["stage"], a["endsAt"] > a["startsAt"]) for a in posted]
    assert stages == [("a1", "T_14", True), ("a2", "T_14", True), ("a1", "T_30", False), ("a2", "T_30", False)]
    assert posted[0]["annotations"]["summary"] == digest("T_14").alerts[0].sentence
    assert [a["generatorURL"] for a in posted] == [LINK] * 4


def test_alertmanager_is_told_what_is_resolved_under_the_labels_it_knows(told: Told) -> None:
    alertmanager(told).tell(resolution())
    ((alert_,),) = told.at("/api/v2/alerts")
    assert (alert_["labels"]["stage"], alert_["labels"]["alert_id"], alert_["startsAt"]) == (
        "T_30",
        "a1",
        alert_["endsAt"],
    )


def test_alertmanager_is_told_again_what_fires_every_so_often_in_batches(told: Told) -> None:
    lines = [
        NoticedAlert(alert_id=str(n), since=WALL, labels={"alertname": "A", "alert_id": str(n)}, sentence="Line.")
        for n in range(501)
    ]
    often, seldom = alertmanager(told), alertmanager(told, 3600)
    for manager in (often, seldom):
        for _ in range(2):
            manager.keep(lines, [])
    assert [len(posted) for posted in told.at("/api/v2/alerts")] == [500, 1, 500, 1, 500, 1]


def test_the_heartbeat_ends_by_itself_when_two_are_missing(told: Told) -> None:
    alertmanager(told).beat(replace(BEAT, since=at("2026-01-01")))
    ((alert_,),) = told.at("/api/v2/alerts")
    assert (alert_["labels"], alert_["annotations"], alert_["startsAt"]) == (
        {"alertname": "AsmHeartbeat", "channel": "am"},
        {"summary": "as_of=never"},
        "2026-01-01T00:00:00+00:00",
    )


def test_apprise_sends_a_digest_as_one_message_and_says_when_it_could_not(told: Told) -> None:
    sender = AppriseReceiver(f"json://127.0.0.1:{told.port}/{SECRET}")
    notice = digest("T_30")
    sender.tell(notice)
    sender.tell(resolution())
    sender.beat(BEAT)
    assert [(d["title"], d["message"].count("\n\n")) for d in told.at(f"/{SECRET}")] == [
        ("north: 2 submissions missing (T_30)", 1),
        ("north: 1 resolved (T_30)", 0),
        ("asm-streams lives", 0),
    ]
    assert told.at(f"/{SECRET}")[0]["message"] == "\n\n".join(a.sentence for a in notice.alerts)
    told.status = 500
    with pytest.raises(Away, match="Apprise could not deliver it"):
        sender.tell(notice)


def test_an_address_that_apprise_does_not_know_is_refused_without_showing_it() -> None:
    with pytest.raises(Unavailable, match="Apprise does not know such an address") as refused:
        AppriseReceiver(f"nosuch://{SECRET}")
    assert SECRET not in str(refused.value)
