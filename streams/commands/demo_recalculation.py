"""The end of ``asm demo``: a benchmark is corrected; who moves is looked at, promoted, and taken back."""

import tempfile
from pathlib import Path

from infra.errors import Unavailable
from infra.rulebooks import vintage_texts
from processors.rulebook import Rulebook
from streams.commands.terminal import OUT
from streams.deployment import Deployment

_NAME = "corrected"
_FILE, _ENTRY = "512_725_benchmarks.toml", '["005/ECQM"]'


def recalculate(deployment: Deployment, rulebook: Rulebook) -> None:
    """Correct a benchmark and show each command with what it says."""
    OUT.print("\nAfter the year a benchmark is corrected: measure 005, reported as ECQM, is measured a third lower.")
    with tempfile.TemporaryDirectory() as folder:
        rulebooks = _corrected(Path(folder) / "rulebooks", rulebook.vintage)
        _show(deployment, "replay", "start", _NAME, "--rulebook", str(rulebooks), "--reason", "a corrected benchmark")
    _show(deployment, "replay", "diff", "live", _NAME, most_lines=70)
    _show(deployment, "replay", "promote", _NAME, "--reason", "a corrected benchmark")
    _show(deployment, "replay", "rollback", "--reason", "it was no correction")


def _corrected(folder: Path, vintage: str) -> Path:
    """Write the rulebooks with the percentiles of one benchmark lowered."""
    folder.mkdir()
    for name, text in vintage_texts(vintage).items():
        (folder / name).write_text(_lowered(text) if name == _FILE else text)
    return folder


def _lowered(text: str) -> str:
    head, entry, tail = text.partition(_ENTRY)
    before, value, rest = tail.partition("value    = [")
    numbers, end, after = rest.partition("]")
    lowered = ", ".join(f"{float(number) * 2 / 3:.2f}" for number in numbers.split(","))
    return head + entry + before + value + lowered + end + after


def _show(deployment: Deployment, *command: str, most_lines: int = 10) -> None:
    shown = " ".join(f'"{word}"' if " " in word else word for word in command)
    OUT.print(f"\n$ asm {shown}", style="bold", markup=False)
    told = deployment.command(*command)
    lines = (told.stdout + told.stderr).strip().splitlines()
    OUT.print("\n".join(lines[:most_lines]), markup=False)
    if len(lines) > most_lines:
        OUT.print(f"… {len(lines) - most_lines} more lines", style="dim")
    if told.returncode:
        raise Unavailable(f"asm {shown} ended with {told.returncode}.")
