"""Logging: every event stands in the catalogue, and a line is one JSON document where no person reads it."""

import ast
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import structlog

from infra.log import Log, LogEvent, Seldom, configure_logging
from infra.settings import Settings

ROOT = Path(__file__).parents[2]
LOG_CALL = re.compile(r"(?:.+\.)?_?log\.(?:debug|info|warning|critical)")
CATALOGUE: tuple[str, ...] = get_args(LogEvent)


@pytest.fixture(autouse=True)
def logging_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the logging of the other tests as it was."""
    monkeypatch.setattr(logging.root, "handlers", [])
    loggers = [logging.getLogger(name) for name in ("", "asm", "aiokafka", "kafka", "faust", "mode")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    structlog.reset_defaults()


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a log in the program, and where it stands: ``log.info``, ``self.log.info``, ``self._log.info``."""
    for room in ("infra", "schemas", "streams", "processors"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and LOG_CALL.fullmatch(ast.unparse(node.func)):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_log_event_in_the_program_stands_in_the_catalogue() -> None:
    found = {where: call.args[0] for where, call in calls()}
    assert {ast.unparse(event) for event in found.values()} >= {"'worker_started'", "'projection_caught_up'"}
    unknown = {
        where: ast.unparse(event)
        for where, event in found.items()
        if not (isinstance(event, ast.Constant) and event.value in CATALOGUE)
    }
    assert unknown == {}


def test_no_name_stands_twice_in_the_catalogue() -> None:
    assert [name for name, count in Counter(CATALOGUE).items() if count > 1] == []
    assert [name for name in CATALOGUE if re.fullmatch(r"[a-z]+(_[a-z]+)+", name) is None] == []


def test_a_line_is_a_json_document_with_the_event_its_level_its_instant_and_its_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(log_format="json"))
    Log(partition=3).warning("records_refused", reasons={"MALFORMED_TIN": 2})
    printed = capsys.readouterr()
    (line,) = lines(printed.err)
    instant = datetime.fromisoformat(line.pop("timestamp"))
    assert instant.utcoffset() is not None
    assert line == {
        "event": "records_refused",
        "level": "warning",
        "partition": 3,
        "reasons": {"MALFORMED_TIN": 2},
    }
    assert printed.out == ""


def test_lines_are_json_where_no_person_reads_them(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())
    Log().info("worker_started")
    assert [line["event"] for line in lines(capsys.readouterr().err)] == ["worker_started"]


def test_a_person_may_ask_for_lines_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="console"))
    Log().info("worker_stopped", exit_code=0)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"\[info +\] worker_stopped +exit_code=0", line)


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["partition_let_go", "worker_started", "records_refused", "partition_failed"]),
        ("info", ["worker_started", "records_refused", "partition_failed"]),
        ("warning", ["records_refused", "partition_failed"]),
        ("error", ["partition_failed"]),
    ],
)
def test_the_level_says_what_is_left_out(level: Any, told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json", log_level=level))
    log = Log()
    log.debug("partition_let_go")
    log.info("worker_started")
    log.warning("records_refused")
    log.critical("partition_failed")
    assert [line["event"] for line in lines(capsys.readouterr().err)] == told


def test_libraries_are_logged_in_the_same_form_and_only_what_they_deem_worth_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(log_format="json"))
    logging.getLogger("kafka").warning("noise")
    logging.getLogger("somebody.else").info("noise")
    logging.getLogger("aiokafka.conn").error("the broker %s is away", "b1")
    found = lines(capsys.readouterr().err)
    assert [(line["event"], line["level"]) for line in found] == [("the broker b1 is away", "error")]


def test_a_library_says_the_same_once_a_minute_and_the_program_as_often_as_it_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(log_format="json"))
    for _ in range(3):
        logging.getLogger("aiokafka.conn").error("the broker %s is away", "b1")
        logging.getLogger("kafka.conn").error("the broker %s is away", "b1")
        Log().warning("unavailable_waiting", detail="b1")
    assert Counter(line["event"] for line in lines(capsys.readouterr().err)) == {
        "the broker b1 is away": 2,
        "unavailable_waiting": 3,
    }


def test_configuring_twice_prints_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json"))
    configure_logging(Settings(log_format="json"))
    Log().info("worker_started")
    assert len(lines(capsys.readouterr().err)) == 1


def test_an_error_is_told_with_its_traceback_on_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json"))
    logging.getLogger("faust").error("the worker failed", exc_info=ValueError("oops"))
    (line,) = lines(capsys.readouterr().err)
    assert "ValueError: oops" in line["exception"]


def test_what_a_library_repeats_is_told_once_in_a_while_with_how_often_it_was_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(log_format="json"))
    now = [100.0]
    (handler,) = logging.root.handlers
    handler.filters = [Seldom(10.0, lambda: now[0])]
    library = logging.getLogger("aiokafka.client")
    for instant in (100.0, 100.1, 109.9, 110.0, 110.1):
        now[0] = instant
        library.error("no connection to node %s: %s", 1, f"refused at {instant}")
        if instant == 109.9:
            library.error("no connection to node %s: %s", 2, "refused")
        Log().warning("projection_waiting")
    told = [line["event"] for line in lines(capsys.readouterr().err)]
    assert [event for event in told if event != "projection_waiting"] == [
        "no connection to node 1: refused at 100.0",
        "no connection to node 2: refused",
        "no connection to node 1: refused at 110.0 (and 2 times since it was last told)",
    ]
    assert told.count("projection_waiting") == 5
