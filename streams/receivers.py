"""Who is told: what a receiver must do, what its answers mean, and a webhook in Alertmanager's published shape.

Alertmanager itself and Apprise stand in files of their own. An address may hold a password or a token: it is never
logged and never part of an error.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

import httpx

from infra.errors import Unavailable
from processors.outputs import Alert
from schemas.records import AlertAcknowledged, HealthChanged, NoticedAlert, NoticeRecorded

TIMEOUT_SECONDS = 10.0
#: Answers after which it makes sense to ask again, though they begin with a 4.
_LATER = frozenset({408, 425, 429})
_NOT_YET = "0001-01-01T00:00:00Z"
HEARTBEAT_NAME = "AsmHeartbeat"
REPEAT_HEADER = "Idempotency-Key"


class Away(Exception):
    """The receiver did not take it. ``uncertain``: it may have received it all the same."""

    def __init__(self, why: str, *, uncertain: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.uncertain = uncertain


class Receiver(Protocol):
    """Whoever is told; each method raises :class:`Away`, or Unavailable where the receiver will never take it."""

    def tell(self, notice: NoticeRecorded) -> None:
        """Tell a digest."""

    def keep(self, active: Iterable[NoticedAlert], cared_for: Iterable[AlertAcknowledged]) -> None:
        """Say what still fires and who takes care of what, to a receiver that forgets."""

    def beat(self, heartbeat: HealthChanged) -> None:
        """Tell that the system lives."""


def post(client: httpx.Client, url: str, document: object, headers: dict[str, str] | None = None) -> httpx.Response:
    """Post a JSON document.

    :raises Away: nobody answers, or not with success.
    :raises Unavailable: the receiver refuses it: asking again would not help.
    """
    try:
        answer = client.post(url, json=document, headers=headers)
    except httpx.ConnectError as error:
        raise Away(type(error).__name__) from None
    except httpx.TransportError as error:
        raise Away(type(error).__name__, uncertain=True) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise Unavailable("The receiver's address is not one of HTTP: http://HOST:PORT/PATH or https://…") from None
    return answered(answer)


def answered(answer: httpx.Response) -> httpx.Response:
    """Return an answer that is a success.

    :raises Away: it is none, and another time it may be.
    :raises Unavailable: the receiver refuses.
    """
    if answer.is_success:
        return answer
    why = f"HTTP {answer.status_code}"
    if answer.is_client_error and answer.status_code not in _LATER:
        said = " ".join(answer.text.split())[:200]
        raise Unavailable(
            f"The receiver refuses what it is told ({why}: {said}). Nothing is lost: mend it, start again."
        )
    raise Away(why)


class Webhook:
    """A receiver of Alertmanager's webhook payload, version 4: one digest a practice and stage."""

    def __init__(self, channel: str, url: str, link: str) -> None:
        self._channel = channel
        self._url = url
        self._link = link
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS)

    def tell(self, notice: NoticeRecorded) -> None:
        """Post a digest; its notice id stands in the header Idempotency-Key."""
        post(self._client, self._url, self.payload(notice), {REPEAT_HEADER: notice.notice_id})

    def keep(self, active: Iterable[NoticedAlert], cared_for: Iterable[AlertAcknowledged]) -> None:
        """Do nothing: a webhook forgets nothing."""

    def beat(self, heartbeat: HealthChanged) -> None:
        """Post the heartbeat as an alert of its own."""
        labels = {"alertname": HEARTBEAT_NAME, "channel": self._channel}
        line = NoticedAlert(alert_id="", since=heartbeat.since, labels=labels, sentence=heartbeat.detail)
        alert = _alert(line, self._link, None)
        post(self._client, self._url, self._envelope([alert], {"alertname": HEARTBEAT_NAME}, firing=True))

    def payload(self, notice: NoticeRecorded) -> dict[str, Any]:
        """Return the document that tells a digest."""
        over = None if notice.alert is Alert.FIRING else notice.instant
        alerts = [_alert(line, self._link, over) for line in notice.alerts]
        group = {"practice": notice.practice, "stage": notice.stage}
        return self._envelope(alerts, group, firing=over is None)

    def _envelope(self, alerts: list[dict[str, Any]], group: dict[str, str], *, firing: bool) -> dict[str, Any]:
        named = ", ".join(f'{name}="{value}"' for name, value in group.items())
        return {
            "version": "4",
            "groupKey": f"{{}}:{{{named}}}",
            "truncatedAlerts": 0,
            "status": "firing" if firing else "resolved",
            "receiver": self._channel,
            "groupLabels": group,
            "commonLabels": _shared([alert["labels"] for alert in alerts]),
            "commonAnnotations": _shared([alert["annotations"] for alert in alerts]),
            "externalURL": self._link,
            "alerts": alerts,
        }


def _alert(line: NoticedAlert, link: str, over: datetime | None) -> dict[str, Any]:
    return {
        "status": "firing" if over is None else "resolved",
        "labels": dict(line.labels),
        "annotations": {"summary": line.sentence},
        "startsAt": line.since.isoformat(),
        "endsAt": _NOT_YET if over is None else over.isoformat(),
        "generatorURL": link,
        "fingerprint": line.alert_id or line.labels["alertname"],
    }


def _shared(told: list[dict[str, str]]) -> dict[str, str]:
    first, *others = told
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
