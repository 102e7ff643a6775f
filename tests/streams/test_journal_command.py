"""``asm journal`` on an archive: what it prints, how it ends. No broker runs."""

from pathlib import Path

from streams.archive_manifest import read_manifest
from tests.streams.test_archive import SECOND, archive, manifest_path
from tests.streams.test_commands import Asm, asm

__all__ = ["archive", "asm"]


def test_verify_prints_what_it_found_and_ends_with_0_where_all_is_whole(archive: Path, asm: Asm) -> None:
    head = read_manifest(manifest_path(archive, 3)).file_sha256
    ran = asm("journal", "verify", archive, "--head", head, "--json")
    found = {"manifests": 3, "files": 3, "records": 9, "head": head, "problems": []}
    assert (ran.code, ran.documents, ran.err) == (0, [found], "")
    assert asm("journal", "verify", archive).out.splitlines() == [
        "3 manifests, 3 files, 9 records.",
        f"SHA-256 of the last manifest: {head}",
    ]


def test_verify_names_what_is_wrong_and_ends_with_1(archive: Path, asm: Asm) -> None:
    (archive / SECOND).unlink()
    ran = asm("journal", "verify", archive, "--json")
    problem = {"where": SECOND, "what": "it cannot be read: No such file or directory"}
    assert (ran.code, ran.documents[0]["problems"]) == (1, [problem])
    shown = asm("journal", "verify", archive)
    assert (shown.code, SECOND in shown.out) == (1, True)


def test_nothing_is_imported_from_an_archive_that_is_not_whole(archive: Path, asm: Asm) -> None:
    (archive / SECOND).unlink()
    ran = asm("journal", "import", archive, "--why", "a test", ASM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert (ran.code, SECOND in ran.out, "imported" in ran.out) == (1, True, False)


def test_a_folder_that_is_not_there_is_a_usage_error(asm: Asm) -> None:
    assert asm("journal", "verify", "nowhere").code == 2


def test_without_a_broker_the_ways_to_one_are_told(archive: Path, asm: Asm) -> None:
    for arguments in (("export", "--out", "new"), ("import", archive, "--why", "a test"), ("digest",)):
        ran = asm("journal", *arguments)
        assert (ran.code, "No broker" in ran.err) == (3, True)
