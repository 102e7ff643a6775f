"""Every paragraph that a value cites is tried by a case and kept by code; every case cites something that is there."""

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.rulebook.entries import entries_of
from tests.house.coverage import cases, modules_of, paragraph_of, values

#: Paragraphs that no value rests on, and that a case tries all the same: what is missing for an audit, and relief.
WITHOUT_VALUES = {"512.771", "512.780"}


def test_every_paragraph_that_a_value_cites_has_a_case() -> None:
    tried = {paragraph_of(cite) for cite in cases()}
    assert sorted(set(values()) - tried) == []


def test_every_paragraph_that_a_value_cites_is_named_by_a_module() -> None:
    assert [paragraph for paragraph in sorted(values()) if not modules_of(paragraph)] == []


def test_every_case_cites_what_the_rulebook_cites() -> None:
    cited = {
        cite for book in load_rulebooks(DEFAULT_VINTAGE).values() for e in entries_of(book) for cite in e.source.cites
    }
    known = cited | {f"42 CFR {paragraph}" for paragraph in WITHOUT_VALUES}
    assert sorted(set(cases()) - known) == []
