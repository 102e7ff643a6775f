"""The long form: every decoder under the coverage-guided fuzzer, ten million executions in all.

    python -m tests.fuzz.long_form [--runs N] [--decoder NAME]… [--keep]

Fails where an error comes out that no harness names, an input takes over a second of one core (valid ones swollen to
128 KiB, then guided ones of up to 4 KiB), the memory at the end is more than a tenth above that after the first fifth,
or a process dies. ``--keep`` puts what is left of the corpus when inputs that
reach nothing new are dropped into ``tests/fuzz/corpus``, as far as it stays small.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.decoders import CORPUS, DECODERS, stored
from tests.fuzz.seeds import SEEDS

RUNS = 10_000_000
_MOST_SECONDS = 1.0
_MOST_GROWTH = 1.10
#: Of one decoder in the repository: thirteen stay below 300 KiB.
_MOST_KEPT_BYTES = 20 * 1024
EMPTY: dict[str, Any] = {"done": 0, "seconds": 0, "warm_kib": 0, "end_kib": 0, "errors": {}}
EMPTY |= {"slowest_seconds": 0, "swollen_seconds": 0}
_WIDTHS = (12, 10, 10, 10, 11, 11)
_COLUMNS = ("executions", "a second", "slowest", "swollen", "warm", "end")


def fuzz(name: str, runs: int, corpus: Path, found: Path) -> tuple[dict[str, Any], str | None]:
    """Fuzz one decoder in a process of its own; return its account, and how the process died if it did."""
    for number, content in enumerate([*SEEDS[name](), *(path.read_bytes() for path in stored(name))]):
        (corpus / f"seed-{number}").write_bytes(content)
    command = [sys.executable, "-m", "tests.fuzz.guided", name, "--runs", str(runs)]
    with (found / "log").open("wb") as log:
        ended = subprocess.run(
            [*command, "--corpus", str(corpus), "--found", str(found)], check=False, stdout=log, stderr=log
        )
    path = found / "account.json"
    account = json.loads(path.read_text()) if path.exists() else {}
    if ended.returncode == 0 and account.get("done") == runs:
        return account, None
    current = found / "current"
    held = current.read_bytes() if current.exists() else bytes(4)
    (found / "died-by").write_bytes(held[4 : 4 + int.from_bytes(held[:4], "big")])
    return account, f"exit {ended.returncode}, see {found}"


def faults(account: dict[str, Any], died: str | None) -> list[str]:
    """Say what is wrong with an account."""
    found = [f"{count} × {error}" for error, count in account["errors"].items()]
    if died is not None:
        found.append(died)
    if account["slowest_seconds"] > _MOST_SECONDS:
        found.append(f"an input of {account['slowest_seconds']:.2f} s")
    if account["swollen_seconds"] > _MOST_SECONDS:
        found.append(f"a swollen input of {account['swollen_seconds']:.2f} s")
    if account["end_kib"] > _MOST_GROWTH * account["warm_kib"]:
        found.append("memory grew")
    return found


def line(account: dict[str, Any], wrong: Sequence[str]) -> str:
    """Return an account as a line of the table."""
    rate = account["done"] / max(account["seconds"], 0.001)
    times = (f"{account[key] * 1000:.0f} ms" for key in ("slowest_seconds", "swollen_seconds"))
    sizes = (f"{account[key] / 1024:.1f} MiB" for key in ("warm_kib", "end_kib"))
    told = (f"{account['done']:,}", f"{rate:,.0f}", *times, *sizes)
    return row(account["decoder"], told, "; ".join(wrong) or "only what is named")


def row(first: str, cells: Sequence[str], last: str) -> str:
    """Return a row of the table."""
    aligned = "".join(f"{text:>{width}}" for text, width in zip(cells, _WIDTHS, strict=True))
    return f"{first:<14}{aligned}  {last}"


def keep(name: str, contents: Sequence[bytes]) -> None:
    """Store the smallest inputs that together take every step between two lines that any of them takes."""
    known: set[tuple[str, int, int]] = set()
    room = _MOST_KEPT_BYTES
    folder = CORPUS / name
    for content in sorted(contents, key=len):
        taken = steps(DECODERS[name].run, content)
        if taken <= known or len(content) > room:
            continue
        known |= taken
        room -= len(content)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / sha256(content).hexdigest()[:16]).write_bytes(content)


def steps(run: Callable[[bytes], None], content: bytes) -> set[tuple[str, int, int]]:
    """Return the steps from line to line that an input takes through our own modules."""
    taken: set[tuple[str, int, int]] = set()
    before: dict[int, int] = {}

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        path = frame.f_code.co_filename
        if "/schemas/" not in path and "/processors/" not in path and "/streams/" not in path:
            return None
        if event == "line":
            taken.add((path, before[id(frame)], frame.f_lineno))
        before[id(frame)] = frame.f_lineno
        return trace

    sys.settrace(trace)
    try:
        run(content)
    finally:
        sys.settrace(None)
    return taken


def main() -> int:
    """Run, tell, and say whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="executions in all")
    parser.add_argument("--decoder", action="append", choices=list(DECODERS), help="only these, each with its share")
    parser.add_argument("--keep", action="store_true", help="store what is left of the corpus")
    parser.add_argument("--found", type=Path, default=Path(tempfile.gettempdir()) / "asm-fuzz", help="folder for all")
    given = parser.parse_args()
    print(row("decoder", _COLUMNS, "what came out"), flush=True)  # noqa: T201 - a program's output
    total = failed = 0
    for name in given.decoder or DECODERS:
        corpus, found = given.found / name / "corpus", given.found / name / "found"
        shutil.rmtree(given.found / name, ignore_errors=True)
        corpus.mkdir(parents=True)
        found.mkdir()
        account, died = fuzz(name, given.runs * DECODERS[name].share // 1000, corpus, found)
        account = EMPTY | {"decoder": name} | account
        wrong = faults(account, died)
        print(line(account, wrong), flush=True)  # noqa: T201
        total, failed = total + account["done"], failed + bool(wrong)
        if given.keep:
            keep(name, [path.read_bytes() for path in corpus.iterdir()])
    print(f"{total:,} executions, {failed} decoders with faults")  # noqa: T201
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
