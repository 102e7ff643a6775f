"""What ships for Prometheus and Alertmanager, as their own programs check it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.making import rulebook

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "infra" / "monitoring"


def run(folder: Path, *command: str) -> tuple[int, str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed (Debian: prometheus, prometheus-alertmanager)")
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return told.returncode, told.stdout + told.stderr


def test_promtool_finds_nothing_wrong_in_the_rules_and_they_fire_when_the_heartbeat_stops(tmp_path: Path) -> None:
    for file in (SHIPPED / "heartbeat.rules.yml", ROOT / "tests" / "infra" / "heartbeat.test.yml"):
        shutil.copy(file, tmp_path)
    checked = run(tmp_path, "promtool", "check", "rules", "heartbeat.rules.yml")
    tried = run(tmp_path, "promtool", "test", "rules", "heartbeat.test.yml")
    assert (checked[0], "2 rules found" in checked[1], tried) == (
        0,
        True,
        (0, "Unit Testing:  heartbeat.test.yml\n  SUCCESS\n\n"),
    )


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
