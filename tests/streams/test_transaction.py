"""A transaction waits for a cluster that has lost a leader, says so, goes on, and does not wait for ever."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from infra.kafka.connection import Connection
from infra.settings import Settings
from streams.clients import Clients
from streams.transaction import LIMIT_SECONDS, FencedProducer
from tests.replay.loop import run


class SlowProducer:
    """Stands in for aiokafka's: its commit takes as long as the coordinator is away."""

    seconds: float = 0.0

    def __init__(self, **_options: Any) -> None: ...

    async def start(self) -> None: ...

    async def begin_transaction(self) -> None: ...

    async def commit_transaction(self) -> None:
        await asyncio.sleep(self.seconds)


def committing(seconds: float) -> Callable[[], Any]:
    async def work() -> None:
        kind = type("Slow", (SlowProducer,), {"seconds": seconds})
        connection = Connection("127.0.0.1:1", embedded=False, settings=Settings())
        producer = FencedProducer("app-3", connection, Clients(producer=kind))
        await producer.open()
        await producer.commit({}, 3, None)

    return lambda: run(work())


def told(logs: list[Any]) -> list[tuple[str, str, float]]:
    return [(line["event"], line["producer"], line["seconds"]) for line in logs]


@pytest.mark.parametrize(
    ("seconds", "events"),
    [
        (1.9, []),
        (3.5, [("transaction_waiting", 2.0), ("transaction_resumed", 3.5)]),
        (9.0, [("transaction_waiting", s) for s in (2.0, 4.0, 8.0)] + [("transaction_resumed", 9.0)]),
    ],
)
def test_a_transaction_that_waits_says_so_seldom_and_when_it_goes_on(
    seconds: float, events: list[tuple[str, float]]
) -> None:
    with capture_logs() as logs:
        committing(seconds)()
    assert told(logs) == [(event, "app-3", after) for event, after in events]


def test_a_transaction_does_not_wait_for_ever() -> None:
    with capture_logs() as logs, pytest.raises(TimeoutError):
        committing(LIMIT_SECONDS + 1)()
    assert told(logs) == [("transaction_waiting", "app-3", s) for s in (2.0, 4.0, 8.0, 16.0, 32.0)]
