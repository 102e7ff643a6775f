"""The events behind each number of a score."""

from dataclasses import replace

from processors.assessment import Assessment
from processors.events import Complexity, FinalResult
from processors.score_tree import walk
from processors.vocabulary import Stage
from tests.making import (
    AFTER,
    IN_WINDOW,
    admissions,
    assessed,
    at,
    attested,
    cost,
    listed,
    observed,
    pi_set,
    quality,
    receipt,
    result,
    row,
    score_of,
)


def origins(assessment: Assessment) -> dict[str, list[str]]:
    tree = score_of(assessment).tree
    return {part.code: [e.event_id for e in part.told_by] for part in walk(tree) if part.told_by}


def test_each_part_names_the_events_that_told_it() -> None:
    final = FinalResult(final_score=62)  # type: ignore[arg-type]
    told = assessed(
        listed(event_id="roster"),
        quality(row("236"), event_id="measures"),
        pi_set(event_id="set"),
        attested("ASM_IA_1", event_id="one"),
        attested("ASM_IA_2", event_id="two"),
        result(event_id="cost", cost_measure=cost()),
        result(event_id="claims", claims_measure=admissions()),
        result(event_id="complexity", complexity=Complexity(average_hcc=1, dual_share=0)),  # type: ignore[arg-type]
        result(event_id="final", final=final),
        as_of=AFTER,
    )
    assert origins(told) == {
        "final_score": ["final"],
        "236": ["measures"],
        "492": ["claims"],
        "COST_HF_1": ["cost"],
        "ASM_IA_1": ["one"],
        "ASM_IA_2": ["two"],
        "promoting_interoperability": ["set"],
        "complex_patients": ["complexity"],
        "small_practice": ["roster"],
    }


def test_a_receipt_is_named_after_what_it_proves() -> None:
    sent = observed(quality(row("236"), event_id="sent", stage=Stage.SENT), at("2028-01-10"))
    proof = observed(receipt(event_id="proof", receipted_at=IN_WINDOW), IN_WINDOW)
    assert origins(assessed(listed(event_id="l"), sent, proof))["236"] == ["sent", "proof"]


def test_two_collection_types_name_both_their_events() -> None:
    one = quality(row("236"), event_id="cqm", collection_type="CQM", submission_id="s1")
    other = quality(row("236"), event_id="ecqm", collection_type="ECQM", submission_id="s2")
    assert origins(assessed(listed(event_id="l"), one, other))["236"] == ["cqm", "ecqm"]


def test_a_statement_attested_apart_is_named_beside_the_set() -> None:
    told = assessed(listed(event_id="l"), pi_set(event_id="set"), attested("PI_PPHI_1", event_id="statement"))
    assert origins(told)["promoting_interoperability"] == ["set", "statement"]


def test_what_nothing_was_received_of_names_nothing() -> None:
    assert origins(assessed(listed(event_id="l"))) == {"small_practice": ["l"]}


def test_a_repeat_of_a_document_under_another_event_id_does_not_change_what_is_named() -> None:
    first = observed(quality(row("236"), event_id="a"), IN_WINDOW)
    again = observed(replace(first.event, event_id="b"), at("2028-03-03"))
    assert origins(assessed(listed(event_id="l"), again, first))["236"] == ["a"]
