"""The contract's topics on a cluster: create what is missing, tell what is otherwise."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection, unreachable
from infra.settings import Settings
from schemas.topics import Topic, TopicNames, contract

DEFAULT_PARTITIONS, EMBEDDED_PARTITIONS = 12, 4
JOURNAL = "asm.journal.v1"
MISSING = "is not on the cluster"


@dataclass(frozen=True, slots=True)
class Deviation:
    """What is otherwise on the cluster than declared; ``mendable`` by ``asm topics apply``."""

    topic: str
    what: str
    mendable: bool


def topic_names(settings: Settings) -> TopicNames:
    """Return the names of topics in this deployment and generation."""
    return TopicNames(settings.namespace, settings.generation)


@contextmanager
def admin(connection: Connection) -> Iterator[KafkaAdminClient]:
    """Yield a client for questions about the cluster.

    :raises Unavailable: the cluster does not answer.
    """
    try:
        client = KafkaAdminClient(**connection.kafka_python(), request_timeout_ms=20_000)
    except KafkaError as error:
        raise unreachable(connection, error) from error
    try:
        yield client
    except KafkaError as error:
        raise unreachable(connection, error) from error
    finally:
        client.close()


def missing_topic(name: str) -> Unavailable:
    """Say that a topic is missing, and how to make it."""
    return Unavailable(f"The topic {name} is not on the cluster: run `asm topics apply`.")


def journal_partitions(connection: Connection) -> int:
    """Return the journal's partition count on the cluster.

    :raises Unavailable: the journal is not there.
    """
    return _require(connection, [topic_names(connection.settings).of(JOURNAL)])


def topic_id(connection: Connection, name: str) -> str:
    """Return the cluster's own id of a topic, which a topic that is made anew under its name has not.

    :raises Unavailable: the topic is not there, or the cluster does not answer.
    """
    with admin(connection) as client:
        found = [str(t["topic_id"]) for t in client.describe_topics() if t["name"] == name and not t["error_code"]]
    if not found:
        raise missing_topic(name)
    return found[0]


def require_topics(connection: Connection) -> int:
    """Make sure that every topic of this deployment and generation is there; return the journal's partition count.

    :raises Unavailable: one is not.
    """
    return _require(connection, [name for name, _ in _named(connection.settings)])


def _require(connection: Connection, names: Iterable[str]) -> int:
    with admin(connection) as client:
        counts = _partition_counts(client)
    missing = sorted(name for name in names if name not in counts)
    if missing:
        raise missing_topic(missing[0])
    return counts[topic_names(connection.settings).of(JOURNAL)]


def check_topics(connection: Connection) -> list[Deviation]:
    """Compare the cluster's topics with the contract."""
    with admin(connection) as client:
        return _deviations(client, connection)


def apply_topics(connection: Connection) -> tuple[list[str], list[Deviation]]:
    """Create the topics that are missing and mend configurations; return their names, and what cannot be mended."""
    settings = connection.settings
    with admin(connection) as client:
        missing = {d.topic for d in _deviations(client, connection) if d.what == MISSING}
        count = _journal_count(_partition_counts(client), connection)
        creations = {name: _creation(topic, count, settings) for name, topic in _named(settings) if name in missing}
        if creations:
            client.create_topics(creations, wait_for_metadata=True)
        present = _configurations(client, [name for name, _ in _named(settings)])
        for name, topic in _named(settings):
            _mend(client, name, _configuration(topic, settings), present[name])
        return sorted(missing), [d for d in _deviations(client, connection) if not d.mendable]


def delete_topics(connection: Connection, names: Iterable[str]) -> list[str]:
    """Delete topics, as far as they are there; return their names."""
    with admin(connection) as client:
        there = sorted(set(names) & set(client.list_topics()))
        if there:
            client.delete_topics(there)
    return there


def _named(settings: Settings) -> list[tuple[str, Topic]]:
    names = topic_names(settings)
    return [(names.of(topic.name), topic) for topic in contract().topics.values()]


def _journal_count(known: Mapping[str, int], connection: Connection) -> int:
    default = EMBEDDED_PARTITIONS if connection.embedded else DEFAULT_PARTITIONS
    name = topic_names(connection.settings).of(JOURNAL)
    return known.get(name) or connection.settings.partitions or default


def _creation(topic: Topic, count: int, settings: Settings) -> dict[str, Any]:
    return {
        "num_partitions": topic.partitions or count,
        "replication_factor": settings.kafka_replication,
        "configs": _configuration(topic, settings),
    }


def _configuration(topic: Topic, settings: Settings) -> dict[str, str]:
    """Return what the contract says of a topic, and how many replicas must have what is written."""
    least = settings.kafka_min_insync
    return topic.configuration(settings.clock) | ({} if least is None else {"min.insync.replicas": str(least)})


def _deviations(client: KafkaAdminClient, connection: Connection) -> list[Deviation]:
    settings = connection.settings
    known = _partition_counts(client)
    count = _journal_count(known, connection)
    found = []
    if settings.partitions not in {None, count}:
        what = (
            f"has {count} partitions and ASM_PARTITIONS says {settings.partitions}: a journal's count is fixed for its "
            "life; for another count export it into a new journal"
        )
        found.append(Deviation(topic_names(settings).of(JOURNAL), what, mendable=False))
    present = _configurations(client, [name for name, _ in _named(settings) if name in known])
    for name, topic in _named(settings):
        if name not in known:
            found.append(Deviation(name, MISSING, mendable=True))
        elif known[name] != (topic.partitions or count):
            what = f"has {known[name]} partitions, not {topic.partitions or count}, which is fixed for a topic's life"
            found.append(Deviation(name, what, mendable=False))
        else:
            found += _configuration_deviations(name, _configuration(topic, settings), present[name])
    return found


def _configuration_deviations(name: str, wanted: Mapping[str, str], present: Mapping[str, str]) -> list[Deviation]:
    return [
        Deviation(name, f"has {key}={present.get(key)}, not {value}", mendable=True)
        for key, value in wanted.items()
        if present.get(key) != value
    ]


def _mend(client: KafkaAdminClient, name: str, wanted: Mapping[str, str], present: Mapping[str, str]) -> None:
    changes = {key: value for key, value in wanted.items() if present.get(key) != value}
    if changes:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, changes)])


def _configurations(client: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    told = client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names], config_filter="all"
    )
    return {name: {key: entry["value"] for key, entry in config.items()} for name, config in told["topic"].items()}


def _partition_counts(client: KafkaAdminClient) -> dict[str, int]:
    return {t["name"]: len(t["partitions"]) for t in client.describe_topics() if not t["error_code"]}
