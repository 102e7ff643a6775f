"""What a running system tells of itself on a real Kafka: readiness, metrics, the doctor, standstills, the live view."""

import json
import signal
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer

from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import encode
from streams.admission import milliseconds
from tests.integration.system import PARTITIONS, System, Worker, await_that
from tests.integration.test_worker import BOOKS
from tests.making import NPI, TIN, at, claim

pytestmark = pytest.mark.integration
START, LATER, END = at("2027-01-01"), at("2028-03-25"), at("2028-03-29")
WORLD = simulate(21, 6, BOOKS[2027])


def address(program: Worker) -> str:
    """Where a program tells of itself, as its log says."""
    await_that(lambda: program.says("http_listening") > 0, 90, "a port that is listened on")
    lines = [json.loads(line) for line in program.log.read_text().splitlines() if "http_listening" in line]
    return f"http://{lines[-1]['host']}:{lines[-1]['port']}"


def samples(url: str) -> dict[str, float]:
    """The samples of /metrics, by name and labels."""
    text = httpx.get(f"{url}/metrics").text
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def total(found: dict[str, float], name: str) -> float:
    return sum(value for key, value in found.items() if key.split("{")[0] == name)


def examined(system: System) -> tuple[int, dict[str, Any]]:
    """The doctor's exit code and checks."""
    ran = system.run("doctor", "--json")
    checks = json.loads(ran.stdout)["checks"]
    return ran.returncode, {check["check"]: check for check in checks}


def verdicts(checks: dict[str, Any]) -> dict[str, str]:
    return {name: check["verdict"] for name, check in checks.items() if not name.startswith("disk")}


def is_ready(url: str) -> bool:
    return httpx.get(f"{url}/readyz").status_code == 200


def test_a_system_tells_of_itself_and_the_doctor_sees_when_a_part_of_it_is_gone(system: System) -> None:
    worker, projector = (system.start(*c, "--http-port", "0") for c in (("worker", "--no-supervise"), ("project",)))
    works, views = address(worker), address(projector)
    await_that(lambda: is_ready(works) and is_ready(views), 120, "readiness of both")
    system.set_clock(START)
    system.send(WORLD)
    system.set_clock(LATER)
    system.await_tick(LATER, 150)
    outputs = sum(len(system.read(f"asm.{topic}.v1")) for topic in ("scores", "compliance", "findings"))
    said = outputs + len(system.read("asm.refusals.v1"))
    await_that(lambda: total(samples(views), "asm_projected_records_total") == said, 90, "the view")

    found = samples(works)
    admitted, refused = total(found, "asm_records_admitted_total"), total(found, "asm_records_refused_total")
    assert admitted + refused == len(WORLD)
    assert refused == len(system.read("asm.dead-letters.v1"))
    assert total(found, "asm_events_folded_total") == admitted
    assert total(found, "asm_outputs_total") == outputs
    assert found['asm_takeover_seconds_count{stage="assessment"}'] == PARTITIONS
    assert found['asm_batch_records_sum{stage="admission"}'] == len(WORLD)
    told = httpx.get(f"{works}/readyz").json()["partitions"]
    assert [(p["stage"], p["partition"], p["state"]) for p in told] == [
        (stage, p, "working") for stage in ("admission", "assessment") for p in range(PARTITIONS)
    ]
    assert {p["as_of"] for p in told} == {LATER.isoformat()}

    code, checks = examined(system)
    well = dict.fromkeys(
        ("schema ids", "broker", "database", "topics", "clock", "log", "admission", "assessment"), "ok"
    )
    well |= dict.fromkeys(("watermark", "state", "projection"), "ok") | {"refusals": "warn" if refused else "ok"}
    assert (code, verdicts(checks)) == (0, well)

    assert worker.stop() == 0
    system.send([Timed(LATER, claim(event_id="late"))])
    code, checks = examined(system)
    assert (code, verdicts(checks)) == (1, well | {"admission": "fail", "assessment": "fail"})
    assert checks["admission"]["seen"] == "nobody works: 0 member(s), lag 1"
    assert [d["lag"] for d in checks["admission"]["details"] if d["lag"]] == [1]


def test_records_that_an_open_transaction_holds_back_are_seen_to_stand_still(system: System) -> None:
    worker = system.worker("--no-supervise", "--http-port", "0", ASM_STALL_LIMIT_SECONDS="1")
    url = address(worker)
    await_that(lambda: is_ready(url), 120, "readiness")
    feed = KafkaProducer(
        bootstrap_servers=system.connection.bootstrap, transactional_id=f"{system.settings.namespace}feed"
    )
    feed.init_transactions()
    feed.begin_transaction()
    key, value = TIN.digits.encode(), encode(claim(event_id="held"))
    sent = feed.send(system.names.of("asm.claims.v1"), key=key, value=value, timestamp_ms=milliseconds(START))
    place = sent.get(30)
    await_that(lambda: worker.says("partition_stalled") > 0, 40, "a word of the standstill")
    stalled = f'asm_partition_stalled_seconds{{partition="{place.partition}",stage="admission",topic="asm.claims.v1"}}'
    assert samples(url)[stalled] > 1
    _, checks = examined(system)
    where = f"{system.names.of('asm.claims.v1')}/{place.partition} at 0 (lag 1)"
    assert checks["admission"]["seen"] == f"1 member(s), lag 1; no progress in {where}"
    feed.commit_transaction()
    feed.close()
    await_that(lambda: worker.says("partition_moving") > 0, 40, "a word of the progress")
    assert samples(url)[stalled] == 0


def test_what_is_said_is_watched_as_it_is_said_until_ctrl_c(system: System) -> None:
    system.worker()
    projector = system.start("project")
    system.set_clock(START)
    system.send(WORLD)
    system.set_clock(LATER)
    system.await_tick(LATER, 150)
    assert projector.stop() == 0
    assert system.run("project", "--once").returncode == 0
    everybody, one = system.start("watch"), system.start("watch", NPI)
    assert one.process.wait(90) == 1
    assert f"Nobody on the roster is {NPI}." in one.log.read_text()
    npis = sorted(npi for npi, _ in system.scores())
    one = system.start("watch", npis[0])
    system.set_clock(END)
    system.await_tick(END, 150)
    told = [o for o in system.obligations().values() if o.as_of == END and o.alert.value == "FIRING"]
    assert len(told) > 3
    await_that(lambda: everybody.log.read_text().count(" alert ") == len(told), 90, "a line of each alert")
    wanted = [o for o in told if o.npi == npis[0]]
    await_that(lambda: one.log.read_text().count(f"NPI {npis[0]}") >= len(wanted), 90, "the lines of one clinician")
    others = [npi for npi in npis[1:] if f"NPI {npi}" in one.log.read_text()]
    for watching in (everybody, one):
        watching.process.send_signal(signal.SIGINT)
        assert watching.process.wait(90) == 0
    assert others == []
    assert "2028-03-28 20:00 EDT alert" in everybody.log.read_text()
