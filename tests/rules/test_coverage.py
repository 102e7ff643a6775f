"""Every value is reached by a case, every paragraph has one and is kept by code, every case cites what is there."""

from collections.abc import Callable, Mapping

import pytest

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.rulebook.entries import Entry
from tests.house.coverage import modules_of, tables, values, wrong_with
from tests.rules.test_cases import CASES

BOOKS = load_rulebooks(DEFAULT_VINTAGE).values()


def without_effect(entry: Entry) -> list[str]:
    """The changes of a benchmark that change no points: of its unused end, and of one of three equal bounds at the end
    of what a rate can be, beyond it."""
    bounds: tuple[object, ...] = entry.value  # type: ignore[assignment]
    within = [n for n in range(2, 9) if bounds[n - 1] == bounds[n] == bounds[n + 1]]
    if entry.key.partition(".")[2] in {"492/CLAIMS", "238/ECQM", "238/CQM"}:
        return ["[0] more", "[0] less", *(f"[{n}] less" for n in within)]
    return [*(f"[{n}] more" for n in within), "[10] more", "[10] less"]


def test_no_value_of_the_law_can_be_changed_without_a_case_that_fails() -> None:
    excepted = {entry.key: without_effect(entry) for entry, _ in CASES.values() if entry.key.startswith("benchmarks.")}
    told = list(CASES.unnoticed())
    assert {key: missed for key, _, missed, _ in told if missed} == excepted
    assert sum(tried for *_, tried in told) > 1000


def test_every_paragraph_that_a_value_cites_is_named_by_a_module() -> None:
    paragraphs = sorted(text for text in values(BOOKS) if text.startswith("512."))
    assert [paragraph for paragraph in paragraphs if not modules_of(paragraph)] == []


def test_the_case_tables_have_every_paragraph_and_cite_what_the_rulebook_cites() -> None:
    assert wrong_with(tables(), BOOKS) == []


CASE = 'why = "Extra."\ncites = "42 CFR 512.725"\nperformance_year = 2027\ngiven = {}\nexpect = {}'
WRONG: list[tuple[Callable[[str], str], str]] = [
    (lambda row: row.replace("512.725", "512.999"), "cites '42 CFR 512.999', which no value of the rulebook does"),
    (lambda row: row.replace('cites = "42 CFR 512.725"\n', ""), "cites None"),
    (lambda row: row.replace("given = {}\n", ""), "has not exactly"),
    (lambda row: f"{row}\ncolour = 3", "has not exactly"),
    (lambda row: row.replace("2027", "2026"), "no rulebook of 2026"),
    (lambda row: f"{row}\n\n[[case]]\n{row}", "is said twice"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_case_is_told(change: Callable[[str], str], sentence: str) -> None:
    given = tables()
    assert wrong_with(_with_row(given, CASE), BOOKS) == []
    told = wrong_with(_with_row(given, change(CASE)), BOOKS)
    assert [sentence in each for each in told].count(True) == 1


def _with_row(given: Mapping[str, str], row: str) -> dict[str, str]:
    return {**given, "512_725_quality.toml": f"{given['512_725_quality.toml']}\n[[case]]\n{row}\n"}


def test_a_paragraph_that_loses_its_cases_is_told() -> None:
    given = {name: text.replace('"42 CFR 512.755"', '"42 CFR 512.780"') for name, text in tables().items()}
    assert wrong_with(given, BOOKS) == ["42 CFR 512.755 has a value and no case"]
