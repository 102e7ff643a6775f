"""How long `asm assess` takes over a simulated cohort: roster, submissions, attestations and receipts, no claims.

python -m bench.assess [participants]
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PARTICIPANTS = 8600
_MEBIBYTE = 1024


def main(participants: int) -> None:
    """Simulate a cohort, assess it in a process of its own, and print seconds and memory."""
    asm = [sys.executable, "-m", "streams"]
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.jsonl"
        simulated = [*asm, "simulate", "--clinicians", str(participants), "--no-claims", "--out", str(events)]
        subprocess.run(simulated, check=True, stderr=subprocess.DEVNULL)  # noqa: S603 - our own program
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        with (Path(folder) / "out.jsonl").open("wb") as out:
            assessed = [*asm, "assess", str(events), "--json"]
            subprocess.run(assessed, check=False, stdout=out, stderr=subprocess.DEVNULL)  # noqa: S603
        seconds = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = sum(1 for _ in (Path(folder) / "out.jsonl").open("rb"))
        received = sum(1 for _ in events.open("rb"))
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(f"{lines} participants, {received} events: {seconds:.1f} s, {cpu:.1f} s of one core, ", end="")  # noqa: T201
    print(f"at most {used.ru_maxrss / _MEBIBYTE:.0f} MiB (simulation or assessment)")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PARTICIPANTS)
