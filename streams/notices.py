"""What is to be told of alerts: what fires or is resolved now, less what was told, less what somebody takes care of.

No state is kept beside the topics. What fires is the last word on ``asm.compliance.v1``, what was told stands on
``asm.notices.v1``, and what is to be told is the difference, so that a restart neither loses nor repeats. An alert is
told once at each stage, and once when it is resolved; what was over before anybody was told of it is not told at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from processors.outputs import Alert, ObligationChanged, recalculation_of
from processors.sentences import Names, Told, sentence
from schemas.glances import RosterGlance
from schemas.records import AlertAcknowledged, NoticedAlert, NoticeRecorded, NoticeState

ALERT_NAME = "AsmSubmissionMissing"
Group = tuple[str, str, Alert]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alert as it stands, with what a message says of it."""

    alert_id: str
    tin: str
    performance_year: int
    item: str
    stage: str
    alert: Alert
    since: datetime
    told: Told
    recalculation: str | None = None

    @classmethod
    def of(cls, said: ObligationChanged, since: datetime) -> "Alarm":
        """Return the alert of an obligation that fires since an instant."""
        return cls(
            alert_id=said.alert_id,
            tin=said.tin.digits,
            performance_year=said.performance_year,
            item=said.item,
            stage=said.stage,
            alert=said.alert,
            since=since,
            told=Told.of(said),
            recalculation=recalculation_of(said.cause),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyTold:
    """What was told of an alert: at which stages, in the end with which labels, and whether it is over."""

    stages: tuple[str, ...]
    labels: Mapping[str, str]
    since: datetime
    resolved: bool


class Roster:
    """How the roster names clinicians and practices: the last word of each."""

    def __init__(self) -> None:
        self._people: dict[tuple[str, str, int], RosterGlance] = {}
        self._practices: dict[tuple[str, int], RosterGlance] = {}

    @property
    def participants(self) -> int:
        """How many clinicians have a score, in all years."""
        return len({npi for _, npi, _ in self._people})

    def take(self, seen: RosterGlance) -> None:
        """Take note of a score's names."""
        self._people[seen.tin, seen.npi, seen.performance_year] = seen
        known = self._practices.get((seen.tin, seen.performance_year))
        if known is None or seen.npi <= known.npi:
            self._practices[seen.tin, seen.performance_year] = seen

    def names(self, alarm: Alarm) -> Names:
        """Return the names of whom an alert concerns."""
        practice = self._practices.get((alarm.tin, alarm.performance_year))
        person = self._people.get((alarm.tin, alarm.told.npi or "", alarm.performance_year))
        return Names(
            name=None if person is None else person.name,
            organization=None if practice is None else practice.organization,
            practice_alias=None if practice is None else practice.practice_alias,
        )

    def practice(self, alarm: Alarm) -> str | None:
        """Return the name of a practice that holds no TIN: its alias, or its least NPI; None where nobody is known."""
        known = self._practices.get((alarm.tin, alarm.performance_year))
        return None if known is None else known.practice_alias or f"npi-{known.npi}"


class Board:
    """What fires, what was told through one channel, and who takes care of what."""

    def __init__(self, channel: str, roster: Roster) -> None:
        self._channel = channel
        self._roster = roster
        self._alarms: dict[str, Alarm] = {}
        self._unchecked: set[str] = set()
        self._told: dict[str, AlreadyTold] = {}
        self._taken_care: dict[str, AlertAcknowledged] = {}
        self._prepared: dict[str, NoticeRecorded] = {}
        self._hushed: set[str] = set()

    def hush(self, recalculation: str) -> None:
        """Tell nobody of what fires since a recalculation, until time or an event changes it."""
        self._hushed.add(recalculation)

    def take(self, said: ObligationChanged, since: datetime) -> None:
        """Take note of an alert that fires since an instant, or is resolved."""
        may_be_told = self._is_open(said.alert_id) or self._is_prepared(said.alert_id)
        if said.alert is Alert.FIRING or may_be_told:
            self._alarms[said.alert_id] = Alarm.of(said, since)
            self._unchecked.add(said.alert_id)
        else:
            self._alarms.pop(said.alert_id, None)

    def acknowledge(self, said: AlertAcknowledged) -> None:
        """Take note of who takes care of an alert; the last word stands."""
        self._taken_care[said.alert_id] = said

    def remember(self, notice: NoticeRecorded) -> None:
        """Take note of what was told through this channel, or is about to be."""
        if notice.channel != self._channel:
            return
        if notice.state is NoticeState.PREPARED:
            self._prepared[notice.notice_id] = notice
            return
        prepared = self._prepared.pop(notice.notice_id, notice)
        if notice.state is NoticeState.TOLD:
            for line in prepared.alerts:
                self._remember_line(line, prepared)

    def unsettled(self) -> NoticeRecorded | None:
        """Return the notice of which nobody knows whether it was received."""
        return next(iter(self._prepared.values()), None)

    def due(self, now: datetime) -> dict[Group, list[Alarm]]:
        """Return what is to be told at an instant: by practice, stage, and whether it fires."""
        groups: defaultdict[Group, list[Alarm]] = defaultdict(list)
        for alert_id in sorted(self._unchecked):
            stage = self._stage_due(alert_id)
            if stage is None:
                self._unchecked.discard(alert_id)
                continue
            alarm = self._alarms[alert_id]
            practice = self._roster.practice(alarm)
            cared_for = self.care_of(alert_id, now) is not None or alarm.recalculation in self._hushed
            quiet = alarm.alert is Alert.FIRING and cared_for
            if practice is not None and not quiet:
                groups[practice, stage, alarm.alert].append(alarm)
        return dict(sorted(groups.items()))

    def _stage_due(self, alert_id: str) -> str | None:
        """Return the stage of which an alert is to be told, or None where everything was told."""
        alarm, told = self._alarms.get(alert_id), self._told.get(alert_id)
        if alarm is None:
            return None
        if alarm.alert is Alert.FIRING:
            return alarm.stage if told is None or alarm.stage not in told.stages else None
        return None if told is None else told.stages[-1]

    def care_of(self, alert_id: str, now: datetime) -> AlertAcknowledged | None:
        """Return the acknowledgement of an alert that has not ended."""
        care = self._taken_care.get(alert_id)
        return care if care is not None and care.until > now else None

    def notice(self, group: Group, alarms: Iterable[Alarm], now: datetime, wall: datetime) -> NoticeRecorded:
        """Return the digest of what is due of a group, the costliest first, as it is to be told at an instant."""
        ordered = sorted(alarms, key=lambda a: (-a.told.points_at_stake, a.alert_id))
        practice, stage, alert = group
        told = "\x1f".join([self._channel, stage, alert, *sorted(a.alert_id for a in ordered)])
        return NoticeRecorded(
            notice_id=sha256(told.encode()).hexdigest()[:32],
            channel=self._channel,
            state=NoticeState.PREPARED,
            practice=practice,
            stage=stage,
            alert=alert,
            instant=wall,
            alerts=tuple(self._line(alarm, group, now) for alarm in ordered),
        )

    def active(self, now: datetime) -> Iterator[NoticedAlert]:
        """Yield the alerts that fire and were told, with the labels they were told with and the sentence of now."""
        for alarm in self._alarms.values():
            told = self._told.get(alarm.alert_id)
            if told is not None and not told.resolved and alarm.alert is Alert.FIRING:
                words = sentence(alarm.told, self._roster.names(alarm), now)
                yield NoticedAlert(alert_id=alarm.alert_id, since=told.since, labels=told.labels, sentence=words)

    def cared_for(self, now: datetime) -> list[AlertAcknowledged]:
        """Return the acknowledgements of alerts that were told and fire."""
        found = (self.care_of(alert_id, now) for alert_id in self._taken_care if self._is_open(alert_id))
        return [care for care in found if care is not None]

    @property
    def firing(self) -> int:
        """How many alerts fire."""
        return sum(alarm.alert is Alert.FIRING for alarm in self._alarms.values())

    def _line(self, alarm: Alarm, group: Group, now: datetime) -> NoticedAlert:
        practice, stage, alert = group
        told = self._told.get(alarm.alert_id)
        labels = {
            "alertname": ALERT_NAME,
            "alert_id": alarm.alert_id,
            "category": alarm.told.category,
            "item": alarm.item,
            "performance_year": str(alarm.performance_year),
            "practice": practice,
            "stage": stage,
        }
        return NoticedAlert(
            alert_id=alarm.alert_id,
            since=alarm.since if told is None else told.since,
            labels=told.labels if told is not None and alert is Alert.RESOLVED else labels,
            before=None if told is None or alert is Alert.RESOLVED else told.stages[-1],
            sentence=sentence(alarm.told, self._roster.names(alarm), now),
        )

    def _remember_line(self, line: NoticedAlert, notice: NoticeRecorded) -> None:
        known = self._told.get(line.alert_id)
        resolved = notice.alert is Alert.RESOLVED
        self._unchecked.add(line.alert_id)
        if resolved:
            self._alarms.pop(line.alert_id, None)
        if resolved and known is not None:
            self._told[line.alert_id] = replace(known, resolved=True)
            return
        stages = (() if known is None else known.stages) + (notice.stage,)
        self._told[line.alert_id] = AlreadyTold(stages=stages, labels=line.labels, since=line.since, resolved=resolved)

    def _is_open(self, alert_id: str) -> bool:
        told = self._told.get(alert_id)
        return told is not None and not told.resolved

    def _is_prepared(self, alert_id: str) -> bool:
        return any(line.alert_id == alert_id for notice in self._prepared.values() for line in notice.alerts)
