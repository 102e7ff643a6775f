"""The journal and what was said of it -> an archive: container files, manifests in a chain (``asm journal export``).

The order of an export: the ends of the outputs are asked for before the journal's, so that of every archived output the
cause is archived too; the files are written into a folder of another name, which is renamed when all is on the disk;
the manifest comes last. Killed before that, it leaves what the next export removes.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from infra.errors import LogLost
from infra.kafka.connection import Connection
from infra.kafka.reading import Span, reader, records_in
from infra.kafka.topics import JOURNAL, topic_id, topic_names
from infra.kafka.writing import deliver_one
from infra.rulebooks import load_rulebooks
from processors.engine import ENGINE
from schemas.archive import CODEC, ArchivedRow, ArchiveWriter, Written
from schemas.codec import encode, schemas_of
from schemas.records import OperationRecorded
from schemas.topics import contract
from streams.archive_manifest import (
    SCHEMAS,
    ArchivedFile,
    ArchiveRefused,
    Manifest,
    WriterSchema,
    last_manifest,
    write_manifest,
)
from streams.dead_letters import OPERATIONS
from streams.private_files import alone_in, private_file, private_folder, settle, write_whole
from streams.rulebook_texts import RULEBOOKS

NOTICES = "asm.notices.v1"
OUTPUTS = ("asm.scores.v1", "asm.compliance.v1", "asm.findings.v1")
#: In the order in which their ends are asked for.
ARCHIVED = (*OUTPUTS, JOURNAL, RULEBOOKS, NOTICES, OPERATIONS)
EXPORT_COMMAND = "journal export"
_ANOTHER = "An archive is whole or it is none: begin a new one in another folder."
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be exported and who says so; no performance year: all."""

    folder: Path
    actor: str
    reason: str
    performance_year: int | None = None
    codec: str = CODEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A manifest that was written, and the SHA-256 of its file."""

    manifest: Manifest
    file_sha256: str


def export(connection: Connection, order: Order, progress: Progress) -> Exported | None:
    """Archive what is new since the folder's last manifest; None where nothing is.

    ``progress`` is told: what, how much of it is done, of how much.

    :raises ArchiveRefused: the archive is of another journal or performance year.
    :raises LogLost: records were deleted before they were archived.
    :raises Unavailable: the cluster does not answer, or somebody else writes to the folder.
    """
    names = topic_names(connection.settings)
    with alone_in(private_folder(order.folder)), reader(connection, *map(names.of, ARCHIVED)) as consumer:
        return _Exporter(connection, order, progress).run(consumer)


class _Exporter:
    """Exports from one deployment into one folder."""

    def __init__(self, connection: Connection, order: Order, progress: Progress) -> None:
        self._connection = connection
        self._order = order
        self._progress = progress
        names = topic_names(connection.settings)
        self._on_cluster = {name: names.of(name) for name in ARCHIVED}
        self._contract_names = {on_cluster: name for name, on_cluster in self._on_cluster.items()}
        self._last = last_manifest(order.folder)

    def run(self, consumer: KafkaConsumer) -> Exported | None:
        """Write what is new, then its manifest."""
        fresh = self._fresh_manifest(consumer)
        self._require_same_archive(fresh)
        if not any(span.first < span.end for span in self._spans(consumer).values()):
            return None
        self._record(fresh)
        spans = self._spans(consumer)
        manifest = replace(fresh, files=self._write_files(consumer, spans, fresh))
        self._write_schemas(manifest)
        return Exported(manifest=manifest, file_sha256=write_manifest(self._order.folder, manifest))

    def _fresh_manifest(self, consumer: KafkaConsumer) -> Manifest:
        settings, journal = self._connection.settings, self._on_cluster[JOURNAL]
        records = {record for name in ARCHIVED for record in contract().topics[name].records}
        return Manifest(
            number=1 if self._last is None else self._last.manifest.number + 1,
            previous=None if self._last is None else self._last.file_sha256,
            made_at=datetime.now(UTC),
            release=version("asm-streams"),
            engine=ENGINE,
            generation=settings.generation,
            journal=topic_id(self._connection, journal),
            partitions=sum(tp.topic == journal for tp in consumer.assignment()),
            performance_year=self._order.performance_year,
            codec=self._order.codec,
            rulebooks={str(y): b.digest for y, b in load_rulebooks(settings.vintage, settings.areas_file).items()},
            schemas=tuple(
                WriterSchema(schema_id=s.schema_id, record=s.record, sha256=s.sha256) for s in schemas_of(records)
            ),
            files=(),
        )

    def _require_same_archive(self, fresh: Manifest) -> None:
        if self._last is None:
            return
        last = self._last.manifest
        told = {
            "of another journal than this cluster's": last.journal != fresh.journal,
            f"of performance year {last.performance_year or 'all'}": last.performance_year != fresh.performance_year,
            f"of the generation {last.generation}": last.generation != fresh.generation,
        }
        wrong = [what for what, is_so in told.items() if is_so]
        if wrong:
            raise ArchiveRefused(f"The archive in {self._order.folder} is {wrong[0]}. {_ANOTHER}")

    def _record(self, fresh: Manifest) -> None:
        """Say on ``asm.operations.v1`` who reads all this; it is archived with the rest."""
        year = fresh.performance_year
        record = OperationRecorded(
            actor=self._order.actor,
            command=EXPORT_COMMAND,
            scope=f"manifest {fresh.number}, {'all years' if year is None else f'performance year {year}'}",
            reason=self._order.reason,
            instant=fresh.made_at,
        )
        deliver_one(self._connection, self._on_cluster[OPERATIONS], encode(record))

    def _spans(self, consumer: KafkaConsumer) -> Mapping[TopicPartition, Span]:
        """Return what of each partition is not archived yet, in the order of the topics.

        :raises LogLost: some of it was deleted, or the log ends before what is archived.
        """
        spans = {}
        for name in ARCHIVED:
            partitions = sorted(tp for tp in consumer.assignment() if tp.topic == self._on_cluster[name])
            ends, begins = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
            for tp in partitions:
                first = begins[tp] if self._last is None else self._archived_end(name, tp.partition)
                if not begins[tp] <= first <= ends[tp]:
                    raise LogLost(
                        f"Archived is partition {tp.partition} of {name} up to offset {first}, and the log has offsets "
                        f"{begins[tp]} to {ends[tp]}. {_ANOTHER}"
                    )
                spans[tp] = Span(first, ends[tp])
        return spans

    def _archived_end(self, name: str, partition: int) -> int:
        files = self._last.manifest.files if self._last is not None else ()
        return next((f.end for f in files if (f.topic, f.partition) == (name, partition)), 0)

    def _write_files(
        self, consumer: KafkaConsumer, spans: Mapping[TopicPartition, Span], manifest: Manifest
    ) -> tuple[ArchivedFile, ...]:
        folder = self._order.folder / manifest.folder
        partial = folder.with_name(folder.name + ".part")
        for left in (folder, partial):  # of an export that was killed: no manifest names it
            shutil.rmtree(left, ignore_errors=True)
        private_folder(partial)
        files = tuple(self._write_file(consumer, tp, span, partial) for tp, span in spans.items())
        settle(partial, folder)
        return tuple(replace(f, name=None if f.name is None else f"{folder.name}/{f.name}") for f in files)

    def _write_file(self, consumer: KafkaConsumer, tp: TopicPartition, span: Span, folder: Path) -> ArchivedFile:
        topic = self._contract_names[tp.topic]
        path, written = folder / f"{topic}-{tp.partition}.avro", None
        done = 0

        def on(offsets: int) -> None:
            nonlocal done
            done += offsets
            self._progress(f"{topic}/{tp.partition}", done, span.end - span.first)

        if span.first < span.end:
            with private_file(path) as stream:
                writer = ArchiveWriter(stream, topic, self._order.codec, self._order.performance_year)
                for record in records_in(consumer, {tp: span}, on):
                    writer.append(_row(record))
                written = writer.finish()
            if consumer.beginning_offsets([tp])[tp] > span.first:
                raise LogLost(
                    f"Records of partition {tp.partition} of {topic} were deleted as they were read. {_ANOTHER}"
                )
        if written is None or not written.count:
            path.unlink(missing_ok=True)
            return _archived(topic, tp.partition, span, written)
        return replace(
            _archived(topic, tp.partition, span, written), name=path.name, size=written.size, sha256=written.sha256
        )

    def _write_schemas(self, manifest: Manifest) -> None:
        folder = private_folder(self._order.folder / SCHEMAS)
        for schema in schemas_of({s.record for s in manifest.schemas}):
            if not (path := folder / f"{schema.sha256}.avsc").exists():
                write_whole(path, schema.text.encode())


def _archived(topic: str, partition: int, span: Span, written: Written | None) -> ArchivedFile:
    return ArchivedFile(
        topic=topic,
        partition=partition,
        first=span.first,
        end=span.end,
        count=0 if written is None else written.count,
        left_out=0 if written is None else written.left_out,
    )


def _row(record: Any) -> ArchivedRow:
    return ArchivedRow(
        offset=record.offset,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
