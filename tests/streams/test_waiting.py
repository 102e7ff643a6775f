"""A machine that does not answer is waited for with back-off, up to a limit, and each attempt is said."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infra.errors import Unavailable
from infra.log import configure_logging
from infra.settings import Settings
from streams.waiting import GivenUp, Patience, Wait

AWAY = "The cluster does not answer."


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Leave the logging of the other tests as it was."""
    loggers = [logging.getLogger(name) for name in ("", "asm", "aiokafka", "kafka", "faust", "mode")]
    levels, handlers = [logger.level for logger in loggers], logging.root.handlers
    yield
    logging.root.handlers = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    structlog.reset_defaults()


def test_pauses_grow_up_to_ten_seconds_and_the_last_ends_at_the_limit() -> None:
    now = Hand()
    patience = Patience(27.0, now)
    waits = []
    for _ in range(6):
        waits.append(patience.missed(AWAY))
        now.at += waits[-1].pause
    with pytest.raises(GivenUp, match=r"does not answer\. It was waited for 27 s, ASM_UNAVAILABLE_LIMIT_SECONDS is 27"):
        patience.missed(AWAY)
    assert waits == [Wait(0, 0.5), Wait(0.5, 1), Wait(1.5, 2), Wait(3.5, 5), Wait(8.5, 10), Wait(18.5, 8.5)]


def test_what_works_once_is_waited_for_anew() -> None:
    now = Hand()
    patience = Patience(10.0, now)
    patience.missed(AWAY)
    now.at += 9
    patience.worked()
    now.at += 9
    assert patience.missed(AWAY) == Wait(0, 0.5)


def test_each_attempt_is_said_and_how_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json"))
    now = Hand()
    patience = Patience(20.0, now)
    patience.failed(AWAY)
    now.at += 6
    patience.failed(AWAY)
    patience.worked()
    patience.worked()
    patience.failed(AWAY)
    now.at += 20
    with pytest.raises(GivenUp):
        patience.failed(AWAY)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for line in lines:
        del line["timestamp"]
    assert lines == [
        {"event": "unavailable_waiting", "level": "warning", "detail": AWAY, "waited_seconds": 0, "seconds": 0.5},
        {"event": "unavailable_waiting", "level": "warning", "detail": AWAY, "waited_seconds": 6, "seconds": 1},
        {"event": "unavailable_over", "level": "info", "waited_seconds": 6},
        {"event": "unavailable_waiting", "level": "warning", "detail": AWAY, "waited_seconds": 0, "seconds": 0.5},
        {"event": "unavailable_given_up", "level": "critical", "detail": AWAY, "waited_seconds": 20},
    ]


def test_work_is_tried_again_while_something_is_unavailable_and_no_longer() -> None:
    left = [2]

    def work() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise Unavailable(AWAY)

    Patience(60.0).keep_trying(work)
    assert left == [-1]


def test_who_is_told_to_stop_tries_no_more() -> None:
    patience = Patience(60.0)
    tried = []

    def work() -> None:
        tried.append(1)
        patience.stopping = True
        raise Unavailable(AWAY)

    patience.keep_trying(work)
    assert tried == [1]


def test_without_patience_the_first_failure_is_the_last() -> None:
    def work() -> None:
        raise Unavailable(AWAY)

    with pytest.raises(GivenUp, match="waited for 0 s"):
        Patience(0.0).keep_trying(work)
