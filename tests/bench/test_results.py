"""The file of the results."""

import json
from pathlib import Path
from xml.etree import ElementTree

from bench.engines.chart import bars
from bench.engines.claims import Size
from bench.engines.measuring import Measured
from bench.engines.results import Results, table, throughput, write

RUNS = [
    Measured(
        events=1_000,
        seconds=seconds,
        cpu_seconds=0.02,
        broker_cpu_seconds=0.004,
        peak_memory_mib=100 + seconds,
        outputs=950,
    )
    for seconds in (0.5, 0.1, 0.2)
]
FAST = [Measured(events=1_000, seconds=0.05, cpu_seconds=0.02, broker_cpu_seconds=0.004, peak_memory_mib=90)]
RESULTS = Results(
    size=Size(),
    measured={"asm-streams": RUNS, "kafka-streams-cache-on": RUNS, "kafka-streams-cache-off": FAST},
    notes={"asm-streams": "more", "kafka-streams-cache-on": "on", "kafka-streams-cache-off": "off"},
)
SVG = "{http://www.w3.org/2000/svg}"


def svg(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own


def test_a_row_tells_the_median_with_its_spread_and_what_it_took() -> None:
    assert throughput(RESULTS)[0] == {
        "engine": "asm-streams",
        "events_per_second_median": 5_000,
        "events_per_second_min": 2_000,
        "events_per_second_max": 10_000,
        "runs": 3,
        "events": 1_000,
        "cpu_seconds_per_million": 20.0,
        "broker_cpu_seconds_per_million": 4.0,
        "peak_memory_mib": 100,
        "outputs": 950,
        "note": "more",
    }


def test_the_faster_setting_of_kafka_streams_goes_by_its_plain_name() -> None:
    rows = throughput(RESULTS)
    assert [row["engine"] for row in rows] == ["asm-streams", "kafka-streams-cache-on", "kafka-streams"]
    assert rows[2]["note"] == "off (kafka-streams-cache-off)"


def test_results_are_written_with_machine_versions_and_a_plot(tmp_path: Path) -> None:
    write(RESULTS, tmp_path / "latest.json")
    told = json.loads((tmp_path / "latest.json").read_text())
    assert list(told) == ["machine", "versions", "size", "throughput"]
    assert told["throughput"] == throughput(RESULTS)
    assert {"faust-streaming", "quixstreams", "kafka-streams", "kafka_2.13", "java", "python"} <= told[
        "versions"
    ].keys()
    assert "" not in told["versions"].values()
    assert svg((tmp_path / "latest.svg").read_text()).tag == f"{SVG}svg"


def test_the_longest_bar_is_the_fastest_engine() -> None:
    root = svg(bars("rates", [("one", 10.0), ("a < b", 40.0)]))
    widths = [float(rect.attrib["width"]) for rect in root.iter(f"{SVG}rect")]
    assert widths[1:] == [135, 540]


def test_the_table_names_each_engine_with_its_note() -> None:
    lines = table(RESULTS).splitlines()
    assert lines[1].split() == ["asm-streams", "5,000", "2,000", "10,000", "20.0", "4.0", "100", "950"]
    assert lines[-1] == "kafka-streams, 1,000 events: off (kafka-streams-cache-off)"
