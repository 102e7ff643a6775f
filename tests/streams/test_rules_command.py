"""``asm rules``: the law value by value, and what two vintages differ in."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.rulebook import FILES
from processors.rulebook.entries import entries_of
from streams.commands import app

YEARS = list(load_rulebooks(DEFAULT_VINTAGE))
COMPLETENESS = "quality.data_completeness_min"


def asm(*arguments: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, list(arguments))
    return told.exit_code, told.stdout


def listed(*arguments: str) -> list[dict[str, Any]]:
    code, printed = asm("rules", *arguments, "--json")
    assert code == 0
    found: list[dict[str, Any]] = json.loads(printed)
    return found


@pytest.fixture
def invented(tmp_path: Path) -> Path:
    """A vintage of its own in a folder: the least completeness is another in it."""
    shipped = files("processors.rulebook").joinpath(DEFAULT_VINTAGE)
    for name in FILES:
        text = shipped.joinpath(name).read_text().replace(DEFAULT_VINTAGE, "cy2099_invented")
        (tmp_path / name).write_text(text.replace("value    = 0.75", "value    = 0.60"))
    return tmp_path


def test_a_list_has_every_value_of_every_year_with_all_that_is_known_of_it() -> None:
    found = listed("list")
    assert len(found) == sum(len(list(entries_of(book))) for book in load_rulebooks(DEFAULT_VINTAGE).values())
    names = {"key", "value", "performance_year", "vintage", "meaning", "unit", "cites", "standing", "verified"}
    assert {frozenset(entry) for entry in found} == {frozenset(names)}
    (entry,) = [e for e in found if e["key"] == COMPLETENESS and e["performance_year"] == YEARS[0]]
    assert (entry["value"], entry["standing"], entry["vintage"]) == (0.75, "secondary", DEFAULT_VINTAGE)
    assert "none" in {e["unit"] for e in found}


def test_a_list_may_be_of_one_standing_and_year() -> None:
    found = listed("list", "--standing", "assumed", "--year", str(YEARS[0]))
    assert {(e["standing"], e["performance_year"]) for e in found} == {("assumed", YEARS[0])}
    assert "submission.due_instant" in {e["key"] for e in found}


def test_a_citation_shows_what_rests_on_it() -> None:
    found = listed("show", "512.730", "--year", str(YEARS[0]))
    assert {e["key"] for e in found} >= {"cost.episode_minimum", "cost.cut_points"}
    assert all("512.730" in " ".join(e["cites"]) for e in found)
    code, printed = asm("rules", "show", "512.730")
    assert (code, "cost.episode_minimum" in printed, f"{YEARS[0]}–{YEARS[-1]}" in printed) == (0, True, True)
    assert asm("rules", "show", "512.999")[0] == 1


def test_a_digest_shows_the_text_that_it_stands_for() -> None:
    book = load_rulebooks(DEFAULT_VINTAGE)[YEARS[-1]]
    code, printed = asm("rules", "show", "--digest", book.digest[:12])
    assert (code, printed.strip()) == (0, book.text)
    assert asm("rules", "show", "--digest", "abc")[0] == 2
    assert asm("rules", "show")[0] == 2


def test_a_check_seals_what_ships_and_what_is_yours(invented: Path) -> None:
    code, printed = asm("rules", "check", str(invented), "--json")
    told = json.loads(printed)
    assert (code, told["refused"]) == (0, [])
    assert [(r["vintage"], r["performance_year"]) for r in told["sealed"]] == [
        (vintage, year) for vintage in (DEFAULT_VINTAGE, "cy2099_invented") for year in YEARS
    ]


def test_a_check_says_what_is_wrong_with_a_file(invented: Path) -> None:
    broken = invented / "512_725_quality.toml"
    broken.write_text(broken.read_text().replace("[data_completeness_min]", "[completeness]"))
    code, printed = asm("rules", "check", str(invented), "--json")
    (refused,) = json.loads(printed)["refused"]
    assert (code, "512_725_quality.toml" in refused["error"], "completeness" in refused["error"]) == (1, True, True)


def test_a_difference_is_told_for_each_year_and_nothing_else(invented: Path) -> None:
    found = json.loads(asm("rules", "diff", DEFAULT_VINTAGE, str(invented), "--json")[1])
    assert found == [
        {
            "key": COMPLETENESS,
            "performance_year": year,
            "before": {"value": 0.75, "standing": "secondary"},
            "after": {"value": 0.6, "standing": "secondary"},
        }
        for year in YEARS
    ]
    assert json.loads(asm("rules", "diff", DEFAULT_VINTAGE, DEFAULT_VINTAGE, "--json")[1]) == []


def test_a_vintage_or_year_that_is_not_there_is_a_usage_error() -> None:
    assert asm("rules", "list", "--vintage", "cy1999")[0] == 2
    assert asm("rules", "list", "--year", "1999")[0] == 2
    assert asm("rules", "diff", DEFAULT_VINTAGE, "cy1999")[0] == 2
