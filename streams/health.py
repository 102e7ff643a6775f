"""Words about this system's own health: what was said, and saying more."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import topic_names
from infra.kafka.writing import close_producer, open_producer
from schemas.codec import decode, encode
from schemas.records import HealthChanged

HEALTH = "asm.health.v1"
_FLUSH_SECONDS = 30


class HealthVoice:
    """Says words about health on Kafka, each before it returns."""

    def __init__(self, topic: str, producer: KafkaProducer) -> None:
        self._topic = topic
        self._producer = producer

    def say(self, said: HealthChanged) -> None:
        """Say a word.

        :raises Unavailable: Kafka did not take it.
        """
        try:
            self._producer.send(self._topic, key=said.name.encode(), value=encode(said)).get(timeout=_FLUSH_SECONDS)
        except KafkaError as error:
            raise Unavailable(f"Kafka did not take what was said of {said.subject} {said.name}.") from error


@contextmanager
def health_voice(connection: Connection) -> Iterator[HealthVoice]:
    """Yield who says words about health.

    :raises Unavailable: the cluster does not answer.
    """
    producer = open_producer(connection, enable_idempotence=True)
    try:
        yield HealthVoice(topic_names(connection.settings).of(HEALTH), producer)
    finally:
        close_producer(producer)


def health_said(connection: Connection) -> Iterator[HealthChanged]:
    """Yield what was said up to now; of one name in the order in which it was said.

    :raises Unavailable: the cluster does not answer, or has not the topic.
    """
    with reader(connection, topic_names(connection.settings).of(HEALTH)) as before:
        for record in records_to_end(before):
            yield decode(record.value)
