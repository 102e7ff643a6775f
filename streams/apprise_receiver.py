"""Mail, chat, SMS and whatever else Apprise reaches: a digest is one message with its sentences in it."""

import logging
from collections.abc import Iterable

import apprise

from infra.errors import Unavailable
from processors.outputs import Alert
from schemas.records import AlertAcknowledged, HealthChanged, NoticedAlert, NoticeRecorded
from streams.receivers import Away


class AppriseReceiver:
    """One address in Apprise's notation, such as ``mailtos://…`` or ``slack://…``."""

    def __init__(self, url: str) -> None:
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its words hold parts of the address
        self._apprise = apprise.Apprise()
        if not self._apprise.add(url):
            raise Unavailable("Apprise does not know such an address; see https://github.com/caronc/apprise/wiki")

    def tell(self, notice: NoticeRecorded) -> None:
        """Send a digest."""
        firing = notice.alert is Alert.FIRING
        number = f"{len(notice.alerts)} {'submissions missing' if firing else 'resolved'}"
        self._send(f"{notice.practice}: {number} ({notice.stage})", "\n\n".join(a.sentence for a in notice.alerts))

    def keep(self, active: Iterable[NoticedAlert], cared_for: Iterable[AlertAcknowledged]) -> None:
        """Do nothing: who was sent a message has it."""

    def beat(self, heartbeat: HealthChanged) -> None:
        """Send the heartbeat."""
        self._send("asm-streams lives", heartbeat.detail)

    def _send(self, title: str, body: str) -> None:
        if not self._apprise.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            raise Away("Apprise could not deliver it")
