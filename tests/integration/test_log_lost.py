"""A position that the log does not have any more stops its reader loudly, on a real Kafka."""

import json
import re
import signal

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from infra.kafka.groups import committed_offsets
from infra.kafka.topics import admin
from processors.simulated_world import Timed
from schemas.codec import decode
from schemas.partitioning import partition_of
from schemas.records import OperationRecorded
from schemas.topics import contract
from tests.integration.system import PARTITIONS, System, Worker, await_that
from tests.making import OTHER_NPI, TIN, at, listed

pytestmark = pytest.mark.integration
LISTED = contract().topic_of("ParticipantListed")
HOME = partition_of(TIN.digits.encode(), PARTITIONS)

QUIET = {"enable_auto_commit": False, "auto_offset_reset": "latest"}


def send_rosters(system: System, first: int, count: int) -> None:
    system.send(Timed(at("2027-01-05"), listed(event_id=f"roster-{n}")) for n in range(first, first + count))


def delete_below(system: System, topic: str, offset: int) -> None:
    """As retention does."""
    with admin(system.connection) as client:
        client.delete_records({TopicPartition(system.names.of(topic), HOME): offset})


def group(system: System, stage: str) -> str:
    return f"{system.settings.namespace}asm-{stage}"


def offset_of(system: System, stage: str, topic: str) -> int | None:
    tp = TopicPartition(system.names.of(topic), HOME)
    return committed_offsets(system.connection, group(system, stage)).get(tp)


def why(worker: Worker) -> list[str]:
    lines = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    return [line["detail"] for line in lines if line["event"] in {"log_lost", "partition_failed"}]


@pytest.fixture
def admitted(system: System) -> tuple[System, Worker]:
    """A system whose worker has admitted three records and is stopped."""
    worker = system.worker()
    send_rosters(system, 0, 3)
    await_that(lambda: offset_of(system, "admission", LISTED) == 3, 60, "three records admitted")
    return system, worker


def test_retention_that_passed_a_stopped_worker_stops_it_until_an_operator_accepts_the_loss(
    admitted: tuple[System, Worker],
) -> None:
    system, worker = admitted
    assert worker.stop() == 0
    send_rosters(system, 3, 4)
    delete_below(system, LISTED, 6)
    again = system.worker()
    assert again.process.wait(60) == 1
    topic = system.names.of(LISTED)
    told = f"it is at offset 3 of partition {HOME} of {topic}, which begins at 6: up to 3 records were deleted unread"
    assert why(again) == [f"{group(system, 'admission')} cannot go on: {told}. See docs/operations/log-lost.md."]
    seen = system.run("topics", "lost")
    assert (seen.returncode, topic in seen.stdout) == (1, True)
    assert system.run("topics", "lost", "--accept").returncode == 2
    accepted = system.run("topics", "lost", "--accept", "--why", "the feed sends them again", "--by", "ops")
    assert (accepted.returncode, accepted.stderr) == (0, "asm: Accepted: admission goes on where these logs begin.\n")
    recorded: list[OperationRecorded] = [decode(record.value) for record in system.read("asm.operations.v1")]
    assert [(r.actor, r.command, r.reason, r.items) for r in recorded] == [
        ("ops", "topics lost --accept", "the feed sends them again", (f"{topic}/{HOME}: 3 -> 6",))
    ]
    third = system.worker()
    await_that(lambda: offset_of(system, "admission", LISTED) == 7, 60, "the record that is left")
    assert system.run("topics", "lost", "--json").stdout == "[]\n"
    assert third.process.poll() is None


def test_a_loss_is_not_accepted_while_somebody_admits(admitted: tuple[System, Worker]) -> None:
    system, worker = admitted
    assert worker.stop() == 0
    delete_below(system, LISTED, 3)
    home = TopicPartition(system.names.of(LISTED), HOME)
    with admin(system.connection) as client:
        client.alter_group_offsets(group(system, "admission"), {home: OffsetAndMetadata(1, "", -1)})
    member = KafkaConsumer(
        home.topic, bootstrap_servers=system.connection.bootstrap, group_id=group(system, "admission"), **QUIET
    )
    try:
        await_that(lambda: bool(member.poll(timeout_ms=200) or member.assignment()), 30, "a member of the group")
        refused = system.run("topics", "lost", "--accept", "--why", "in a hurry")
    finally:
        member.close()
    told = "run: stop them first, else they would go on from where they are."
    assert (refused.returncode, refused.stderr) == (3, f"asm: Workers of {group(system, 'admission')} {told}\n")
    assert offset_of(system, "admission", LISTED) == 1
    assert system.read("asm.operations.v1") == []


def test_retention_that_passes_a_frozen_worker_stops_it_when_it_wakes_up(admitted: tuple[System, Worker]) -> None:
    system, worker = admitted
    worker.process.send_signal(signal.SIGSTOP)
    await_that(worker.is_frozen, 10, "the worker frozen")
    send_rosters(system, 3, 1)  # the fetch that is under way is answered
    send_rosters(system, 4, 3)
    delete_below(system, LISTED, 7)
    worker.wake()
    assert worker.process.wait(60) == 1
    (told,) = why(worker)  # at 3 or 4: whether a fetch was under way
    assert re.sub(r"offset [34] of", "offset N of", told).split(" of ")[0] == (
        f"{group(system, 'admission')} cannot go on: it is at offset N"
    )
    assert ", which begins at 7: " in told


def test_a_log_that_ends_before_what_was_read_stops_the_worker(admitted: tuple[System, Worker]) -> None:
    system, worker = admitted
    assert worker.stop() == 0
    home = TopicPartition(system.names.of(LISTED), HOME)
    with admin(system.connection) as client:  # the group has read what the broker no longer has
        client.alter_group_offsets(group(system, "admission"), {home: OffsetAndMetadata(9, "", -1)})
    again = system.worker()
    assert again.process.wait(60) == 1
    assert [line.split("which ")[1] for line in why(again)] == [
        "ends at 3: the broker lost records that were read. See docs/operations/log-lost.md."
    ]
    assert system.run("topics", "lost", "--accept", "--why", "disk lost").returncode == 0
    third = system.worker()
    await_that(lambda: offset_of(system, "admission", LISTED) == 3, 60, "what is there read again")
    assert third.stop() == 0
    whole = system.run("topics", "lost", "--accept", "--again", str(HOME), "--why", "the journal's disk lost")
    assert (whole.returncode, offset_of(system, "admission", LISTED)) == (0, 0)


def test_a_generation_does_not_begin_on_a_journal_without_its_beginning(admitted: tuple[System, Worker]) -> None:
    system, worker = admitted
    await_that(lambda: HOME in system.marks(), 60, "something assessed")
    assert worker.stop() == 0
    delete_below(system, "asm.journal.v1", 2)
    assert system.run("topics", "apply", ASM_GENERATION="second").returncode == 0
    second = system.worker("--no-supervise", "--only", "assessment", ASM_GENERATION="second")
    assert second.process.wait(60) == 1
    journal = system.names.of("asm.journal.v1")
    told = f"partition {HOME} of {journal} begins at offset 2, the records before it were deleted"
    group_says = f"{group(system, 'assessment-second')} begins, and needs the whole journal: {told}."
    assert why(second) == [f"{group_says} See docs/operations/log-lost.md."]


def test_a_view_that_retention_passed_by_says_so_and_is_made_anew(admitted: tuple[System, Worker]) -> None:
    system, _ = admitted
    system.set_clock(at("2027-02-01"))
    system.await_tick(at("2027-02-01"))
    assert system.run("project", "--once").returncode == 0
    before = len(system.outputs("asm.scores.v1"))
    system.send([Timed(at("2027-02-02"), listed(event_id="another", npi=OTHER_NPI))])
    system.set_clock(at("2027-03-01"))
    system.await_tick(at("2027-03-01"))
    scores = system.read("asm.scores.v1")
    assert len(scores) > before
    delete_below(system, "asm.scores.v1", scores[-1].offset + 1)
    told = system.run("project", "--once")
    assert (told.returncode, told.stderr.splitlines()[-1].split(" of ")[0]) == (1, "asm: The log has no offset 1")
    assert system.run("project", "--rebuild").returncode == 0
    assert system.run("project", "--once").returncode == 0


def test_what_a_worker_reads_next_is_in_the_log_of_a_fresh_system(system: System) -> None:
    fresh = system.run("topics", "lost")
    assert (fresh.returncode, fresh.stdout) == (0, "Everything that admission reads next is in the log.\n")
