"""What a worker tells of its batches and of partitions that stand still."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from infra.log import Log, configure_logging
from infra.progress import Holding, Progress
from infra.settings import Settings
from streams import batch_log, progress_watch
from streams.batch_log import Batch, BatchLog
from streams.progress_watch import ProgressWatch, Sight
from tests.infra.test_log import logging_of_its_own

TOPIC = TopicPartition("t.asm.journal.v1", 3)


class Dial:
    """A clock that a test moves."""

    seconds = 500.0

    def __call__(self) -> float:
        return self.seconds


__all__ = ["logging_of_its_own"]  # a fixture of these tests too


@pytest.fixture
def dial() -> Dial:
    return Dial()


@pytest.fixture
def progress(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> Progress:
    """The progress of this process, with a clock that a test moves."""
    told = Progress(now=dial)
    monkeypatch.setattr(progress_watch, "PROGRESS", told)
    monkeypatch.setattr(batch_log, "PROGRESS", told)
    told.hold("assessment", 3, Holding.WORKING)
    return told


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [{name: value for name, value in line.items() if name not in {"timestamp", "level"}} for line in found]


def batch(records: int, offset: int, outputs: int = 0) -> Batch:
    return Batch(records=records, outputs=outputs, seconds=0.25, offsets={"asm.journal.v1": offset})


def test_batches_are_told_at_once_and_then_summed_up_for_ten_seconds(
    progress: Progress, dial: Dial, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format="json"))
    told = BatchLog("assessment", 3, Log(app="a", partition=3), dial)
    told.done(batch(5, 5))
    for offset in (6, 7):
        told.done(batch(1, offset, outputs=2))
    dial.seconds += 10
    told.tell()
    told.tell()
    common = {"app": "a", "partition": 3, "event": "batches_done", "lag": 0}
    assert lines(capsys) == [
        common | {"batches": 1, "records": 5, "outputs": 0, "seconds": 0.25, "offsets": {"asm.journal.v1": 5}},
        common | {"batches": 2, "records": 2, "outputs": 4, "seconds": 0.5, "offsets": {"asm.journal.v1": 7}},
    ]


def test_marks_alone_are_worth_no_line(progress: Progress, dial: Dial, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json"))
    told = BatchLog("assessment", 3, Log(), dial)
    told.done(batch(0, 5))
    assert lines(capsys) == []


def test_who_hunts_a_fault_gets_a_line_a_batch(
    progress: Progress, dial: Dial, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format="json", log_level="debug"))
    progress.look("assessment", 3, "asm.journal.v1", next_offset=5, end=9)
    told = BatchLog("assessment", 3, Log(app="a", partition=3), dial)
    told.done(batch(0, 5))
    assert lines(capsys) == [
        {
            "app": "a",
            "partition": 3,
            "event": "batch_done",
            "records": 0,
            "outputs": 0,
            "seconds": 0.25,
            "offsets": {"asm.journal.v1": 5},
            "lag": 4,
        }
    ]


def test_a_partition_that_stands_still_is_told_with_its_last_offset_lag_and_seconds(
    progress: Progress, dial: Dial, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format="json"))
    settled = {TOPIC: 10}

    async def ends(wanted: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(wanted, 30)

    sight = Sight(partitions=lambda: [3], settled_below=settled.get, ends=ends, tell=lambda: None)
    watch = ProgressWatch("assessment", {TOPIC.topic: "asm.journal.v1"}, sight, limit_seconds=60)
    for seconds in (0, 61, 5):
        dial.seconds += seconds
        asyncio.run(watch.look())
    settled[TOPIC] = 30
    asyncio.run(watch.look())
    common = {"stage": "assessment", "partition": 3, "topic": "asm.journal.v1"}
    assert lines(capsys) == [
        common | {"event": "partition_stalled", "last_offset": 9, "lag": 20, "seconds_since_progress": 61.0},
        common | {"event": "partition_moving", "last_offset": 29, "lag": 0, "seconds_since_progress": 0.0},
    ]


def test_a_broker_that_does_not_answer_hides_no_standstill_and_ends_no_watch(
    progress: Progress, dial: Dial, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format="json"))
    answers = iter([{TOPIC: 30}])

    async def ends(_: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        for answer in answers:
            return answer
        raise KafkaConnectionError

    sight = Sight(partitions=lambda: [3], settled_below=lambda _: 10, ends=ends, tell=lambda: None)
    watch = ProgressWatch("assessment", {TOPIC.topic: "asm.journal.v1"}, sight, limit_seconds=60)
    for seconds in (0, 61):
        dial.seconds += seconds
        asyncio.run(watch.look())
    assert [line["event"] for line in lines(capsys)] == ["partition_stalled"]
