"""``asm replay diff`` on a real Kafka: another law beside the live one, and a live one that has gone on meanwhile."""

import csv
import json
from datetime import date
from typing import Any

import pytest

from processors.events import ClaimLine, ClaimReceived
from processors.simulated_world import Timed
from processors.simulation import simulate
from tests.generations import BENCHMARK_CORRECTED, PRESENT
from tests.integration.system import System
from tests.making import NPI, OTHER_NPI, TIN, YEAR, at, attested, claim, listed, quality, row
from tests.streams.laws import write_rulebooks

pytestmark = pytest.mark.integration
SETTLED, LATER = at("2028-03-20"), at("2028-03-21")
DIGITS = TIN.digits


def visit(number: int) -> ClaimReceived:
    line = ClaimLine(line_number=1, service_date=date(YEAR, 5, number), npi=OTHER_NPI, hcpcs="99214")
    return claim(event_id=f"c{number}", claim_id=f"C{number}", lines=(line,))


def document(system: System, *generations: str) -> dict[str, Any]:
    told = system.run("replay", "diff", *generations, "--json")
    assert told.returncode == 0, told.stderr
    assert DIGITS not in told.stdout + told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def causes(mover: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(c["kind"], c.get("rule", {}).get("key") or c.get("event", {}).get("event_id")) for c in mover["causes"]]


def test_who_moves_is_told_with_the_causes_also_where_the_live_one_went_on(system: System) -> None:
    world = simulate(7, 30, PRESENT[YEAR])
    system.send(t for t in world if t.received_at < SETTLED and not isinstance(t.event, ClaimReceived))
    own = [listed(event_id="l1", practice_alias="north"), quality(row("236", 70, 30), event_id="q1")]
    own += [listed(npi=OTHER_NPI, event_id="l2"), visit(1), attested("ASM_IA_1", event_id="a1")]
    system.send([Timed(at("2028-02-01"), event) for event in own])
    system.set_clock(SETTLED)
    system.worker()
    system.await_tick(SETTLED)
    folder = str(write_rulebooks(system.folder / "corrected", BENCHMARK_CORRECTED))
    started = system.run("replay", "start", "corrected", "--rulebook", folder, "--reason", "a correction")
    assert started.returncode == 0, started.stderr

    found = document(system, "live", "corrected")
    assert (found["participants"], found["unexplained"], found["differ"]["FINAL"] > 3) == (32, 0, True)
    finals = [m for m in found["movers"] if m["extent"] == "FINAL"]
    assert {tuple(causes(m)) for m in finals} == {(("RULE", "benchmarks.236/ECQM"),)}
    north = next(m for m in found["movers"] if m.get("practice_alias") == "north")
    assert (north["causes"][0]["rule"]["before"]["cites"][0], "tin" in north) == ("90 FR 49634", False)

    page = system.folder / "diff.html"
    told = system.run("replay", "diff", "live", "corrected", "--csv", "--html", str(page))
    assert (told.returncode, DIGITS in told.stdout + page.read_text()) == (0, False)
    rows = list(csv.DictReader(told.stdout.splitlines()))
    assert {r["participants"] for r in rows if r["suppressed"] == "1"} == {""}
    assert all(int(r["participants"]) == 0 or int(r["participants"]) >= 11 for r in rows if r["suppressed"] == "0")

    more = [visit(2), visit(3), attested("ASM_IA_2", event_id="a2")]
    system.send([Timed(at("2028-03-20T12:00:00+00:00"), event) for event in more])
    system.set_clock(LATER)
    system.await_tick(LATER)
    gone_on = document(system, "corrected", "live")
    mine, other = (next(m for m in gone_on["movers"] if m["npi"] == npi) for npi in (NPI, OTHER_NPI))
    assert causes(mine) == [("RULE", "benchmarks.236/ECQM"), ("EVENT", "a2")]
    assert causes(other) == [("EVENT", "a2"), ("CLAIMS", None)]
    told_of = other["causes"][1]["claims"]
    assert (told_of["count"], told_of["last"]) == (2, {"source": "claims", "event_id": "c3"})
    assert system.run("replay", "diff", "live", "nobody").returncode == 3
