"""``asm replay diff``: what goes where, and the exit code; the generations are in memory."""

import csv
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from streams.commands import app, replay_diff
from streams.laws import Kept
from tests.generations import BENCHMARK_CORRECTED
from tests.making import TIN
from tests.streams.test_diff_words import sides
from tests.streams.test_generation_diff import WELL, cohort, forged, reported


@pytest.fixture
def asm(monkeypatch: pytest.MonkeyPatch) -> "Asm":
    """The command line over generations that are given instead of a cluster's."""
    return Asm(monkeypatch)


class Asm:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def __call__(self, given: Mapping[str, Kept], *arguments: str) -> Result:
        self._patch.setattr(replay_diff, "connect", lambda _settings: None)
        self._patch.setattr(replay_diff, "kept", lambda _connection, name: given[name])
        told = CliRunner().invoke(app, ["replay", "diff", "a", "b", *arguments])
        assert TIN.digits not in told.output
        return told


def test_json_is_one_document_on_standard_output_and_nothing_else(asm: Asm) -> None:
    told = asm(sides(reported(*WELL), BENCHMARK_CORRECTED), "--json")
    assert (told.exit_code, told.stderr, told.stdout.count("\n")) == (0, "", 1)
    assert json.loads(told.stdout)["differ"]["FINAL"] == 1


def test_csv_has_a_row_a_cell_and_says_which_are_hidden(asm: Asm) -> None:
    told = asm(sides(cohort(12), BENCHMARK_CORRECTED), "--csv")
    rows = list(csv.reader(told.stdout.splitlines()))
    assert rows[:2] == [
        ["performance_year", "cohort", "figure", "cell", "participants", "suppressed"],
        ["2027", "HEART_FAILURE", "participants", "all", "12", "0"],
    ]
    hidden = [row for row in rows if row[-1] == "1"]
    assert hidden
    assert {row[4] for row in hidden} == {""}
    assert ["2027", "HEART_FAILURE", "cause of another final score", "benchmarks.236/ECQM", "12", "0"] in rows


def test_a_page_is_written_beside_what_is_printed(asm: Asm, tmp_path: Path) -> None:
    page = tmp_path / "diff.html"
    alone = asm(sides(cohort(12), BENCHMARK_CORRECTED), "--html", str(page))
    assert (alone.stdout, alone.stderr, page.read_text()[:15]) == ("", f"asm: {page} written.\n", "<!doctype html>")
    assert json.loads(asm(sides(cohort(12), BENCHMARK_CORRECTED), "--html", str(page), "--json").stdout)


def test_json_and_csv_at_once_are_refused(asm: Asm) -> None:
    assert asm({}, "--json", "--csv").exit_code == 2


def test_a_score_that_moved_for_no_cause_ends_it_with_1_and_says_what_to_do(asm: Asm) -> None:
    given = sides(reported(*WELL))
    wrong = {"a": given["a"], "b": forged(given["b"], digest="forged", final_score=Decimal(1))}
    for form in ("--json", "--csv", "--most=3"):
        told = asm(wrong, form)
        assert (told.exit_code, "Scores that moved for no cause found: 1." in told.stderr) == (1, True)
        assert "Promote neither; see docs/operations/diff.md." in told.stderr


def test_without_a_form_tables_are_shown(asm: Asm) -> None:
    told = asm(sides(reported(*WELL), BENCHMARK_CORRECTED))
    assert (told.exit_code, "Who moves: 1" in told.stdout) == (0, True)
