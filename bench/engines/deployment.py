"""A deployment of this system on the benchmark's broker: settings, names of topics, and the environment of a worker."""

from dataclasses import dataclass

from bench.engines.cluster import PARTITIONS
from infra.kafka.connection import Connection
from infra.kafka.topics import apply_topics, topic_names
from infra.settings import Settings
from schemas.topics import LIVE, TopicNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A namespace on the broker, as one generation sees it."""

    bootstrap: str
    namespace: str
    generation: str = LIVE

    @property
    def settings(self) -> Settings:
        """What a worker is told."""
        return Settings.model_validate(
            {
                "kafka_bootstrap": self.bootstrap,
                "namespace": self.namespace,
                "generation": self.generation,
                "clock": "events",
                "partitions": PARTITIONS,
            }
        )

    @property
    def environment(self) -> dict[str, str]:
        """The same, as a worker's process reads it; what it logs is for the observer."""
        return {
            "ASM_KAFKA_BOOTSTRAP": self.bootstrap,
            "ASM_NAMESPACE": self.namespace,
            "ASM_GENERATION": self.generation,
            "ASM_CLOCK": "events",
            "ASM_PARTITIONS": str(PARTITIONS),
            "ASM_LOG_FORMAT": "json",
            "ASM_LOG_LEVEL": "info",
        }

    @property
    def names(self) -> TopicNames:
        """The names of its topics."""
        return topic_names(self.settings)

    @property
    def connection(self) -> Connection:
        """How its clients reach the broker."""
        return Connection(self.bootstrap, embedded=True, settings=self.settings)

    def create_topics(self) -> None:
        """Create the topics that are missing.

        :raises RuntimeError: some are otherwise than declared.
        """
        if wrong := apply_topics(self.connection)[1]:
            raise RuntimeError(f"topics of {self.namespace} are otherwise than declared: {wrong}")
