"""A transaction waits for a cluster that has lost a leader, says so, goes on, and does not wait for ever."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaConnectionError, KafkaError
from structlog.testing import capture_logs

from infra.kafka.connection import Connection
from infra.settings import Settings
from streams.clients import AIOKAFKA, Clients, PatientProducer
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


def looking_up(kind: type[AIOKafkaProducer]) -> int:
    """Have a producer look for its coordinator while the broker that it asks is lost, and then ask another."""
    lost = [KafkaConnectionError("the connection is lost")]

    async def lookup(_self: Any, _kind: int, _key: str) -> int:
        if lost:
            raise lost.pop()
        return 2

    async def work() -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AIOKafkaClient, "coordinator_lookup", lookup)
            patch.setattr(AIOKafkaClient, "force_metadata_update", done)
            patch.setattr(AIOKafkaClient, "ready", done)
            producer = kind(bootstrap_servers="127.0.0.1:1", transactional_id="app-3", retry_backoff_ms=1)
            try:
                return int(await producer._sender._find_coordinator(CoordinationType.TRANSACTION, "app-3"))
            finally:
                await producer.stop()

    node: int = asyncio.run(work())
    return node


async def done(*_: Any, **__: Any) -> bool:
    return True


def test_the_producer_outlives_the_broker_that_it_asks_for_its_coordinator() -> None:
    assert AIOKAFKA.producer is PatientProducer
    assert looking_up(PatientProducer) == 2


def test_aiokafka_by_itself_does_not() -> None:
    with pytest.raises(KafkaError, match="the connection is lost"):
        looking_up(AIOKafkaProducer)
