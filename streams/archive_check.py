"""Is an archive what its manifests say (``asm journal verify``)? Each thing that is not is named."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path

from schemas.archive import ArchiveBroken
from schemas.codec import InvalidRecord, decode
from schemas.topics import contract
from streams.archive_manifest import (
    SCHEMAS,
    ArchivedFile,
    ArchiveRefused,
    Kept,
    Manifest,
    manifest_files,
    read_manifest,
)
from streams.archive_rows import rows_in

_MOST_OF_A_KIND = 20
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is otherwise than it should be, and where."""

    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verifying an archive found; ``head`` is the SHA-256 of the last manifest's file."""

    manifests: int
    files: int
    records: int
    head: str | None
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Found:
    records: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        self.problems.append(Problem(where, what))


def verify(folder: Path, progress: Progress = lambda *_: None, head: str | None = None) -> Verdict:
    """Check chain, digests, counts and gaps, and that every record decodes.

    ``head`` is the SHA-256 that the last manifest's file should have, kept elsewhere: without it an archive that lost
    its last exports looks like one that never had them.
    """
    found = _Found()
    kept = list(_readable(folder, found))
    if not kept:
        found.add(str(folder), "there is no manifest")
    _check_chain(kept, found)
    _check_offsets([k.manifest for k in kept], found)
    if head is not None and (not kept or kept[-1].file_sha256 != head):
        found.add(str(folder), f"its last manifest has not the hash {head}")
    files = [file for k in kept for file in k.manifest.files if file.name is not None]
    for number, file in enumerate(files):
        progress(file.name or "", number, len(files))
        _check_file(folder, file, found)
    for k in kept:
        _check_schemas(folder, k.manifest, found)
    return Verdict(
        manifests=len(kept),
        files=len(files),
        records=found.records,
        head=kept[-1].file_sha256 if kept else None,
        problems=tuple(found.problems),
    )


def _readable(folder: Path, found: _Found) -> Iterator[Kept]:
    for path in manifest_files(folder):
        try:
            yield read_manifest(path)
        except ArchiveRefused as refused:
            found.add(path.name, str(refused))


def _check_chain(kept: list[Kept], found: _Found) -> None:
    previous: str | None = None
    for number, k in enumerate(kept, 1):
        manifest = k.manifest
        if manifest.own_digest() != manifest.sha256:
            found.add(manifest.file_name, "it was edited: its own digest is another")
        if manifest.number != number:
            found.add(manifest.file_name, f"it should be number {number}: a manifest is missing")
        if manifest.previous != previous:
            found.add(manifest.file_name, "the manifest before it is not the one that it names: edited, or missing")
        previous = k.file_sha256


def _check_offsets(manifests: list[Manifest], found: _Found) -> None:
    """Each export of a partition must begin where the one before ended."""
    ends: dict[tuple[str, int], int] = {}
    for manifest in manifests:
        for file in manifest.files:
            place = (file.topic, file.partition)
            expected = ends.get(place, file.first)
            if file.first != expected:
                found.add(
                    manifest.file_name,
                    f"a gap in {file.topic}/{file.partition}: it begins at offset {file.first}, not {expected}",
                )
            ends[place] = file.end


def _check_file(folder: Path, file: ArchivedFile, found: _Found) -> None:
    name = file.name or ""
    try:
        with (folder / name).open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        found.add(name, f"it cannot be read: {error.strerror}")
        return
    if digest != file.sha256:
        found.add(name, "its bytes are not those that were written: another digest")
        return
    try:
        _check_rows(folder, file, found)
    except ArchiveBroken as broken:
        found.add(name, str(broken))


def _check_rows(folder: Path, file: ArchivedFile, found: _Found) -> None:
    count, last, wrong = 0, file.first - 1, Counter[str]()
    has_records = bool(contract().topics[file.topic].records) if file.topic in contract().topics else False
    for row in rows_in(folder, file):
        count += 1
        if not last < row.offset < file.end:
            wrong[f"offset {row.offset} stands below {last}, or not before {file.end}"] += 1
        last = row.offset
        if has_records and row.value is not None:
            try:
                decode(row.value)
            except InvalidRecord as error:
                wrong[f"the record at offset {row.offset} does not decode: {error}"] += 1
    if count != file.count:
        wrong[f"it has {count} records, not {file.count}"] += 1
    found.records += count
    for what in list(wrong)[:_MOST_OF_A_KIND]:
        found.add(file.name or "", what)


def _check_schemas(folder: Path, manifest: Manifest, found: _Found) -> None:
    for schema in manifest.schemas:
        path = folder / SCHEMAS / f"{schema.sha256}.avsc"
        try:
            with path.open("rb") as stream:
                is_same = file_digest(stream, "sha256").hexdigest() == schema.sha256
        except OSError:
            is_same = False
        if not is_same:
            found.add(f"{SCHEMAS}/{path.name}", f"the schema of {schema.record} is missing or another")
