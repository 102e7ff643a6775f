"""What ships for Prometheus and Alertmanager, as their own programs check it, and where each rule sends its reader."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from infra.metrics import CATALOGUE, Instruments
from infra.progress import Holding, Progress, watched
from tests.making import rulebook

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "infra" / "monitoring"


def run(folder: Path, *command: str) -> tuple[int, str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed (Debian: prometheus, prometheus-alertmanager)")
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return told.returncode, told.stdout + told.stderr


def test_amtool_finds_nothing_wrong_in_the_example_of_a_configuration() -> None:
    code, said = run(SHIPPED, "amtool", "check-config", "alertmanager.yml")
    assert (code, "2 receivers" in said, "9 inhibit rules" in said) == (0, True, True), said


def test_each_stage_inhibits_every_stage_before_it() -> None:
    stages = [rulebook().submission.first_stage, *(s.stage for s in rulebook().submission.stages)]
    configured: dict[str, Any] = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
    told = {rule["source_matchers"][0]: rule["target_matchers"][0] for rule in configured["inhibit_rules"]}
    wanted = {}
    for place, stage in enumerate(stages[1:], 1):
        before = "|".join(stages[:place])
        wanted[f'stage="{stage}"'] = f'stage{"=" if place == 1 else "=~"}"{before}"'
    assert told == wanted
    assert {tuple(rule["equal"]) for rule in configured["inhibit_rules"]} == {("alert_id",)}


RULES = ROOT / "infra" / "monitoring" / "asm.rules.yml"
CASES = Path(__file__).with_name("asm.rules.test.yml")
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is absent (Debian's package prometheus has it)")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def anchor_of(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@needs_promtool
def test_promtool_takes_the_rules_and_each_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    for file in (RULES, CASES):
        shutil.copy(file, tmp_path)
    checked = promtool("check", "rules", RULES.name, folder=tmp_path)
    tried = promtool("test", "rules", CASES.name, folder=tmp_path)
    assert (checked.returncode, tried.returncode) == (0, 0), checked.stdout + tried.stdout + tried.stderr


def test_every_rule_is_tried() -> None:
    cases = CASES.read_text()
    grouped = {"AsmNoWorker", "AsmNoProjector"}  # by a pattern
    assert [r["alert"] for r in rules() if r["alert"] not in grouped and f"alertname: {r['alert']}" not in cases] == []


def test_every_rule_has_a_severity_a_summary_and_a_page_that_is_there() -> None:
    wrong = {}
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        text = (ROOT / page).read_text()
        headings = {anchor_of(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
        named = rule["alert"] in text or page != "docs/operations/monitoring.md"
        if rule["labels"]["severity"] not in {"critical", "warning", "info"} or not rule["annotations"]["summary"]:
            wrong[rule["alert"]] = "severity or summary"
        if (anchor and anchor not in headings) or not named:
            wrong[rule["alert"]] = rule["annotations"]["runbook_url"]
    assert wrong == {}


def test_rules_ask_for_metrics_of_the_catalogue_by_its_labels_alone() -> None:
    names, unknown = set(CATALOGUE), set()
    for rule in rules():
        for name in re.findall(r"\basm_[a-z_]+", rule["expr"]):
            plain = re.sub(r"_(bucket|count|sum)$", "", name)
            unknown |= {plain} - names
    assert unknown == set()


@needs_promtool
def test_promtool_finds_nothing_to_say_of_the_metrics(tmp_path: Path) -> None:
    instruments = Instruments()
    for name, metric in CATALOGUE.items():
        if not metric.computed:
            count = {"counter": "inc", "gauge": "set", "histogram": "observe"}[metric.kind]
            getattr(instruments.of(name, dict.fromkeys(metric.labels, "x")), count)(1)
    progress = watched(Progress(), instruments.registry)
    progress.hold("assessment", 0, Holding.WORKING)
    progress.tick("assessment", 0, datetime.now(UTC))
    progress.look("assessment", 0, "asm.journal.v1", next_offset=1, end=2)
    page = generate_latest(instruments.registry).decode()
    assert {name for name in CATALOGUE if not re.search(rf"^{name}(_count)?(\{{| )", page, re.MULTILINE)} == set()
    linted = subprocess.run(
        [str(PROMTOOL), "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
