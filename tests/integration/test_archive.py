"""The archive on a real Kafka: exported, verified, and a broker that lost everything restored from it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processors.simulation import simulate
from tests.integration.system import System
from tests.integration.test_worker import BOOKS
from tests.making import DUE, at

pytestmark = pytest.mark.integration
END = at("2028-04-20")


def play(system: System) -> None:
    """A year of a few clinicians through a worker, which ends."""
    world = simulate(5, 8, BOOKS[min(BOOKS)])
    worker = system.worker()
    for since, until in ((at("2000-01-01"), at("2027-03-01")), (at("2027-03-01"), DUE), (DUE, END)):
        system.send(item for item in world if since <= item.received_at < until)
        system.set_clock(until)
    system.await_tick(END)
    worker.stop()


def run(system: System, *arguments: str) -> str:
    told = system.run("journal", *arguments)
    assert (told.returncode, told.stderr) == (0, "")
    return told.stdout.strip()


def said(system: System) -> dict[str, Any]:
    """Every output by its id, apart from where its cause lies."""
    topics = ("asm.scores.v1", "asm.compliance.v1", "asm.findings.v1")
    outputs = [o for topic in topics for o in system.outputs(topic)]
    found = {o.emitted_id: replace(o, cause=replace(o.cause, journal_offset=0)) for o in outputs}
    assert len(found) == len(outputs) > 0
    return found


def lying(system: System, topic: str) -> list[Any]:
    """The records of a topic, apart from their offsets."""
    records = sorted(system.read(topic), key=lambda record: (record.partition, record.offset))
    return [(r.partition, r.key, r.value, r.timestamp, r.headers) for r in records]


def test_a_broker_that_lost_everything_is_restored_also_into_another_number_of_partitions(
    system: System, tmp_path: Path
) -> None:
    play(system)
    out = str(tmp_path / "archive")
    exported = json.loads(run(system, "export", "--out", out, "--json"))
    assert (exported["manifest"], "previous" in exported) == ("manifest-000001.json", False)
    assert run(system, "export", "--out", out) == f"Nothing new since the last manifest in {out}."
    digest = run(system, "digest")
    same, other = system.beside("same."), system.beside("other.", partitions=3)
    for restored in (same, other):
        run(restored, "import", out, "--why", "the disk died")
        restored.worker()
    for restored in (same, other):
        restored.await_tick(END)
        assert run(restored, "digest") == digest
        assert said(restored) == said(system)
        verdict = json.loads(run(restored, "verify", out, "--head", exported["sha256"], "--against-cluster", "--json"))
        assert verdict["cluster"] == {"same": len(said(system)), "otherwise": 0, "missing": 0, "more": 0, "behind": 0}
    assert lying(same, "asm.journal.v1") == lying(system, "asm.journal.v1")
    assert lying(same, "asm.operations.v1")[:-1] == lying(system, "asm.operations.v1")
    assert {r.partition for r in other.journal()} == {0, 1, 2}
    refused = same.run("journal", "import", out, "--why", "again")
    assert (refused.returncode, "an import is done" in refused.stderr) == (1, True)
