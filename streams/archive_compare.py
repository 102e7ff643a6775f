"""Whether a cluster says what is archived (``asm journal verify DIR --against-cluster``).

Outputs are not imported: a worker makes them again from the journal. Their ids have no offset in them; compared is what
an output says, apart from its cause's journal offset. Kept in memory is a digest of each archived output, 32 bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from kafka import TopicPartition

from infra.kafka.connection import Connection
from infra.kafka.groups import committed_offsets, log_bounds
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import JOURNAL, journal_partitions, topic_names
from schemas.codec import decode, encode
from streams.archive import OUTPUTS
from streams.archive_rows import files_of, read_manifests, rows_in
from streams.groups import assessment_group

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Archived outputs that the cluster says as well, says otherwise, or does not say; and what it says beside them.

    ``behind``: so many offsets of the journal are not assessed yet.
    """

    same: int
    otherwise: int
    missing: int
    more: int
    behind: int

    @property
    def is_same(self) -> bool:
        """Whether the cluster says all that is archived."""
        return not (self.otherwise or self.missing or self.behind)


def compare(connection: Connection, folder: Path, progress: Callable[[str, int, int], None]) -> Comparison:
    """Compare the archived outputs with a cluster's.

    :raises ArchiveRefused: there is no archive.
    :raises ArchiveBroken: a file is none of an archive.
    :raises Unavailable: the cluster does not answer.
    """
    behind = _behind(connection)
    archived = _archived(folder, progress)
    names = topic_names(connection.settings)
    same = otherwise = more = 0
    with reader(connection, *map(names.of, OUTPUTS)) as consumer:
        for record in records_to_end(consumer):
            emitted_id, said = _digests(record.value)
            expected = archived.pop(emitted_id, None)
            if expected is None:
                more += 1
            elif expected == said:
                same += 1
            else:
                otherwise += 1
    return Comparison(same=same, otherwise=otherwise, missing=len(archived), more=more, behind=behind)


def _archived(folder: Path, progress: Callable[[str, int, int], None]) -> dict[bytes, bytes]:
    manifests = read_manifests(folder)
    files = [file for topic in OUTPUTS for file in files_of(manifests, topic)]
    found: dict[bytes, bytes] = {}
    for number, file in enumerate(files):
        progress(file.name or "", number, len(files))
        found |= (_digests(row.value or b"") for row in rows_in(folder, file))
    return found


def _digests(value: bytes) -> tuple[bytes, bytes]:
    """Return an output's id, and the digest of what it says wherever its cause lies."""
    output = decode(value)
    said = encode(replace(output, cause=replace(output.cause, journal_offset=0)))
    return bytes.fromhex(output.emitted_id)[:_DIGEST_BYTES], blake2b(said, digest_size=_DIGEST_BYTES).digest()


def _behind(connection: Connection) -> int:
    """Return how much of the journal the generation has not assessed; markers of transactions do not count."""
    settings = connection.settings
    journal = topic_names(settings).of(JOURNAL)
    places = [TopicPartition(journal, p) for p in range(journal_partitions(connection))]
    done = committed_offsets(connection, assessment_group(settings))
    ends = {tp: end for tp, (_, end) in log_bounds(connection, places).items()}
    return sum(max(0, end - 1 - done.get(tp, 0)) for tp, end in ends.items())
