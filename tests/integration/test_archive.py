"""The archive on a real Kafka: exported, verified, and a broker that lost everything restored from it."""

import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processors.simulated_world import Timed
from processors.simulation import simulate
from tests.integration.system import System
from tests.integration.test_worker import BOOKS
from tests.making import DUE, at, listed

pytestmark = pytest.mark.integration
END = at("2028-04-20")
MANIFESTS = ["manifest-000001.json", "manifest-000002.json"]
DYING = """
import os, signal, sys
from streams import archive, archive_import
from streams.commands import main

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Dying(archive_import._Importer):
    def _commit(self, chunk, written, said):
        if written > 2 * archive_import._AT_ONCE:
            self._producer.begin_transaction()
            for placed in chunk:
                self._send(placed)
            self._producer.flush()
            die()
        super()._commit(chunk, written, said)

where = sys.argv.pop(1)
if where == "import":
    archive_import._AT_ONCE, archive_import._Importer = 20, Dying
else:
    setattr(archive, where, die)
main()
"""


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


def die(system: System, where: str, *arguments: str) -> None:
    """Run a command that is killed in the middle of it."""
    program = system.start_command([sys.executable, "-c", DYING, where, "journal", *arguments])
    assert program.process.wait(60) == -signal.SIGKILL


def test_exports_and_imports_that_are_killed_leave_nothing_half(system: System, tmp_path: Path) -> None:
    out = tmp_path / "archive"
    world = simulate(7, 4, BOOKS[min(BOOKS)])
    system.worker()
    system.send(world[:40])
    system.set_clock(at("2028-01-01"))
    system.await_tick(at("2028-01-01"))
    die(system, "settle", "export", "--out", str(out))
    die(system, "write_manifest", "export", "--out", str(out))
    assert [path.name for path in out.glob("*.json")] == []
    first = json.loads(run(system, "export", "--out", str(out), "--json"))
    system.send([*world[40:], Timed(END, listed(performance_year=2028))])
    system.set_clock(END)
    system.await_tick(END)
    second = json.loads(run(system, "export", "--out", str(out), "--json"))
    assert (second["manifest"], second["previous"]) == ("manifest-000002.json", first["sha256"])
    ends = {(f["topic"], f["partition"]): f["end"] for f in first["files"]}
    assert {(f["topic"], f["partition"]): f["first"] for f in second["files"]} == ends
    verdict = json.loads(run(system, "verify", str(out), "--head", second["sha256"], "--json"))
    assert (verdict["manifests"], verdict["records"]) == (2, first["records"] + second["records"])
    assert sorted(p.name for p in out.iterdir()) == [".lock", "000001", "000002", *MANIFESTS, "schemas"]
    refused = system.run("journal", "export", "--out", str(out), "--year", "2027")
    assert (refused.returncode, "is of performance year all" in refused.stderr) == (1, True)
    extract = json.loads(run(system, "export", "--out", str(tmp_path / "2027"), "--year", "2027", "--json"))
    assert extract["left_out"] > 0
    restored = system.beside("restored.")
    die(restored, "import", "import", str(out), "--why", "the disk died")
    other = restored.run("journal", "import", str(tmp_path / "2027"), "--why", "the disk died")
    assert (other.returncode, "another archive was begun" in other.stderr) == (1, True)
    assert "records imported, 40 of them before it was interrupted" in run(
        restored, "import", str(out), "--why", "again"
    )
    assert lying(restored, "asm.journal.v1") == lying(system, "asm.journal.v1")
    assert lying(restored, "asm.rulebooks.v1") == lying(system, "asm.rulebooks.v1")
    refused = restored.run("journal", "export", "--out", str(out))
    assert (refused.returncode, "of another journal than this cluster's" in refused.stderr) == (1, True)
    refused = system.run("journal", "import", str(out), "--why", "by mistake")
    assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)
