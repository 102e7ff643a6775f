"""Alertmanager's API v2: alerts that are posted again and again, so that it never takes silence for a resolution.

An alert is its labels there; ``stage`` is one of them, so that each stage is a notification of its own. Going to the
next stage ends the alert of the stage before; the example configuration inhibits that one meanwhile, so that nobody is
told of a resolution that is none. An acknowledgement is a silence there, for as long as it holds.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from processors.outputs import Alert
from schemas.records import AlertAcknowledged, HealthChanged, NoticedAlert, NoticeRecorded
from streams.receivers import HEARTBEAT_NAME, TIMEOUT_SECONDS, Away, answered, post

#: A program that died has resolved nothing: what it posted last stays so long, and its heartbeat ends long before.
_HOLD = timedelta(hours=24)
_MOST_AT_ONCE = 500
_MARK = " (asm alerts ack)"


def _wall() -> datetime:
    return datetime.now(UTC)


class Alertmanager:
    """One Alertmanager, at its base address; it forgets at its own restart, so it is told again every so often."""

    def __init__(self, channel: str, url: str, link: str, *, repost: timedelta, heartbeat: timedelta) -> None:
        self._channel = channel
        self._base = url.rstrip("/") + "/api/v2"
        self._link = link
        self._repost = repost
        self._heartbeat = heartbeat
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS)
        self._wall: Callable[[], datetime] = _wall
        self._posted = float("-inf")
        self._silenced: frozenset[tuple[str, datetime]] | None = None

    def tell(self, notice: NoticeRecorded) -> None:
        """Post the alerts of a digest; of those that went on, end what was posted at the stage before."""
        wall = self._wall()
        ends = wall + _HOLD if notice.alert is Alert.FIRING else wall
        posted = [self._alert(line.labels, line, ends) for line in notice.alerts]
        before = [(dict(line.labels) | {"stage": line.before}, line) for line in notice.alerts if line.before]
        self._post([*posted, *(self._alert(labels, line, wall) for labels, line in before)])

    def keep(self, active: Iterable[NoticedAlert], cared_for: Iterable[AlertAcknowledged]) -> None:
        """Post what still fires when it is time to, and silence what somebody takes care of."""
        cares = {care.alert_id: care for care in cared_for}
        wanted = frozenset((care.alert_id, care.until) for care in cares.values())
        is_time = time.monotonic() - self._posted >= self._repost.total_seconds()
        if wanted != self._silenced or (is_time and wanted):  # it may have lost them
            self._silence(cares)
            self._silenced = wanted
        if not is_time:
            return
        ends = self._wall() + _HOLD
        alerts = [self._alert(line.labels, line, ends) for line in active]
        for start in range(0, len(alerts), _MOST_AT_ONCE):
            self._post(alerts[start : start + _MOST_AT_ONCE])
        self._posted = time.monotonic()

    def beat(self, heartbeat: HealthChanged) -> None:
        """Post the heartbeat: an alert that ends by itself when two in a row are missing."""
        wall = self._wall()
        labels = {"alertname": HEARTBEAT_NAME, "channel": self._channel}
        document = self._document(labels, heartbeat.detail, heartbeat.since, wall + 2 * self._heartbeat)
        self._post([document])

    def _alert(self, labels: Mapping[str, str], line: NoticedAlert, ends: datetime) -> dict[str, Any]:
        return self._document(labels, line.sentence, line.since, ends)

    def _document(self, labels: Mapping[str, str], sentence: str, since: datetime, ends: datetime) -> dict[str, Any]:
        starts = min(since, ends, self._wall())  # a simulated clock runs ahead of Alertmanager's
        document: dict[str, Any] = {
            "labels": dict(labels),
            "annotations": {"summary": sentence},
            "startsAt": starts.isoformat(),
            "endsAt": ends.isoformat(),
        }
        return document | {"generatorURL": self._link} if self._link else document

    def _post(self, alerts: Sequence[dict[str, Any]]) -> None:
        post(self._client, f"{self._base}/alerts", alerts)

    def _silence(self, cares: Mapping[str, AlertAcknowledged]) -> None:
        """Make the silences what the acknowledgements are."""
        there = self._silences()
        for alert_id, silence in there.items():
            if alert_id not in cares:
                self._ask("DELETE", f"/silence/{silence['id']}")
        for alert_id, care in cares.items():
            known = there.get(alert_id)
            if known is None or datetime.fromisoformat(known["endsAt"]) != care.until:
                post(self._client, f"{self._base}/silences", self._silence_of(care, known))

    def _silence_of(self, care: AlertAcknowledged, known: Mapping[str, Any] | None) -> dict[str, Any]:
        matcher = {"name": "alert_id", "value": care.alert_id, "isRegex": False, "isEqual": True}
        return {
            "matchers": [matcher],
            "startsAt": self._wall().isoformat(),
            "endsAt": care.until.isoformat(),
            "createdBy": care.by,
            "comment": care.reason + _MARK,
        } | ({} if known is None else {"id": known["id"]})

    def _silences(self) -> dict[str, dict[str, Any]]:
        """Return the silences that stand for acknowledgements and have not ended, by alert."""
        return {
            silence["matchers"][0]["value"]: silence
            for silence in self._ask("GET", "/silences").json()
            if silence["comment"].endswith(_MARK) and silence["status"]["state"] != "expired"
        }

    def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            return answered(self._client.request(method, self._base + path))
        except httpx.TransportError as error:
            raise Away(type(error).__name__) from None
