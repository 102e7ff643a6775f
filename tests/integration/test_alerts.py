"""Alerts on a real Kafka: a year told once, over a killed deliverer and an absent receiver, and by Alertmanager."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infra.rulebooks import load_rulebooks
from processors.outputs import Alert, ObligationChanged
from processors.simulation import simulate
from schemas.codec import decode
from schemas.records import AlertAcknowledged, HealthChanged, HealthSubject, NoticeRecorded, NoticeState
from tests.integration.system import System, Worker, await_that
from tests.making import at
from tests.receiver import Request, Told, receiver
from tests.streams.test_receivers import free_port

pytestmark = pytest.mark.integration
BOOK = load_rulebooks("cy2026_final")[2027]
STAGES = {stage.stage: stage.at for stage in BOOK.submission.stages}
END = BOOK.submission.due_instant + timedelta(days=14)
EXAMPLE = Path(__file__).parents[2] / "infra" / "monitoring" / "alertmanager.yml"
QUICK = {"ASM_ALERTS_WAIT_SECONDS": "0.3", "ASM_ALERTS_REPOST_SECONDS": "1", "ASM_HEARTBEAT_SECONDS": "3600"}
Key = tuple[str, str]


@dataclass
class Year:
    """A simulated year on its way through a worker, and what of it must be told."""

    system: System
    clinicians: int = 12
    seed: int = 3
    sent: datetime = field(default=at("2027-01-01"))

    def __post_init__(self) -> None:
        self.world = simulate(self.seed, self.clinicians, BOOK)
        self.system.worker()

    def play(self, until: datetime) -> None:
        """Send what is received before an instant, move the clock there, and wait until it is assessed."""
        self.system.send(item for item in self.world if self.sent <= item.received_at < until)
        self.system.set_clock(until)
        self.system.await_tick(until)
        self.sent = until

    def said(self) -> list[ObligationChanged]:
        return [o for o in self.system.outputs("asm.compliance.v1") if isinstance(o, ObligationChanged)]

    def firing(self) -> set[Key]:
        """The alerts that fire now, each with its stage."""
        return {(o.alert_id, o.stage) for o in self.system.obligations().values() if o.alert is Alert.FIRING}


def notices(system: System, state: NoticeState = NoticeState.TOLD) -> list[NoticeRecorded]:
    """What stands on the topic of notices, each with what was prepared."""
    records: list[NoticeRecorded] = [decode(r.value) for r in system.read("asm.notices.v1")]
    prepared = {r.notice_id: r for r in records if r.state is NoticeState.PREPARED}
    return [prepared[r.notice_id] for r in records if r.state is state]


def recorded(system: System) -> set[Key]:
    """The alerts of which it stands that they were told, each with its stage."""
    return {(a.alert_id, n.stage) for n in notices(system) if n.alert is Alert.FIRING for a in n.alerts}


def await_told(year: Year, seconds: float = 60) -> None:
    """Wait until everything that fires is told, and what was told and fires no more is told as resolved."""

    def all_told() -> bool:
        told, firing = recorded(year.system), year.firing()
        over = {a.alert_id for n in notices(year.system) if n.alert is Alert.RESOLVED for a in n.alerts}
        return firing <= told and {a for a, _ in told} - {a for a, _ in firing} == over

    await_that(all_told, seconds, "the telling of everything that is due")


def digests(requests: list[Request]) -> list[dict[str, Any]]:
    """The digests that were received, without the heartbeat, and each once though it may have been sent again."""
    by_id: dict[str, dict[str, Any]] = {}
    for request in requests:
        if "idempotency-key" in request.headers and request.status == 200:
            known = by_id.setdefault(request.headers["idempotency-key"], request.document)
            assert known == request.document  # sent again as it was
    return list(by_id.values())


def told_keys(found: list[dict[str, Any]], status: str) -> Counter[Key]:
    return Counter(
        (alert["fingerprint"], alert["labels"]["stage"])
        for d in found
        if d["status"] == status
        for alert in d["alerts"]
    )


def deliverer(system: System, kind: str, url: str, *more: str, **environment: str) -> Worker:
    started = system.start("alerts", "deliver", "--to", kind, url, *more, **(QUICK | environment))
    await_that(lambda: started.says("delivery_started") == 1, 60, "the deliverer")
    return started


def kill_in_the_middle(year: Year, telling: Worker, told: Told) -> Worker:
    """Kill the deliverer while its receiver has a digest and does not answer."""
    url = f"{told.url}/hook"
    told.open.clear()
    seen = len(told.requests)
    year.play(STAGES["T_14"])
    await_that(lambda: len(told.requests) > seen, 60, "a digest that is not answered")
    telling.kill()
    told.open.set()
    again = deliverer(year.system, "webhook", url)
    await_told(year)
    return again


def test_a_year_is_told_once_a_stage_over_a_killed_deliverer_and_an_absent_receiver(system: System) -> None:
    year, port = Year(system), free_port()
    with receiver(port) as told:
        telling = deliverer(system, "webhook", f"{told.url}/hook")
        for stage in ("T_90", "T_30"):
            year.play(STAGES[stage])
            await_told(year)
        telling = kill_in_the_middle(year, telling, told)
        arrived = told.requests
    year.play(STAGES["T_3"])
    await_that(lambda: telling.says("receiver_away") > 0, 60, "the absence of the receiver")
    year.play(STAGES["DUE"])
    with receiver(port) as told:
        told.status = 503
        await_that(lambda: "HTTP 503" in telling.log.read_text(), 60, "an answer of 503")
        told.status = 200
        await_told(year, 60)
        year.play(END)
        await_told(year)
        arrived = arrived + told.requests
    assert telling.stop() == 0
    found = digests(arrived)
    firing, resolved = told_keys(found, "firing"), told_keys(found, "resolved")
    possible = {(o.alert_id, o.stage) for o in year.said() if o.alert is Alert.FIRING}
    assert [key for told_of in (firing, resolved) for key, count in told_of.items() if count > 1] == []
    assert set(firing) == recorded(system)
    assert set(firing) <= possible
    assert "T_3" not in {stage for _, stage in firing}  # it was over when the receiver came back
    fired, over = {alert_id for alert_id, _ in firing}, {alert_id for alert_id, _ in resolved}
    assert fired - over == {alert_id for alert_id, _ in year.firing()}
    assert over <= fired
    assert len(found) * 2 < firing.total() + resolved.total()


@contextmanager
def alertmanager(folder: Path, hook: str) -> Iterator[str]:
    """Yield the address of Debian's Alertmanager under the example configuration, in a hurry."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("no Alertmanager is installed (Debian: prometheus-alertmanager)")
    configured = yaml.safe_load(EXAMPLE.read_text().replace("http://127.0.0.1:5001", hook))
    configured["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    file, address = folder / "alertmanager.yml", f"127.0.0.1:{free_port()}"
    file.write_text(yaml.safe_dump(configured))
    command = [program, f"--config.file={file}", f"--storage.path={folder}/am", f"--web.listen-address={address}"]
    with (folder / "alertmanager.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--cluster.listen-address=", "--data.retention=800h"], stdout=log, stderr=log
        )
    try:
        await_that(lambda: answers(f"http://{address}/-/ready"), 40, "Alertmanager")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def active(url: str) -> set[Key]:
    """What Alertmanager holds to fire, as alert and stage."""
    found = httpx.get(f"{url}/api/v2/alerts", params={"filter": 'alertname="AsmSubmissionMissing"'}).json()
    return {(a["labels"]["alert_id"], a["labels"]["stage"]) for a in found}


def test_a_real_alertmanager_receives_condenses_and_resolves(system: System, tmp_path: Path) -> None:
    year = Year(system)
    with receiver() as told, alertmanager(tmp_path, told.url) as url:
        telling = deliverer(system, "alertmanager", url)
        for stage in ("T_30", "T_14", "T_7"):
            year.play(STAGES[stage])
            await_told(year)
            await_that(lambda: active(url) == year.firing(), 20, f"the alerts of {stage}")
        telling.kill()
        year.play(END)
        assert active(url) != year.firing()
        telling = deliverer(system, "alertmanager", url)
        await_told(year)
        await_that(lambda: active(url) == year.firing(), 40, "the alerts after the deadline")

        def notified(status: str) -> Counter[Key]:
            return Counter(
                (a["labels"]["alert_id"], a["labels"]["stage"])
                for d in told.at("/practices")
                for a in d["alerts"]
                if a["status"] == status
            )

        over = {(a.alert_id, n.stage) for n in notices(system) if n.alert is Alert.RESOLVED for a in n.alerts}
        await_that(lambda: set(notified("firing")) == recorded(system), 40, "the notifications")
        await_that(lambda: over <= set(notified("resolved")), 40, "the notifications of resolutions")
        assert set(notified("resolved")) == over  # of no stage that only went on
        assert {d["groupLabels"].get("stage") for d in told.at("/practices")} <= set(STAGES) | {"EARLY"}
        assert [d["status"] for d in told.at("/heartbeat")][:1] == ["firing"]
        alerts = {(d["groupKey"], d["status"]) for d in told.at("/practices")}
        assert len(alerts) * 2 < len(recorded(system)) + len(over)
        assert telling.stop() == 0


def test_an_acknowledged_alert_is_silent_until_that_ends_by_itself(system: System, tmp_path: Path) -> None:
    year = Year(system, clinicians=4)
    year.play(STAGES["T_30"])
    assert system.run("project", "--once").returncode == 0
    alert_id, other_id = sorted(alert_id for alert_id, _ in year.firing())[:2]
    with receiver() as told, alertmanager(tmp_path, told.url) as url:
        mine = {"name": "alert_id", "value": other_id, "isRegex": False}
        times = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z"}
        other = {"matchers": [mine], "createdBy": "me", "comment": "mine", **times}
        httpx.post(f"{url}/api/v2/silences", json=other).raise_for_status()
        telling = deliverer(system, "alertmanager", url)
        await_told(year)
        ends = STAGES["T_7"] + timedelta(hours=1)
        done = system.run(
            "alerts", "ack", alert_id, "--until", ends.isoformat(), "--by", "R. Moss", "--reason", "Monday"
        )
        assert (done.returncode, done.stderr) == (0, "")

        def silenced() -> list[str]:
            found = httpx.get(f"{url}/api/v2/silences").json()
            return sorted(s["comment"] for s in found if s["status"]["state"] == "active")

        await_that(lambda: silenced() == ["Monday (asm alerts ack)", "mine"], 40, "the silence")
        year.play(STAGES["T_7"])
        rest = {key for key in year.firing() if key[0] != alert_id}
        await_that(lambda: rest <= recorded(system), 60, "the others")
        assert alert_id not in {a for a, stage in recorded(system) if stage == "T_7"}
        year.play(ends)
        await_told(year)
        await_that(lambda: silenced() == ["mine"], 40, "the end of the silence")
        assert telling.stop() == 0
    (care,) = [decode(r.value) for r in system.read("asm.operations.v1")]
    assert isinstance(care, AlertAcknowledged)
    assert (care.alert_id, care.until, care.by, care.reason) == (alert_id, ends, "R. Moss", "Monday")


@pytest.fixture(scope="module")
def month(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """A year played to thirty days before its deadline; each test tells of it through a channel of its own."""
    deployment = System(bootstrap, f"t{os.getpid()}-alerts.", tmp_path_factory.mktemp("alerts"))
    deployment.apply_topics()
    year = Year(deployment, clinicians=4)
    year.play(STAGES["T_30"])
    yield year
    deployment.end()


def test_the_heartbeat_says_how_far_everything_is(month: Year) -> None:
    system = month.system
    with receiver() as told:
        environment = QUICK | {"ASM_HEARTBEAT_SECONDS": "0.5"}
        telling = deliverer(system, "webhook", told.url, "--channel", "beating", **environment)

        def beats() -> list[HealthChanged]:
            said: list[HealthChanged] = [decode(r.value) for r in system.read("asm.health.v1")]
            return [word for word in said if word.subject is HealthSubject.HEARTBEAT]

        await_that(lambda: len(beats()) > 1, 60, "two heartbeats")
        assert telling.stop() == 0
    unsettled = {"MET", "EXCUSED", "NOT_MONITORED", "NOT_REQUIRED"}
    obligations = list(system.obligations().values())
    open_ = sum(o.due_at is not None and o.status not in unsettled for o in obligations)
    words = f"as_of={STAGES['T_30'].isoformat()} participants=4 open={open_} firing={len(month.firing())} lag_records=0"
    sent = [d["alerts"][0]["annotations"]["summary"] for d in told.at("/") if d["groupLabels"].get("alertname")]
    assert (beats()[-1].name, beats()[-1].state.value, beats()[-1].detail, sent[-1]) == (
        "beating",
        "RESOLVED",
        words,
        words,
    )


def test_a_receiver_that_refuses_ends_it_with_a_clear_word_and_nothing_is_lost(month: Year) -> None:
    system = month.system
    with receiver() as told:
        command = ("alerts", "deliver", "--to", "webhook", "--once", "--channel", "refused")
        told.status = 401
        refused = system.run(*command, ASM_ALERTS_URL=f"{told.url}/swordfish", **QUICK)
        told.status = 503
        away = system.run(*command, ASM_ALERTS_URL=f"{told.url}/swordfish", **QUICK)
        told.status, told.requests = 200, []
        done = system.run(*command, ASM_ALERTS_URL=f"{told.url}/swordfish", **QUICK)
        found = digests(told.requests)
    assert (refused.returncode, "HTTP 401: as the test says" in refused.stderr) == (3, True)
    assert (away.returncode, "what is due stays due" in away.stderr) == (3, True)
    assert done.returncode == 0
    assert set(told_keys(found, "firing")) == month.firing()
    assert set(told_keys(found, "firing").values()) == {1}
    assert "swordfish" not in refused.stderr + away.stderr + done.stderr


def test_who_begins_later_through_a_channel_fences_who_began_before(month: Year) -> None:
    with receiver() as told:
        first, second = (
            deliverer(month.system, "webhook", told.url, "--channel", "fenced", ASM_HEARTBEAT_SECONDS="0.5")
            for _ in range(2)
        )
        await_that(lambda: first.process.poll() is not None, 60, "the end of the first")
        assert (first.process.returncode, second.process.poll()) == (3, None)
        assert "another process tells through this channel" in first.log.read_text()
        assert second.stop() == 0
