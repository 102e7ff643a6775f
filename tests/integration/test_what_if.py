"""``asm what-if``: the difference that events would make to the present facts; nothing is sent or stored."""

import json
from pathlib import Path

import pytest

from processors.identity import Tin
from processors.simulated_world import Timed
from schemas.cloudevents import render_event
from tests.integration.system import System
from tests.making import NPI, at, attested, listed, quality, row

pytestmark = pytest.mark.integration
NOW = at("2028-02-01")
TOPICS = ("asm.journal.v1", "asm.state.{generation}.v1", "asm.scores.v1")


def file_of(path: Path, *events: object) -> Path:
    path.write_bytes(b"".join(render_event(event, NOW) + b"\n" for event in events))  # type: ignore[arg-type]
    return path


def listed_and_projected(system: System) -> None:
    """One clinician with one good measure, as of NOW, in the SQL view."""
    system.worker()
    system.send([Timed(at("2027-01-05"), listed(event_id="l1", practice_alias="north"))])
    system.send([Timed(at("2028-01-10"), quality(row("236", 90, 10), event_id="q1"))])
    system.set_clock(NOW)
    system.await_tick(NOW)
    assert system.run("project", "--once").returncode == 0


def test_the_difference_is_that_of_the_events_and_nothing_is_stored(system: System) -> None:
    listed_and_projected(system)
    before = [len(system.read(topic)) for topic in TOPICS]
    yes = [attested(activity, event_id=activity) for activity in ("ASM_IA_1", "ASM_IA_2")]
    told = system.run("what-if", "north", str(file_of(system.folder / "a.jsonl", *yes)), "--json")
    assert told.returncode == 0, told.stderr
    (year,) = json.loads(told.stdout)
    (score,) = year["scores"]
    assert (score["npi"], score["final_score"], score["lowest_reachable"]["now"]) == (NPI, {"now": 0, "then": 15}, 0)
    changed = {o["item"]: (o["now"], o["then"]) for o in year["obligations"]}
    assert (changed["ASM_IA_1"], changed["ASM_IA_2"]) == (("AT_RISK", "MET"), ("AT_RISK", "MET"))
    assert [len(system.read(topic)) for topic in TOPICS] == before


def test_an_event_of_another_tin_is_refused(system: System) -> None:
    listed_and_projected(system)
    other = file_of(system.folder / "o.jsonl", attested("ASM_IA_1", event_id="a1", tin=Tin("987654321")))
    told = system.run("what-if", NPI, str(other))
    assert (told.returncode, "another TIN" in told.stderr) == (1, True)
    assert "987654321" not in told.stderr + told.stdout
