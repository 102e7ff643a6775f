"""No file of a vintage is sealed with a value that is unknown, or lacks what must stand beside it."""

import re

import pytest

from processors.rulebook import FILES, RulebookError, seal
from processors.rulebook.sections import Benchmarks
from tests.processors.test_rulebook import texts

BESIDE = ("meaning", "unit", "cites", "verified", "standing", "value")


def refusal(given: dict[str, str]) -> str:
    with pytest.raises(RulebookError) as refused:
        seal(given)
    return str(refused.value)


@pytest.mark.parametrize("lacking", BESIDE)
@pytest.mark.parametrize("name", FILES)
def test_each_file_is_refused_where_a_value_lacks_what_stands_beside_it(name: str, lacking: str) -> None:
    text = texts()[name]
    entries = re.split(r"(?m)^(?=\[[^\[.]+\]$)", text)
    place = max(n for n, entry in enumerate(entries) if n and re.search(rf"(?m)^{lacking} +=", entry))
    key = entries[place].partition("]")[0].strip('["')
    entries[place] = re.sub(rf"(?ms)^{lacking} +=.*?(?=^\w+ +=|^\[|\Z)", "", entries[place], count=1)
    assert refusal(texts() | {name: "".join(entries)}) == f"{name}: {key}: lacks ['{lacking}']"


@pytest.mark.parametrize("name", [name for name, (_, section) in FILES.items() if section is not Benchmarks])
def test_each_file_is_refused_with_a_key_that_nobody_reads(name: str) -> None:
    extra = (
        '\n[colour]\nmeaning = "c"\nunit = "none"\ncites = ["c"]\nstanding = "cms"\nverified = 2026-11-25\nvalue = 1\n'
    )
    assert refusal(texts() | {name: texts()[name] + extra}) == f"{name}: keys unknown or missing: ['colour']"


BY_YEAR = [name for name in FILES if "by_year" in texts()[name]]


@pytest.mark.parametrize("year", [2027, 2028, 2029, 2030, 2031])
@pytest.mark.parametrize("name", BY_YEAR)
def test_each_file_is_refused_where_a_year_of_a_value_is_missing(name: str, year: int) -> None:
    without = re.sub(rf"(?ms)^{year} = \{{.*?\}}\n(?=\d{{4}} =|\n|\Z)", "", texts()[name], count=1)
    assert "by_year must name each of [2027, 2028, 2029, 2030, 2031], no other" in refusal(texts() | {name: without})


@pytest.mark.parametrize("name", BY_YEAR)
def test_each_file_is_refused_where_a_value_has_a_year_too_many(name: str) -> None:
    more = re.sub(r"(?m)^2027 = ", "2026 = { value = 1, standing = 'cms' }\n2027 = ", texts()[name], count=1)
    assert "by_year must name each of [2027, 2028, 2029, 2030, 2031], no other" in refusal(texts() | {name: more})


def test_each_year_of_a_value_needs_its_own_standing() -> None:
    name = "512_750_payment.toml"
    without = texts()[name].replace('2029 = { value = 0.10, standing = "secondary" }', "2029 = { value = 0.10 }")
    assert refusal(texts() | {name: without}) == f"{name}: risk_level: lacks ['standing']"
