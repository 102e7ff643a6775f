"""How a comparison is told: as JSON, in a terminal and as a page; a TIN in none, and on the page no small count."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from processors.comparison_summary import Comparison
from processors.events import EventName
from processors.movement import Cause, ClaimsTold, EventTold, Passed
from processors.rulebook.entries import Difference
from processors.rulebook.hybrid import LawChange
from processors.simulated_world import Timed
from streams.commands.replay_diff_tables import because_of, show
from streams.commands.terminal import OUT
from streams.diff_document import by_years, document_of, rule_moves, shown_values
from streams.diff_page import page_of
from streams.generation_diff import GenerationDiff
from streams.laws import Kept
from streams.state import PartitionState
from streams.wording import as_json
from tests.generations import (
    BENCHMARK_CORRECTED,
    COMPLETENESS_CORRECTED,
    ELEMENTS_COST,
    MORE_ELEMENTS,
    PRESENT,
    generation,
)
from tests.making import NPI, TIN, YEAR, at, attested, listed
from tests.streams.laws import rulebooks_with
from tests.streams.test_generation_diff import INCOMPLETE, NOW, WELL, cohort, forged, reported, under

BOTH = (BENCHMARK_CORRECTED, COMPLETENESS_CORRECTED)


def sides(world: Sequence[Timed[Any]], *changes: tuple[str, str, str, str]) -> Mapping[str, Kept]:
    return {"a": generation(world, NOW), "b": under(list(world), *changes)}


def compared(given: Mapping[str, Kept]) -> Comparison:
    return GenerationDiff(given["a"], given["b"], lambda _partition, _span: {}).compared()


def document(given: Mapping[str, Kept]) -> dict[str, Any]:
    text = as_json(document_of(compared(given), given))
    assert TIN.digits not in text
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is shown of a comparison, as text."""

    def of(given: Mapping[str, Kept], most: int = 40) -> str:
        with OUT.capture() as told:
            show(compared(given), given, most)
        text = told.get()
        assert TIN.digits not in text
        return text

    return of


def test_the_document_has_the_rule_with_both_values_and_its_citation_for_each_mover() -> None:
    found = document(sides(reported(*WELL), *BOTH))
    assert set(found) == {
        "a",
        "b",
        "participants",
        "differ",
        "unexplained",
        "distribution",
        "thresholds",
        "rules",
        "movers",
        "obligations",
    }
    assert (found["a"]["generation"], found["b"]["generation"], found["participants"]) == ("live", "next", 1)
    assert found["a"]["partitions"] == [
        {"partition": 0, "applied": 6, "as_of": "2028-02-10T00:00:00Z", "engine": found["a"]["partitions"][0]["engine"]}
    ]
    assert found["differ"] == {"FINAL": 1, "FIGURES": 0, "WORDS": 0}
    (mover,) = found["movers"]
    (cause,) = mover["causes"]
    assert {"npi", "practice_alias", "extent", "before", "after", "change", "parts", "causes"} <= set(mover)
    assert (mover["npi"], cause["kind"], cause["effect"]) == (NPI, "RULE", mover["change"])
    rule = cause["rule"]
    assert (rule["key"], rule["before"]["value"][1], rule["after"]["value"][1]) == ("benchmarks.236/ECQM", 45.28, 55.28)
    assert (rule["before"]["cites"][0], rule["before"]["standing"]) == ("90 FR 49634", "analog")
    assert [(r["key"], r["performance_year"], r["moves_alone"]) for r in found["rules"][:2]] == [
        ("benchmarks.236/ECQM", YEAR, 1),
        ("benchmarks.236/ECQM", YEAR + 1, 0),
    ]


def test_the_document_has_who_crosses_a_threshold_and_the_obligations() -> None:
    found = document(sides(reported(INCOMPLETE), *BOTH))
    zero, failed, factor = found["thresholds"]
    assert (zero["threshold"], zero["enters"], zero["leaves"]) == ("FINAL_SCORE_ZERO", 0, 1)
    assert zero["participants"][0] == {
        "npi": NPI,
        "practice_alias": "north",
        "performance_year": YEAR,
        "cohort": "HEART_FAILURE",
        "enters": False,
        "before": 0,
        "after": found["movers"][0]["after"],
    }
    assert (failed["leaves"], factor["participants"]) == (1, [])
    (obligation,) = found["obligations"]
    assert (obligation["item"], obligation["after"], obligation["stands"]) == ("236", "MET", "DONE")
    assert obligation["causes"][0]["rule"]["key"] == "quality.data_completeness_min"


def test_what_differs_alike_in_several_years_is_one_row() -> None:
    given = sides(reported(*WELL), BENCHMARK_CORRECTED)
    ((moves, years),) = by_years(rule_moves(compared(given)))
    assert (moves.difference.key, moves.alone, moves.together, years) == ("benchmarks.236/ECQM", 1, 0, "2027–2031")
    pair = rule_moves(compared(sides(reported(*WELL), ELEMENTS_COST, MORE_ELEMENTS)))
    assert {(m.alone, m.together) for m in pair if m.difference.performance_year == YEAR} == {(0, 1)}
    only = replace(moves, alone=3)
    assert by_years([only]) == [(only, "2027")]


def difference(*change: Any) -> Difference:
    (found,) = LawChange(PRESENT[YEAR], rulebooks_with(change)[YEAR]).differences.values()
    return found


def test_of_lists_and_rows_what_differs_is_shown() -> None:
    assert shown_values(difference(*COMPLETENESS_CORRECTED)) == ("0.75", "0.6")
    assert shown_values(difference(*MORE_ELEMENTS)) == ("…, ASM_IA_2 elements_min 3", "…, ASM_IA_2 elements_min 4")
    before, after = shown_values(difference(*BENCHMARK_CORRECTED))
    assert (before[:9], after[:9], before[-3:]) == ("…, 45.28,", "…, 55.28,", ", …")
    surer = difference("512_725_quality.toml", "data_completeness_min", "secondary", "cms")
    assert shown_values(surer) == ("0.75 (secondary)", "0.75 (cms)")
    gone = replace(difference(*BENCHMARK_CORRECTED), after=None)
    assert shown_values(gone) == ("[4.76,45.28,55.56,61.54,65.61,68.98,72,75,78.7,84.04,98.18]", "–")
    longer = difference("512_710_episodes.toml", "claim_types", "value    = [", 'value    = ["A", "B", ')
    assert all(len(text) <= 72 for text in shown_values(longer))


def test_causes_are_told_in_words_with_their_effects() -> None:
    name = EventName(source="registry", event_id="q2")
    event = EventTold(name=name, type="SubmissionReceived", origin="asm.submissions.v1/0/7", added=True)
    claims = ClaimsTold(count=3, last=name, origin="asm.claims.v1/0/7")
    passed = Passed(name="T_7", at=at("2028-03-25"))
    told = because_of(
        [
            Cause(kind="RULE", rule=difference(*COMPLETENESS_CORRECTED), effect=Decimal(2)),
            Cause(kind="EVENT", event=event, effect=Decimal("-1.5")),
            Cause(kind="EVENT", event=replace(event, added=False)),
            Cause(kind="CLAIMS", claims=claims),
            Cause(kind="CLOCK", passed=(passed,), detail="then to now"),
            Cause(kind="CLOCK", detail="then to now"),
            Cause(kind="RULE", rule=difference(*BENCHMARK_CORRECTED), together=True, effect=Decimal(4)),
            Cause(kind="CLAIMS", together=True, effect=Decimal(4)),
        ]
    )
    assert told.splitlines() == [
        "quality.data_completeness_min 0.75 → 0.6 (+2.00)",
        "SubmissionReceived registry q2, which only B has so (asm.submissions.v1/0/7) (-1.50)",
        "SubmissionReceived registry q2, which only A has so (asm.submissions.v1/0/7)",
        "3 claims, the last registry q2",
        "the clock, then to now, with T_7 2028-03-24 20:00 EDT between",
        "CLOCK: then to now",
        "only together: benchmarks.236/ECQM (above); claims (+4.00)",
    ]


def test_a_terminal_shows_the_whole_and_then_each(shown: Any) -> None:
    text = shown(sides(reported(INCOMPLETE), *BOTH))
    titles = [line.rstrip() for line in text.splitlines() if line and line[0].isalpha()]
    assert [t for t in titles if not t.startswith(("A live", "B next"))] == [
        "Participants",
        "By how many points the final score changes",
        "Who crosses a threshold that matters",
        "What differs in the law",
        "Who moves: 1",
        "Obligations by item",
        "Obligations that open, close or are lost: 1",
        "An estimate by asm-streams, not a determination by CMS.",
    ]
    assert "0.75 → 0.6" in text
    assert "Who moves: 0 of 1 (--most, --json)" in shown(sides(reported(INCOMPLETE), *BOTH), 0)


def test_nothing_that_differs_is_shown_as_such(shown: Any) -> None:
    text = shown(sides(reported(*WELL)))
    assert ("Who moves" in text, "Obligations" in text) == (False, False)
    world = sides(reported(*WELL))
    empty = Kept(law=world["a"].law, states={0: PartitionState(world["a"].law.fresh_mark())})
    assert "as of no tick yet" in shown({"a": empty, "b": empty})


def test_what_moved_for_no_cause_is_shown_first(shown: Any) -> None:
    given = sides(reported(*WELL), BENCHMARK_CORRECTED)
    text = shown({"a": given["a"], "b": forged(given["b"], digest="forged", final_score=Decimal(1))})
    assert text.index("MOVED FOR NO CAUSE FOUND") < text.index("Participants")
    assert "NO_CAUSE_FOUND: B says 1.00, and its own facts and law give" in text


class Text(HTMLParser):
    """The tags of a page, and the text in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style":
            self.words += data.split()


def read(page: str) -> Text:
    text = Text()
    text.feed(page)
    return text


def test_the_page_needs_no_script_and_fetches_nothing_and_names_nobody() -> None:
    given = sides(cohort(14), BENCHMARK_CORRECTED)
    page = page_of(compared(given), given)
    text = read(page)
    assert (text.tags & {"script", "img", "link", "iframe"}, text.links, "url(" in page) == (set(), [], False)
    assert not re.search(r"\b1\d{9}\b|north", page)
    assert TIN.digits not in page
    told = " ".join(text.words)
    assert "14 participants; 14 have another final score." in told
    assert "benchmarks.236/ECQM 14" in told
    assert "no cause found" not in told
    assert told.index("What causes another final score") < told.index("What differs another")


def test_the_page_hides_what_is_of_too_few_and_says_so() -> None:
    world = cohort(13)
    one = listed(npi=type(NPI)("1000000020"), event_id="l20", practice_alias="north")
    after = generation([*world, Timed(at("2028-02-02"), one)], NOW, name="next")
    given = {"a": generation(world, NOW), "b": after}
    told = " ".join(read(page_of(compared(given), given)).words)
    assert "14 participants; how many of them have another final score is hidden." in told
    assert "a score for the first time hidden" in told
    assert "the same hidden" in told
    few = sides(cohort(10), BENCHMARK_CORRECTED)
    assert "Too few participants to be told of." in " ".join(read(page_of(compared(few), few)).words)


def test_the_page_says_where_nothing_differs_and_where_a_cause_is_missing() -> None:
    same = sides(cohort(12))
    told = " ".join(read(page_of(compared(same), same)).words)
    assert "What differs in the law Nothing." in told
    assert "12 participants; none has another final score." in told
    given = sides(reported(*WELL))
    wrong = {"a": given["a"], "b": forged(given["b"], digest="forged", final_score=Decimal(1))}
    assert "Scores moved for no cause found." in " ".join(read(page_of(compared(wrong), wrong)).words)


def test_an_obligation_of_the_practice_counts_all_who_bill_under_it() -> None:
    world = cohort(12)
    before = [t for t in world if getattr(t.event, "activity_id", "") != "ASM_IA_2"]
    given = {"a": generation(before, NOW), "b": generation([*before, *extra()], NOW, name="next")}
    told = " ".join(read(page_of(compared(given), given)).words)
    assert "Obligation ASM_IA_2 opens 0 closes 12 is lost 0 neither 0" in told


def extra() -> list[Timed[Any]]:
    return [Timed(at("2028-02-02"), attested("ASM_IA_2", event_id="later"))]
