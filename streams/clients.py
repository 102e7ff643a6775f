"""What opens clients of a cluster: aiokafka's, or those of the simulation over an in-memory log (``tests/replay``)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The kinds of client; each takes aiokafka's keyword arguments."""

    producer: Callable[..., Any] = AIOKafkaProducer
    consumer: Callable[..., Any] = AIOKafkaConsumer


AIOKAFKA = Clients()
