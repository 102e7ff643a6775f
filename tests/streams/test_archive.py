"""An archive is verified: whatever is otherwise than it was written is found and named. No broker runs."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.errors import Unavailable
from schemas.archive import ArchivedRow, ArchiveWriter
from schemas.codec import encode, schemas_of
from schemas.topics import contract
from streams.archive_check import verify
from streams.archive_manifest import (
    SCHEMAS,
    ArchivedFile,
    ArchiveRefused,
    Manifest,
    WriterSchema,
    last_manifest,
    read_manifest,
    write_manifest,
)
from streams.archive_rows import read_manifests, rows_of
from streams.private_files import alone_in, private_file, private_folder, write_whole
from tests.making import TIN, at, listed, quality

JOURNAL = "asm.journal.v1"
SECOND = "000002/asm.journal.v1-0.avro"


def row(offset: int, value: bytes) -> ArchivedRow:
    return ArchivedRow(offset=offset, timestamp=1, key=TIN.digits.encode(), value=value)


def a_file(folder: Path, number: int, first: int, rows: list[ArchivedRow]) -> ArchivedFile:
    private_folder(folder / f"{number:06d}")
    name = f"{number:06d}/{JOURNAL}-0.avro"
    with private_file(folder / name) as stream:
        writer = ArchiveWriter(stream, JOURNAL, "deflate")
        for item in rows:
            writer.append(item)
        done = writer.finish()
    return ArchivedFile(
        topic=JOURNAL,
        partition=0,
        first=first,
        end=first + 10,
        count=done.count,
        name=name,
        size=done.size,
        sha256=done.sha256,
    )


def a_manifest(number: int, previous: str | None, *files: ArchivedFile) -> Manifest:
    schemas = schemas_of(contract().topics[JOURNAL].records)
    return Manifest(
        number=number,
        previous=previous,
        made_at=at("2028-01-01"),
        release="0",
        engine=2,
        generation="live",
        journal="a journal",
        partitions=1,
        performance_year=None,
        codec="deflate",
        rulebooks={},
        schemas=tuple(WriterSchema(schema_id=s.schema_id, record=s.record, sha256=s.sha256) for s in schemas),
        files=files,
    )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three exports of one partition, three records each."""
    private_folder(tmp_path / SCHEMAS)
    for schema in schemas_of(contract().topics[JOURNAL].records):
        write_whole(tmp_path / SCHEMAS / f"{schema.sha256}.avsc", schema.text.encode())
    previous = None
    for number in (1, 2, 3):
        first = 10 * (number - 1)
        values = [encode(listed()), encode(quality()), encode(quality())]
        file = a_file(tmp_path, number, first, [row(first + 3 * n, value) for n, value in enumerate(values)])
        previous = write_manifest(tmp_path, a_manifest(number, previous, file))
    return tmp_path


def problems(folder: Path, head: str | None = None) -> list[tuple[str, str]]:
    return [(p.where, p.what) for p in verify(folder, head=head).problems]


def manifest_path(folder: Path, number: int) -> Path:
    return folder / f"manifest-{number:06d}.json"


def test_an_archive_as_it_was_written_is_whole(archive: Path) -> None:
    verdict = verify(archive, head=read_manifest(manifest_path(archive, 3)).file_sha256)
    assert (verdict.manifests, verdict.files, verdict.records, verdict.problems) == (3, 3, 9, ())
    assert [r.offset for r in rows_of(archive, read_manifests(archive), JOURNAL, 0)] == [
        0,
        3,
        6,
        10,
        13,
        16,
        20,
        23,
        26,
    ]
    assert {stat.S_IMODE(p.stat().st_mode) & 0o077 for p in archive.rglob("*.*")} == {0}


def test_every_flipped_byte_of_a_file_is_found(archive: Path) -> None:
    path = archive / SECOND
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 50)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert problems(archive) == [(SECOND, "its bytes are not those that were written: another digest")]


def test_a_missing_file_is_found(archive: Path) -> None:
    (archive / SECOND).unlink()
    assert problems(archive) == [(SECOND, "it cannot be read: No such file or directory")]


def test_a_missing_or_changed_schema_is_found(archive: Path) -> None:
    first, second = sorted((archive / SCHEMAS).iterdir())[:2]
    first.unlink()
    second.write_text("{}")
    assert {where for where, _ in problems(archive)} == {f"{SCHEMAS}/{first.name}", f"{SCHEMAS}/{second.name}"}


def edited(path: Path, **fields: Any) -> None:
    """Edit a manifest by hand."""
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(plain | fields))


def test_a_manifest_that_was_edited_is_found(archive: Path) -> None:
    edited(manifest_path(archive, 2), engine=3)
    named = "the manifest before it is not the one that it names: edited, or missing"
    assert problems(archive) == [
        ("manifest-000002.json", "it was edited: its own digest is another"),
        ("manifest-000003.json", named),
    ]


def test_the_last_manifest_that_was_edited_is_found_also_with_its_digest(archive: Path) -> None:
    path = manifest_path(archive, 3)
    head = read_manifest(path).file_sha256
    edited(path, engine=3)
    assert problems(archive) == [("manifest-000003.json", "it was edited: its own digest is another")]
    write_manifest(archive, replace(read_manifest(path).manifest, sha256=""))
    assert problems(archive) == []
    assert problems(archive, head) == [(str(archive), f"its last manifest has not the hash {head}")]


def test_a_missing_manifest_is_found_and_the_gap_that_it_leaves(archive: Path) -> None:
    manifest_path(archive, 2).unlink()
    assert problems(archive) == [
        ("manifest-000003.json", "it should be number 2: a manifest is missing"),
        ("manifest-000003.json", "the manifest before it is not the one that it names: edited, or missing"),
        ("manifest-000003.json", "a gap in asm.journal.v1/0: it begins at offset 20, not 10"),
    ]


def a_fourth(archive: Path, change: Callable[[ArchivedFile], ArchivedFile], *rows: ArchivedRow) -> None:
    last = last_manifest(archive)
    assert last is not None
    write_manifest(archive, a_manifest(4, last.file_sha256, change(a_file(archive, 4, 30, list(rows)))))


def test_what_a_manifest_says_otherwise_than_its_file_is_found(archive: Path) -> None:
    name = "000004/asm.journal.v1-0.avro"
    good = encode(listed())
    a_fourth(archive, lambda f: replace(f, count=3), row(31, good), row(30, good), row(44, good), row(45, b"\0\0"))
    assert problems(archive) == [
        (name, "offset 30 stands below 31, or not before 40"),
        (name, "offset 44 stands below 30, or not before 40"),
        (name, "offset 45 stands below 44, or not before 40"),
        (name, "the record at offset 45 does not decode: UNKNOWN_SCHEMA: no magic byte and schema id"),
        (name, "it has 4 records, not 3"),
    ]


def test_a_gap_in_the_offsets_is_found(archive: Path) -> None:
    a_fourth(archive, lambda f: replace(f, first=33), row(33, encode(listed())))
    assert problems(archive) == [
        ("manifest-000004.json", "a gap in asm.journal.v1/0: it begins at offset 33, not 30"),
    ]


def test_what_is_no_archive_is_refused(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert problems(empty) == [(str(empty), "there is no manifest")]
    with pytest.raises(ArchiveRefused, match="it has no manifest"):
        read_manifests(empty)
    edited(manifest_path(archive, 3), format="asm-archive-9")
    with pytest.raises(ArchiveRefused, match="format asm-archive-9; this program reads asm-archive-1"):
        last_manifest(archive)
    manifest_path(archive, 3).write_text("[")
    assert problems(archive)[0][0] == "manifest-000003.json"


def test_two_do_not_write_to_one_folder(archive: Path) -> None:
    with alone_in(archive), pytest.raises(Unavailable, match="Somebody else writes"), alone_in(archive):
        pass
    with alone_in(archive):
        assert (archive / ".lock").exists()
