"""Reading an archive: its manifests in order, and the rows of a partition over all of them."""

from collections.abc import Iterator
from pathlib import Path

from schemas.archive import ArchivedRow, ArchiveReader
from streams.archive_manifest import ArchivedFile, ArchiveRefused, Manifest, manifest_files, read_manifest


def read_manifests(folder: Path) -> list[Manifest]:
    """Return the manifests of an archive, in order.

    :raises ArchiveRefused: there is none, or one is none.
    """
    found = [read_manifest(path).manifest for path in manifest_files(folder)]
    if not found:
        raise ArchiveRefused(f"There is no archive in {folder}: it has no manifest.")
    return found


def files_of(manifests: list[Manifest], topic: str, partition: int | None = None) -> Iterator[ArchivedFile]:
    """Yield the files of a topic, or of one of its partitions, in the order of their records."""
    for manifest in manifests:
        for file in manifest.files:
            if file.topic == topic and partition in {None, file.partition} and file.name is not None:
                yield file


def rows_in(folder: Path, file: ArchivedFile) -> Iterator[ArchivedRow]:
    """Yield the rows of a file.

    :raises ArchiveBroken: it is no container of rows.
    :raises OSError: it is not there.
    """
    with ArchiveReader((folder / (file.name or "")).open("rb")) as reader:
        yield from reader.rows()


def rows_of(folder: Path, manifests: list[Manifest], topic: str, partition: int | None = None) -> Iterator[ArchivedRow]:
    """Yield the rows of a topic, or of one of its partitions, in their order.

    :raises ArchiveBroken: a file is no container of rows.
    """
    for file in files_of(manifests, topic, partition):
        yield from rows_in(folder, file)
