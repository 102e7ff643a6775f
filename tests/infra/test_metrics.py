"""Metrics: every name stands in the catalogue, is named as Prometheus asks, and is used."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from infra.metrics import CATALOGUE, Instruments, Label, MetricName, Metrics

ROOT = Path(__file__).parents[2]
NAMES: tuple[str, ...] = get_args(MetricName)


def used() -> set[str]:
    """The names of metrics in the program outside the catalogue."""
    return {
        node.value
        for room in ("infra", "streams")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "metrics.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in NAMES
    }


def test_the_catalogue_describes_each_name_once() -> None:
    assert list(CATALOGUE) == list(NAMES)
    assert len(set(NAMES)) == len(NAMES)


def test_every_metric_of_the_catalogue_is_told_somewhere() -> None:
    assert sorted(set(NAMES) - used()) == []


def test_names_end_in_their_base_unit_and_counters_in_total() -> None:
    wrong = [
        name
        for name, metric in CATALOGUE.items()
        if not re.fullmatch(r"asm_[a-z]+(_[a-z]+)*", name)
        or name.endswith("_total") != (metric.kind == "counter")
        or name.endswith("_seconds") != (metric.unit == "seconds")
        or name.endswith("_ratio") != (metric.unit == "ratio")
        or re.search(r"_(milliseconds|ms|minutes|kilobytes|mb|percent)\b", name)
    ]
    assert wrong == []


def test_labels_are_of_the_few_that_cannot_name_a_person() -> None:
    allowed = set(get_args(Label))
    assert {label for metric in CATALOGUE.values() for label in metric.labels} == allowed
    assert not allowed & {"tin", "npi", "name", "source", "event_id", "who", "beneficiary"}


def test_histograms_alone_have_buckets_and_they_rise() -> None:
    assert [n for n, m in CATALOGUE.items() if bool(m.buckets) != (m.kind == "histogram")] == []
    assert [n for n, m in CATALOGUE.items() if sorted(m.buckets) != list(m.buckets)] == []


def test_what_is_counted_can_be_read() -> None:
    instruments = Instruments()
    metrics = Metrics(instruments)
    metrics.add("asm_records_refused_total", 2, topic="asm.claims.v1", reason="MALFORMED_TIN")
    metrics.add("asm_records_refused_total", topic="asm.claims.v1", reason="MALFORMED_TIN")
    metrics.set("asm_projection_waiting", 1)
    metrics.observe("asm_batch_seconds", 0.03, stage="admission")
    value = instruments.registry.get_sample_value
    assert (
        value("asm_records_refused_total", {"topic": "asm.claims.v1", "reason": "MALFORMED_TIN"}),
        value("asm_projection_waiting"),
        value("asm_batch_seconds_bucket", {"stage": "admission", "le": "0.025"}),
        value("asm_batch_seconds_bucket", {"stage": "admission", "le": "0.05"}),
    ) == (3.0, 1.0, 0.0, 1.0)


def test_a_metric_is_absent_until_it_is_used() -> None:
    assert Instruments().registry.get_sample_value("asm_projection_waiting") is None


def test_a_label_that_the_catalogue_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics(Instruments()).add("asm_outputs_total", npi="1234567893")
