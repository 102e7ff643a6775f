"""What ``asm journal`` says of an archive."""

from dataclasses import asdict
from pathlib import Path

from streams.archive import Exported
from streams.archive_check import Verdict
from streams.archive_compare import Comparison
from streams.commands.terminal import OUT, print_json, table


def tell_exported(out: Path, exported: Exported | None, *, json: bool) -> None:
    """Say what was exported."""
    if json:
        print_json({"nothing_new": True} if exported is None else _document(exported))
    elif exported is None:
        OUT.print(f"Nothing new since the last manifest in {out}.")
    else:
        manifest = exported.manifest
        files = [f for f in manifest.files if f.name is not None]
        since = "the first" if manifest.previous is None else "goes on where the one before ended"
        OUT.print(
            f"{out}/{manifest.file_name} ({since}): {sum(f.count for f in files)} records in {len(files)} files, "
            f"{sum(f.size for f in files)} bytes."
        )
        OUT.print(f"Its SHA-256, to be kept elsewhere: {exported.file_sha256}")


def _document(exported: Exported) -> dict[str, object]:
    manifest = exported.manifest
    return {
        "manifest": manifest.file_name,
        "sha256": exported.file_sha256,
        "previous": manifest.previous,
        "records": sum(file.count for file in manifest.files),
        "left_out": sum(file.left_out for file in manifest.files),
        "files": [
            {"topic": f.topic, "partition": f.partition, "first": f.first, "end": f.end, "count": f.count}
            for f in manifest.files
        ],
    }


def tell_verdict(verdict: Verdict, compared: Comparison | None, *, json: bool) -> None:
    """Say what verifying an archive found."""
    if json:
        document = asdict(verdict) | ({} if compared is None else {"cluster": asdict(compared)})
        print_json(document)
        return
    if verdict.problems:
        rows = ((p.where, p.what) for p in verdict.problems)
        OUT.print(table("Not as it was archived", ("where", "what"), rows))
    OUT.print(f"{verdict.manifests} manifests, {verdict.files} files, {verdict.records} records.")
    OUT.print(f"SHA-256 of the last manifest: {verdict.head}")
    if compared is not None:
        OUT.print(
            f"The cluster says {compared.same} of the archived outputs as well, {compared.otherwise} otherwise, "
            f"{compared.missing} not; {compared.more} beside them."
        )
    if compared is not None and compared.behind:
        OUT.print(f"It has {compared.behind} offsets of the journal to assess yet: ask again when it has caught up.")
