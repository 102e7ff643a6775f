"""What was measured: the median of each engine with its spread, as a table, as a file and as a plot."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from bench.engines.chart import bars
from bench.engines.claims import Size
from bench.engines.measuring import Measured
from bench.engines.peers import POM, QUIX, ROOT

_MILLION = 1_000_000
_POMS = {"kafka_2.13": ROOT / "infra" / "kafka" / "pom.xml", "kafka-streams": POM}
_PYTHON = ("faust-streaming", "aiokafka", "fastavro", "msgspec")
#: The faster of its settings with the same promise goes by the plain name.
_FASTER = ("kafka-streams-cache-on", "kafka-streams-cache-off")
_PLAIN = "kafka-streams"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The runs of each engine, in the order in which they were measured, and what is to be said beside them."""

    size: Size
    measured: Mapping[str, Sequence[Measured]]
    notes: Mapping[str, str]


def write(results: Results, file: Path) -> None:
    """Write the results as JSON, and beside it a plot as SVG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    told = content(results)
    file.write_text(json.dumps(told, indent=1) + "\n")
    rows = [(row["engine"], row["events_per_second_median"]) for row in told["throughput"]]
    file.with_suffix(".svg").write_text(bars("Claim events a second, median", rows))


def content(results: Results) -> dict[str, Any]:
    """Return what the file of the results holds."""
    return {
        "machine": _machine(),
        "versions": _versions(),
        "size": asdict(results.size),
        "throughput": throughput(results),
    }


def throughput(results: Results) -> list[dict[str, Any]]:
    """Return a row an engine; of Kafka Streams with its cache on and off the faster goes by the plain name."""
    rows = [_row(name, runs, results.notes[name]) for name, runs in results.measured.items()]
    both = [row for row in rows if row["engine"] in _FASTER]
    if both:
        faster = max(both, key=lambda row: row["events_per_second_median"])
        faster["note"] += f" ({faster['engine']})"
        faster["engine"] = _PLAIN
    return rows


def table(results: Results) -> str:
    """Return the rows as a table that a person reads."""
    head = ("engine", "events/s", "least", "most", "CPU s/M", "broker s/M", "MiB", "outputs")
    lines = [_cells(head)]
    for row in throughput(results):
        rates = (row[f"events_per_second_{which}"] for which in ("median", "min", "max"))
        per_million = (row["cpu_seconds_per_million"], row["broker_cpu_seconds_per_million"])
        lines.append(_cells((row["engine"], *rates, *per_million, row["peak_memory_mib"], row["outputs"])))
    notes = [f"{row['engine']}, {row['events']:,} events: {row['note']}" for row in throughput(results)]
    return "\n".join([*lines, "", *notes])


def _row(name: str, runs: Sequence[Measured], note: str) -> dict[str, Any]:
    rates = [run.events / run.seconds for run in runs]
    return {
        "engine": name,
        "events_per_second_median": round(median(rates)),
        "events_per_second_min": round(min(rates)),
        "events_per_second_max": round(max(rates)),
        "runs": len(runs),
        "events": runs[0].events,
        "cpu_seconds_per_million": _per_million([run.cpu_seconds for run in runs], runs[0].events),
        "broker_cpu_seconds_per_million": _per_million([run.broker_cpu_seconds for run in runs], runs[0].events),
        "peak_memory_mib": round(max(run.peak_memory_mib for run in runs)),
        "outputs": round(median(run.outputs for run in runs)),
        "note": note,
    }


def _per_million(seconds: Sequence[float], events: int) -> float:
    return round(median(seconds) / events * _MILLION, 1)


def _cells(cells: Sequence[object]) -> str:
    first, *others = (f"{cell:,}" if isinstance(cell, int | float) else str(cell) for cell in cells)
    return f"{first:28}" + "".join(f"{other:>12}" for other in others)


def _machine() -> dict[str, Any]:
    models = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {"processor": models[0] if models else platform.machine(), "cores": os.cpu_count(), "memory_kib": memory}


def _versions() -> dict[str, str]:
    java = subprocess.run(["java", "--version"], capture_output=True, text=True, check=False).stdout.splitlines()  # noqa: S607
    told = {"python": platform.python_version(), "java": java[0] if java else "", "quixstreams": QUIX}
    told |= {name: version(name) for name in ("asm-streams", *_PYTHON)}
    return told | {name: _of_pom(file, name) for name, file in _POMS.items()}


def _of_pom(file: Path, artifact: str) -> str:
    """Return the version of an artifact that a pom.xml names."""
    found = re.search(rf"<artifactId>{artifact}</artifactId>\s*<version>([^<]+)", file.read_text())
    return found.group(1) if found else ""


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines() if Path(file).exists() else []
