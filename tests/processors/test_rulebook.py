"""The law is data: complete, cited, sealed; a wrong file is refused with a sentence that names it."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.assessment import assess
from processors.rulebook import FILES, Rulebook, RulebookError, Section, Standing, seal, unseal, weakest
from tests.making import IN_WINDOW, YEAR, facts, listed, quality, row, score_of

NEW_YORK = ZoneInfo("America/New_York")
QUALITY, SUBMISSION, TERMS = "512_725_quality.toml", "512_720_data_submission.toml", "512_705_terms.toml"


def texts() -> dict[str, str]:
    folder = files("processors.rulebook").joinpath(DEFAULT_VINTAGE)
    return {name: folder.joinpath(name).read_text() for name in FILES}


def sections(rulebook: Rulebook) -> list[Section]:
    return [getattr(rulebook, f.name) for f in fields(rulebook) if isinstance(getattr(rulebook, f.name), Section)]


def test_a_rulebook_is_sealed_for_each_performance_year() -> None:
    books = load_rulebooks(DEFAULT_VINTAGE)
    assert list(books) == [2027, 2028, 2029, 2030, 2031]
    assert len({book.digest for book in books.values()}) == 5


def test_every_value_has_a_source_that_says_something() -> None:
    for section in sections(load_rulebooks(DEFAULT_VINTAGE)[YEAR]):
        for key, source in section.sources.items():
            assert (key, all((source.meaning, source.unit, source.cites, source.verified))) == (key, True)


def test_every_instant_of_the_law_is_a_whole_minute() -> None:
    def instants(value: object) -> list[datetime]:
        if isinstance(value, datetime):
            return [value]
        if isinstance(value, tuple):
            return [i for item in value for i in instants(item)]
        if is_dataclass(value):
            return [i for f in fields(value) if f.name != "sources" for i in instants(getattr(value, f.name))]
        return []

    found = [i for book in load_rulebooks(DEFAULT_VINTAGE).values() for s in sections(book) for i in instants(s)]
    assert len(found) == 5 * 18
    assert [i for i in found if i.second or i.microsecond] == []


@pytest.mark.parametrize("year", [2027, 2028, 2029, 2030, 2031])
def test_the_instants_are_those_of_new_yorks_clock(year: int) -> None:
    rules = load_rulebooks(DEFAULT_VINTAGE)[year].submission
    due = datetime.combine(date(year + 1, 3, 31), time(20), tzinfo=NEW_YORK)
    days = {f"T_{n}": due - timedelta(days=n) for n in (90, 60, 30, 14, 7, 3, 1)}  # wall clock arithmetic
    expected = days | {"DUE": due.replace(hour=0), "PAST": due}
    assert {s.stage: s.at for s in rules.stages} == expected
    assert rules.due_instant == due
    assert rules.due_date == due.date()
    lengths = {"IMPROVEMENT_ACTIVITIES": 90, "PROMOTING_INTEROPERABILITY": 180}
    for start in rules.last_starts:
        on = date(year, 12, 31) - timedelta(days=lengths[start.category] - 1)
        midnight = datetime.combine(on, time(), tzinfo=NEW_YORK)
        instants = (midnight, midnight - timedelta(days=30), midnight + timedelta(days=1))
        assert (start.on, start.at, start.warns_at, start.passed_at) == (on, *instants)


def test_a_standing_is_as_weak_as_the_weakest_it_rests_on() -> None:
    assert weakest([Standing.VERBATIM, Standing.ANALOG, Standing.CMS]) is Standing.ANALOG
    assert weakest([]) is Standing.VERBATIM


def test_a_changed_value_needs_no_code_and_gives_another_digest() -> None:
    changed = texts()
    changed[QUALITY] = changed[QUALITY].replace("value    = 0.75", "value    = 0.60")
    for name in changed:
        changed[name] = changed[name].replace('vintage = "cy2026_final"', 'vintage = "cy2099_invented"')
    invented, present = seal(changed)[YEAR], load_rulebooks(DEFAULT_VINTAGE)[YEAR]
    told = facts(listed(), quality(row("236", 60, 5, eligible_population=100)))
    points = [score_of(assess(told, book, IN_WINDOW)).tree.parts[0].parts[3].value for book in (present, invented)]
    assert points == [Decimal(0), Decimal(10)]
    assert (invented.vintage, invented.digest != present.digest) == ("cy2099_invented", True)


def test_the_text_of_a_rulebook_has_its_digest() -> None:
    book = load_rulebooks(DEFAULT_VINTAGE)[YEAR]
    assert sha256(book.text.encode()).hexdigest() == book.digest


def dropped(name: str, start: str) -> Callable[[dict[str, str]], None]:
    """Drop the first line of a file that begins so."""

    def change(given: dict[str, str]) -> None:
        lines = given[name].splitlines(keepends=True)
        lines.remove(next(line for line in lines if line.startswith(start)))
        given[name] = "".join(lines)

    return change


def replaced(name: str, old: str, new: str) -> Callable[[dict[str, str]], None]:
    def change(given: dict[str, str]) -> None:
        assert old in given[name]
        given[name] = given[name].replace(old, new, 1)

    return change


WRONG: list[tuple[Callable[[dict[str, str]], None], str]] = [
    (lambda given: given.__delitem__(QUALITY), "unknown or missing"),
    (lambda given: given.update({"512_999_unknown.toml": ""}), "unknown or missing"),
    (replaced(QUALITY, "[data_completeness_min]", "[data_completeness_min"), "not TOML"),
    (dropped(QUALITY, "vintage"), "lacks the text 'vintage'"),
    (replaced(QUALITY, "cy2026_final", "cy2030_final"), "name several"),
    (replaced(QUALITY, "[data_completeness_min]", "[data_completeness_least]"), "keys unknown or missing"),
    (dropped(QUALITY, "meaning"), "data_completeness_min: lacks ['meaning']"),
    (dropped(QUALITY, "unit"), "data_completeness_min: lacks ['unit']"),
    (dropped(QUALITY, "cites"), "data_completeness_min: lacks ['cites']"),
    (dropped(QUALITY, "standing"), "data_completeness_min: lacks ['standing']"),
    (dropped(QUALITY, "verified"), "data_completeness_min: lacks ['verified']"),
    (dropped(QUALITY, "value"), "data_completeness_min: lacks ['value']"),
    (replaced(QUALITY, 'unit     = "ratio"', 'unit     = ""'), "must say something"),
    (replaced(QUALITY, "verified = 2026-11-23", 'verified = "soon"'), "verified must be a date"),
    (replaced(QUALITY, 'standing = "secondary"', 'standing = "rumour"'), "is none of"),
    (replaced(QUALITY, "value    = 0.75", 'value    = "much"'), "'much' is not a Decimal"),
    (replaced(QUALITY, "value    = 20", "value    = 20.5"), "is not a int"),
    (replaced(QUALITY, "value    = 0.75", "value    = 0.75\ncolour   = 3"), "an entry is a table of"),
    (replaced(SUBMISSION, "2031 = { value = 2032-04-01T", "2032 = { value = 2032-04-01T"), "by_year must name each of"),
    (replaced(SUBMISSION, "2028-04-01T00:00:00Z", "2028-04-01T00:00:00"), "is not a datetime"),
    (replaced(QUALITY, 'stratum = "overall"', 'layer = "overall"'), "is not a table of"),
    (replaced(QUALITY, 'collection_types = ["ECQM", "CQM"]', 'collection_types = "ECQM"'), "is not a list"),
    (replaced(TERMS, "value    = [2027, 2028, 2029, 2030, 2031]", ""), "performance_years lacks a value"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_file_is_refused(change: Callable[[dict[str, str]], None], sentence: str) -> None:
    given = texts()
    change(given)
    with pytest.raises(RulebookError) as refused:
        seal(given)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("year", [2027, 2028, 2029, 2030, 2031])
def test_the_text_of_a_rulebook_gives_the_rulebook_again(year: int) -> None:
    book = load_rulebooks(DEFAULT_VINTAGE)[year]
    again = unseal(book.text)
    assert (again, again.text, again.digest) == (book, book.text, book.digest)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda _: "[]",
        lambda text: text.replace('"performance_year":2027', '"performance_years":2027'),
        lambda text: text.replace("512_725_quality.toml", "512_725_qualities.toml"),
        lambda text: text.replace('"verified":"2', '"verified":"3000-'),
        lambda text: text.replace('"sections":{', '"sections":{"other.toml":{},'),
    ],
)
def test_what_is_no_text_of_a_rulebook_of_this_release_is_refused(spoil: Callable[[str], str]) -> None:
    text = load_rulebooks(DEFAULT_VINTAGE)[YEAR].text
    spoiled = spoil(text)
    assert spoiled != text
    with pytest.raises(RulebookError, match=r"^not the text of a sealed rulebook of this release: "):
        unseal(spoiled)


def test_a_vintage_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(RulebookError, match="there are cy2026_final"):
        load_rulebooks("cy1999_final")
