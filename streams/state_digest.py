"""One digest over the states of all partitions of a generation: equal where the same is known and was said.

It leaves out where things lie and how often they were said: offsets, origins, revisions, partition numbers. So it stays
what it is when the journal is restored elsewhere, or into another number of partitions.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from infra.kafka.connection import Connection
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import topic_names
from schemas.packed_ledger import LedgerRecord, unpacked
from schemas.plain import to_json
from schemas.state import ClinicianRecord, PartitionMark, PracticeRecord, unpack
from streams.state import MARK_KEY, STATE

_RECORDS: Mapping[bytes, type[Any]] = {b"practice": PracticeRecord, b"clinician": ClinicianRecord}


class StateDigest:
    """Takes state records of any partition in their order, the latest of a key counting, and tells their digest."""

    def __init__(self) -> None:
        self._records: dict[bytes, bytes] = {}
        self._marks: dict[int, PartitionMark] = {}

    def add(self, partition: int, key: bytes, value: bytes) -> None:
        """Take a record.

        :raises msgspec.DecodeError: it is no state record of this engine version.
        """
        if key == MARK_KEY:
            self._marks[partition] = unpack(value, PartitionMark)
        else:
            self._records[key] = sha256(_canonical(key, value)).digest()

    @property
    def records(self) -> int:
        """How many practices, clinicians and ledgers are known."""
        return len(self._records)

    @property
    def as_of(self) -> datetime | None:
        """The last tick of any partition."""
        return max((mark.as_of for mark in self._marks.values() if mark.as_of is not None), default=None)

    def hexdigest(self) -> str:
        """Return the SHA-256 over the records in the order of their keys, and what is common to all partitions."""
        laws = sorted({_json([mark.engine, dict(mark.rulebooks)]) for mark in self._marks.values()})
        digest = sha256(b"".join(laws))
        digest.update(_json(self.as_of))
        for key, value in sorted(self._records.items()):
            digest.update(sha256(key).digest() + value)
        return digest.hexdigest()


def state_digest(records: Iterable[tuple[int, bytes, bytes]]) -> str:
    """Return the digest of the state records (partition, key, value) of all partitions.

    :raises msgspec.DecodeError: one is no state record of this engine version.
    """
    digest = StateDigest()
    for partition, key, value in records:
        digest.add(partition, key, value)
    return digest.hexdigest()


def digest_on(connection: Connection) -> StateDigest:
    """Return the digest of a generation's state on the cluster, as far as it is committed now.

    :raises Unavailable: the cluster does not answer, or has no such generation.
    """
    digest = StateDigest()
    with reader(connection, topic_names(connection.settings).of(STATE)) as consumer:
        for record in records_to_end(consumer):
            digest.add(record.partition, record.key, record.value)
    return digest


def _canonical(key: bytes, value: bytes) -> bytes:
    """Return what a record says, in one form."""
    kind = key.split(b"/", 1)[0]
    if kind == b"ledger":
        record = unpack(value, LedgerRecord)
        plain = {"facts": to_json(unpacked(record)), "announced": to_json(record.announced)}
    else:
        plain = to_json(unpack(value, _RECORDS[kind]))
    plain["announced"] = _without(plain["announced"], {"revision", "origin"})
    return _json(_without(plain, {"origin"}))


def _without(plain: Any, names: Collection[str]) -> Any:
    """Leave fields out, at every depth."""
    if isinstance(plain, dict):
        return {name: _without(value, names) for name, value in plain.items() if name not in names}
    return [_without(value, names) for value in plain] if isinstance(plain, list | tuple) else plain


def _json(plain: object) -> bytes:
    return msgspec.json.encode(plain, order="sorted")
