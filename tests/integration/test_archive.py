"""The archive on a real Kafka: exported, verified, and a broker that lost everything restored from it."""

import json
import signal
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

from infra.errors import LogLost
from infra.kafka.topics import admin
from processors.events import LawPromoted
from processors.outputs import RECALCULATION
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import decode, encode
from schemas.records import ClockSet
from streams.admission import Rules, inbound_of, milliseconds
from streams.archive import Exported, Order, export
from streams.archive_check import verify
from streams.archive_compare import Comparison, compare
from streams.archive_import import Imported, import_archive
from streams.archive_import import Order as ImportOrder
from streams.archive_manifest import ArchiveRefused
from streams.recalculations import recalculations
from streams.state_digest import digest_on
from tests.integration.system import PARTITIONS, System
from tests.integration.test_worker import BOOKS
from tests.making import DUE, at, listed
from tests.streams.laws import QUALITY, write_rulebooks

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
    """A year of a few clinicians through a worker, which ends; in the middle of it another law is promoted."""
    world = simulate(5, 8, BOOKS[min(BOOKS)])
    worker = system.worker()
    for since, until in ((at("2000-01-01"), at("2027-03-01")), (at("2027-03-01"), DUE), (DUE, END)):
        system.send(item for item in world if since <= item.received_at < until)
        system.set_clock(until)
        system.await_tick(until)
        if until == DUE:
            promote(system)
    worker.stop()


def promote(system: System) -> None:
    folder = str(write_rulebooks(system.folder / "cases", (QUALITY, "case_minimum", "value    = 20", "value    = 60")))
    for command in (("start", "cases", "--rulebook", folder), ("promote", "cases")):
        told = system.run("replay", *command, "--reason", "a correction")
        assert told.returncode == 0, told.stderr


def die(system: System, where: str, *arguments: str) -> None:
    """Run a command that is killed in the middle of it."""
    program = system.start_command([sys.executable, "-c", DYING, where, "journal", *arguments])
    assert program.process.wait(60) == -signal.SIGKILL


def exported(system: System, folder: Path, year: int | None = None) -> Exported:
    done = export(system.connection, Order(folder=folder, actor="a", reason="r", performance_year=year), silent)
    assert done is not None
    return done


def imported(system: System, folder: Path) -> Imported:
    head = verify(folder).head
    assert head is not None
    order = ImportOrder(folder=folder, head=head, actor="a", reason="the disk died")
    return import_archive(system.connection, order, silent)


def silent(*_: object) -> None:
    """Tell nobody of the progress."""


def counted(done: Exported) -> int:
    return sum(file.count for file in done.manifest.files)


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
    out = tmp_path / "archive"
    told = system.run("journal", "export", "--out", str(out), "--json")
    assert (told.returncode, json.loads(told.stdout)["manifest"]) == (0, "manifest-000001.json")
    assert export(system.connection, Order(folder=out, actor="a", reason="r"), silent) is None
    digest = digest_on(system.connection).hexdigest()
    same, other = system.beside("same."), system.beside("other.", partitions=3)
    die(same, "import", "import", str(out), "--why", "the disk died")
    for restored, resumed_at in ((same, 40), (other, 0)):
        done = imported(restored, out)
        assert (done.partitions, done.resumed_at) == (restored.partitions, resumed_at)
        restored.worker()
    for restored in (same, other):
        restored.await_tick(END)
        assert digest_on(restored.connection).hexdigest() == digest
        assert said(restored) == said(system)
        compared = compare(restored.connection, out, silent)
        assert compared == Comparison(same=len(said(system)), otherwise=0, missing=0, more=0, behind=0)
    assert lying(same, "asm.journal.v1") == lying(system, "asm.journal.v1")
    operations = lying(system, "asm.operations.v1")
    assert lying(same, "asm.operations.v1")[: len(operations)] == operations
    assert [r.completed is not None for r in recalculations(same.outputs("asm.operations.v1"))] == [True]
    promoted = [r.partition for r in other.journal() if r.key is None and isinstance(decode(r.value), LawPromoted)]
    assert sorted(promoted) == [0, 1, 2]
    assert sum(output.cause.type == RECALCULATION for output in said(other).values()) > 0


def journal(system: System, events: Iterable[Timed[Any]]) -> None:
    """Write events into the journal, as admission does."""
    for item in events:
        told = inbound_of(item.event, Rules(partitions=PARTITIONS), timestamp=milliseconds(item.received_at))
        sent = system.send_bytes(
            "asm.journal.v1", told.key, told.value or b"", item.received_at, origin=told.origin.encode()
        )
        sent.get(timeout=30)


def test_an_export_goes_on_where_the_last_manifest_ended_and_is_whole_or_not_there(
    system: System, tmp_path: Path
) -> None:
    out, of_2027 = tmp_path / "archive", tmp_path / "2027"
    world = simulate(7, 4, BOOKS[min(BOOKS)])[:40]
    journal(system, world[:20])
    die(system, "settle", "export", "--out", str(out))
    die(system, "write_manifest", "export", "--out", str(out))
    assert [path.name for path in out.glob("*.json")] == []
    first = exported(system, out)
    journal(system, [*world[20:], Timed(END, listed(performance_year=2028))])
    second = exported(system, out)
    assert (second.manifest.number, second.manifest.previous) == (2, first.file_sha256)
    ends = {(f.topic, f.partition): f.end for f in first.manifest.files}
    assert {(f.topic, f.partition): f.first for f in second.manifest.files} == ends
    verdict = verify(out, head=second.file_sha256)
    assert (verdict.problems, verdict.records) == ((), counted(first) + counted(second))
    assert sorted(p.name for p in out.iterdir()) == [".lock", "000001", "000002", *MANIFESTS, "schemas"]
    with pytest.raises(ArchiveRefused, match="is of performance year all"):
        exported(system, out, 2027)
    extract = exported(system, of_2027, 2027).manifest.files
    assert sum(f.left_out for f in extract if f.topic == "asm.journal.v1") == 1
    restored = system.beside("restored.")
    assert imported(restored, out).rows == counted(first) + counted(second)
    assert lying(restored, "asm.journal.v1") == lying(system, "asm.journal.v1")
    with pytest.raises(ArchiveRefused, match="an import is done"):
        imported(restored, of_2027)
    with pytest.raises(ArchiveRefused, match="of another journal than this cluster's"):
        exported(restored, out)
    with pytest.raises(ArchiveRefused, match="is not empty"):
        imported(system, out)


def test_what_was_deleted_before_it_was_archived_is_told(system: System, tmp_path: Path) -> None:
    for count in (3, 5):
        for number in range(count):
            system.send_bytes("asm.operations.v1", None, encode(ClockSet(instant=END)), END, number=b"%d" % number)
        system.set_clock(END)  # which waits until all are sent
        if count == 3:
            exported(system, tmp_path)
    operations = TopicPartition(system.names.of("asm.operations.v1"), 0)
    with admin(system.connection) as client:
        client.delete_records({operations: 6})
    with pytest.raises(LogLost, match="up to offset 4, and the log has offsets 6 to 9"):
        exported(system, tmp_path)
    assert verify(tmp_path).problems == ()
