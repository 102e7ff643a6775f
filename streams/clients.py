"""What opens clients of a cluster: aiokafka's, or those of the simulation over an in-memory log (``tests/replay``)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError


class PatientProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka is not typed
    """aiokafka's producer, which survives the loss of the broker that it is just asking for its coordinator.

    aiokafka asks any broker, and asks again where that one cannot be reached, but not where the connection is lost
    before the answer: its sender then ends, and every transaction with it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._look_up = self.client.coordinator_lookup
        self.client.coordinator_lookup = self._patient_lookup

    async def _patient_lookup(self, kind: int, key: str) -> Any:
        try:
            return await self._look_up(kind, key)
        except KafkaConnectionError as error:
            raise NodeNotReadyError(str(error)) from error  # which its sender tries again


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The kinds of client; each takes aiokafka's keyword arguments."""

    producer: Callable[..., Any] = PatientProducer
    consumer: Callable[..., Any] = AIOKafkaConsumer


AIOKAFKA = Clients()
