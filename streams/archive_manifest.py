"""The manifests of an archive: what each export wrote, in a chain of digests.

``manifest-000001.json`` names the hash of none, each later one the SHA-256 of the file before it. A manifest's own
``sha256`` is over its other fields, so that also the last one cannot be edited by hand unseen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from streams.private_files import write_whole

FORMAT = "asm-archive-1"
SCHEMAS = "schemas"
_PATTERN = "manifest-[0-9][0-9][0-9][0-9][0-9][0-9].json"


class ArchiveRefused(Exception):
    """What cannot be done with this archive or this cluster; the text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFile:
    """Offsets ``first`` up to before ``end`` of a partition, and the file of their records; none: there were none.

    Transactions leave offsets without a record: ``count`` is at most ``end - first``. ``left_out`` are records of
    another performance year than the archive's.
    """

    topic: str
    partition: int
    first: int
    end: int
    count: int
    left_out: int = 0
    name: str | None = None
    size: int = 0
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSchema:
    """A schema by which records of the archive were written; its text lies in ``schemas/<sha256>.avsc``."""

    schema_id: int
    record: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one export wrote: ``journal`` is the cluster's id of the journal's topic, ``made_at`` by the wall."""

    format: str = FORMAT
    number: int
    previous: str | None
    made_at: datetime
    release: str
    engine: int
    generation: str
    journal: str
    partitions: int
    performance_year: int | None
    codec: str
    rulebooks: Mapping[str, str]
    schemas: tuple[WriterSchema, ...]
    files: tuple[ArchivedFile, ...]
    sha256: str = ""

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"manifest-{self.number:06d}.json"

    @property
    def folder(self) -> str:
        """The name of the folder of its files."""
        return f"{self.number:06d}"

    def own_digest(self) -> str:
        """Return the SHA-256 over all its fields but this."""
        plain = msgspec.to_builtins(self)
        del plain["sha256"]
        return sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """A manifest as it lies in a folder, and the SHA-256 of its file."""

    manifest: Manifest
    file_sha256: str


def manifest_files(folder: Path) -> list[Path]:
    """Return the manifests' files of an archive, in order."""
    return sorted(folder.glob(_PATTERN))


def read_manifest(path: Path) -> Kept:
    """Read a manifest.

    :raises ArchiveRefused: it is none.
    """
    content = path.read_bytes()
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveRefused(f"{path.name} is no manifest: {error}") from error
    if manifest.format != FORMAT:
        raise ArchiveRefused(f"{path.name} is of the format {manifest.format}; this program reads {FORMAT}")
    return Kept(manifest, sha256(content).hexdigest())


def last_manifest(folder: Path) -> Kept | None:
    """Return an archive's last manifest, or None where there is none yet.

    :raises ArchiveRefused: it is none.
    """
    found = manifest_files(folder)
    return read_manifest(found[-1]) if found else None


def write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write a manifest with its digest, whole or not at all; return the SHA-256 of its file."""
    sealed = replace(manifest, sha256=manifest.own_digest())
    content = msgspec.json.format(msgspec.json.encode(sealed), indent=1) + b"\n"
    write_whole(folder / manifest.file_name, content)
    return sha256(content).hexdigest()
