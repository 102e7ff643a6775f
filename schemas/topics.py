"""``topics.toml`` as typed values: topics, their records, schema ids and published vectors."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

DAY_MS = 24 * 60 * 60 * 1000
INBOUND = "inbound"
#: The generation that speaks under the plain names.
LIVE = "live"
_GENERATION = "{generation}"
#: A simulated clock runs ahead of the broker's: its records must be let in, and not be deleted as old ones.
_ANY_TIME_MS = 100 * 366 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as declared: its name may hold ``{generation}``; ``partitions`` None means the journal's count."""

    name: str
    doc: str
    records: tuple[str, ...]
    role: str
    partitions: int | None
    cleanup: str
    retention_days: int | None
    owner: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]

    def configuration(self, clock: str) -> dict[str, str]:
        """Return the topic's configuration under a clock profile (``wall`` or ``events``)."""
        config = {"cleanup.policy": self.cleanup}
        if self.cleanup == "compact":
            # compacted early: recovery costs what the log is long
            config |= {"min.cleanable.dirty.ratio": "0.1", "segment.ms": "600000", "segment.bytes": "67108864"}
        if self.retention_days is not None:
            config["retention.ms"] = str(self.retention_days * DAY_MS)
        if self.role in {INBOUND, "clock"}:
            config["message.timestamp.type"] = "LogAppendTime" if clock == "wall" else "CreateTime"
        if self.role == "journal":
            config["max.message.bytes"] = "4194304"  # an admitted record is longer than it was by its headers
        if self.role in {"state", "output"}:
            config["max.message.bytes"] = "16777216"  # a record's state is many times as long as the record
        if clock == "events":
            config["message.timestamp.after.max.ms"] = str(_ANY_TIME_MS)
            config["retention.ms"] = "-1"
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """All that ``topics.toml`` says."""

    namespace: str
    topics: Mapping[str, Topic]
    schema_ids: Mapping[str, int]
    murmur2_vectors: tuple[Mapping[str, Any], ...]
    token_vectors: tuple[Mapping[str, Any], ...]

    def topic_of(self, record: str) -> str:
        """Return the name of the inbound topic that takes a record type."""
        return next(t.name for t in self.topics.values() if t.role == INBOUND and record in t.records)

    def inbound(self) -> tuple[str, ...]:
        """Return the names of the inbound topics."""
        return tuple(t.name for t in self.topics.values() if t.role == INBOUND)


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names of topics in one deployment and generation.

    ``namespace`` is put before every name, so that several deployments can share a cluster. Outputs of a generation
    other than ``live`` carry its name.
    """

    namespace: str = ""
    generation: str = LIVE

    def of(self, name: str) -> str:
        """Return the name on the cluster of a topic of the contract."""
        topic = contract().topics[name]
        if _GENERATION in name:
            name = name.replace(_GENERATION, self.generation)
        elif topic.role == "output" and self.generation != LIVE:
            stem, version = name.rsplit(".", 1)
            name = f"{stem}.{self.generation}.{version}"
        return self.namespace + name


@cache
def contract() -> Contract:
    """Read the contract that ships with this package."""
    declared = tomllib.loads(files("schemas").joinpath("topics.toml").read_text())
    return Contract(
        namespace=declared["namespace"],
        topics={name: _topic(name, entry) for name, entry in declared["topics"].items()},
        schema_ids=declared["schema_ids"],
        murmur2_vectors=tuple(declared["murmur2_vectors"]),
        token_vectors=tuple(declared["token_vectors"]),
    )


def _topic(name: str, entry: Mapping[str, Any]) -> Topic:
    return Topic(
        name=name,
        doc=entry["doc"],
        records=tuple(entry["records"]),
        role=entry["role"],
        partitions=None if entry["partitions"] == "journal" else entry["partitions"],
        cleanup=entry["cleanup"],
        retention_days=entry.get("retention_days"),
        owner=entry["owner"],
        producers=tuple(entry["producers"]),
        consumers=tuple(entry["consumers"]),
    )
