"""A beneficiary's ledger: what stands, what is kept of it, and what is left of the rest."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.episodes import episode_rules
from processors.events import BeneficiaryLinked, ClaimLine, ClaimReceived, Observed
from processors.ledger import KeptLine, Ledger, conflicting_claims, fold_claim, fold_link, merged, standing_claims
from processors.traces import Trace, Traces
from processors.vocabulary import ClaimAction, Disposition
from schemas.packed_ledger import LedgerRecord, packed, unpacked
from schemas.state import pack, unpack
from tests.making import IN_WINDOW, NPI, TIN, TOKEN, claim, keep, observed, rulebook

RULES = episode_rules(rulebook())
PRECEDENCE = RULES.precedence
OTHER_TOKEN = TOKEN[:-1] + "A"


def ledger(*claims: ClaimReceived | Observed[Any]) -> Ledger:
    folded = Ledger(tin=TIN, beneficiary=TOKEN)
    for item in claims:
        folded = fold_claim(folded, item if isinstance(item, Observed) else observed(item), keep)
    return folded


def standing(told: Ledger) -> list[str]:
    return [c.event_id for c in standing_claims(told, PRECEDENCE)]


def conflicts(told: Ledger) -> list[str]:
    return [c.event_id for c, _ in conflicting_claims(told)]


def test_the_highest_version_of_a_claim_stands() -> None:
    told = ledger(claim(event_id="v2", version=2), claim(event_id="v1"), claim(event_id="v3", version=3))
    assert standing(told) == ["v3"]


def test_a_cancelled_claim_is_gone_and_an_older_version_does_not_bring_it_back() -> None:
    told = ledger(claim(event_id="v2", version=2, action=ClaimAction.CANCEL), claim(event_id="v1"))
    assert standing(told) == []


@pytest.mark.parametrize("order", [1, -1])
def test_of_one_claim_from_two_sources_the_better_sources_word_stands(order: int) -> None:
    told = [claim(event_id="a", source="cclf-north"), claim(event_id="b", source="rif-north")]
    assert standing(ledger(*told[::order])) == ["b"]


def test_of_two_sources_that_no_rule_names_the_first_by_name_stands() -> None:
    assert standing(ledger(claim(event_id="a", source="zeta"), claim(event_id="b", source="alpha"))) == ["b"]


@pytest.mark.parametrize("order", [1, -1])
def test_what_the_better_source_cancels_does_not_stand_from_another(order: int) -> None:
    told = [claim(event_id="a", source="cclf"), claim(event_id="b", source="rif", action=ClaimAction.CANCEL)]
    assert standing(ledger(*told[::order])) == []


def test_the_same_version_with_the_same_content_is_a_repeat() -> None:
    told = ledger(claim(event_id="a"), claim(event_id="b"))
    assert (standing(told), conflicts(told)) == ([told.claims[0].event_id], [])


def test_of_the_same_version_with_other_content_the_first_received_stands() -> None:
    first = observed(claim(event_id="a"), IN_WINDOW)
    second = observed(claim(event_id="b", diagnoses=("I110",)), IN_WINDOW + timedelta(days=1))
    told = ledger(second, first)
    assert (standing(told), conflicts(told)) == (["a"], ["b"])


CLAIMS = st.lists(
    st.builds(
        lambda event_id, claim_id, version, action, diagnosis, days: observed(
            claim(event_id=event_id, claim_id=claim_id, version=version, action=action, diagnoses=(diagnosis,)),
            IN_WINDOW + timedelta(days=days),
        ),
        event_id=st.sampled_from("abcdef"),
        claim_id=st.sampled_from(["C1", "C2"]),
        version=st.integers(1, 3),
        action=st.sampled_from([ClaimAction.ORIGINAL, ClaimAction.ADJUSTMENT, ClaimAction.CANCEL]),
        diagnosis=st.sampled_from(["I5020", "I110", "E119"]),
        days=st.integers(0, 5),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=200)
@given(CLAIMS, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_claims_gives_the_same_ledger(claims: list[Observed[Any]], chance: Any) -> None:
    again = claims + chance.sample(claims, len(claims) // 2)
    chance.shuffle(again)
    assert ledger(*claims) == ledger(*again)


@settings(deadline=None, max_examples=200)
@given(CLAIMS)
def test_a_packed_ledger_comes_back_as_it_was(claims: list[Observed[Any]]) -> None:
    told = ledger(*claims)
    record = unpack(pack(packed(told, None)), LedgerRecord)
    assert (unpacked(record), unpacked(record).disputed) == (told, told.disputed)


def test_of_a_claim_that_no_family_can_use_32_bytes_are_left() -> None:
    told = ledger(claim(event_id="a", claim_id="C1", diagnoses=("E119",)), claim(event_id="b", claim_id="C2"))
    assert ([c.event_id for c in told.claims], len(told.traces), len(told.traces.packed)) == (["b"], 1, 32)


def test_of_a_kept_claim_only_the_lines_that_a_family_can_use_are_kept() -> None:
    lines = (
        ClaimLine(line_number=1, service_date=date(2027, 5, 1), npi=NPI, hcpcs="99214", diagnosis_pointers=(2,)),
        ClaimLine(line_number=2, service_date=date(2027, 5, 1), npi=NPI, hcpcs="99215", diagnosis_pointers=(1,)),
        ClaimLine(line_number=3, service_date=date(2027, 5, 1), npi=NPI, hcpcs="20610"),
    )
    told = ledger(claim(event_id="a", diagnoses=("E11.9", "I50.22"), lines=lines))
    assert [c.lines for c in told.claims] == [
        (KeptLine(service_date=date(2027, 5, 1), hcpcs="99214", diagnoses=("I5022",), npi=NPI),)
    ]


@pytest.mark.parametrize(
    "given_",
    [
        {"billing_tin": TIN.__class__("987654321")},
        {"disposition": Disposition.DENIED},
        {"diagnoses": ("E119",)},
        {"lines": (ClaimLine(line_number=1, service_date=date(2027, 5, 1), npi=NPI, hcpcs="20610"),)},
        {"lines": (ClaimLine(line_number=1, service_date=date(2027, 5, 1), npi=NPI),)},
    ],
    ids=["another TIN bills it", "denied", "another condition", "another service", "no service"],
)
def test_nothing_is_kept_of_what_is_not_the_practices_own_paid_care_for_the_condition(given_: dict[str, Any]) -> None:
    assert keep(claim(**given_)) == ()


def test_a_correction_that_no_family_can_use_takes_the_claim_away() -> None:
    told = ledger(claim(event_id="a"), claim(event_id="b", version=2, diagnoses=("E119",)))
    assert (standing(told), told.claims, len(told.traces)) == ([], (), 1)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_contents_the_first_received_stands_though_no_family_can_use_it(order: int) -> None:
    first = observed(claim(event_id="a", diagnoses=("E119",)), IN_WINDOW)
    second = observed(claim(event_id="b"), IN_WINDOW + timedelta(days=1))
    told = ledger(*[first, second][::order])
    assert (standing(told), conflicts(told)) == ([], ["b" if order == 1 else "a"])


def test_of_two_contents_that_no_family_can_use_the_later_arrived_is_found() -> None:
    told = ledger(claim(event_id="a", diagnoses=("E119",)), claim(event_id="b", diagnoses=("E118",)))
    again = ledger(claim(event_id="a", diagnoses=("E119",)), claim(event_id="b", diagnoses=("E118",)), claim(version=2))
    assert (conflicts(told), len(told.traces), conflicts(again)) == (["b"], 2, [])


def test_of_a_repeat_that_no_family_can_use_the_earlier_receipt_is_kept() -> None:
    event = claim(event_id="a", diagnoses=("E119",))
    late, early = observed(event, IN_WINDOW), observed(event, IN_WINDOW - timedelta(days=1))
    told = ledger(late, early)
    assert told == ledger(early)
    assert fold_claim(told, late, keep) is told


def test_a_link_is_kept_once_with_its_earlier_receipt() -> None:
    event = BeneficiaryLinked(event_id="l", source="s", tin=TIN, from_token=TOKEN, to_token=OTHER_TOKEN)
    empty = Ledger(tin=TIN, beneficiary=TOKEN)
    late, early = observed(event, IN_WINDOW), observed(event, IN_WINDOW - timedelta(days=1))
    told = fold_link(fold_link(empty, late), early)
    assert (told.links, fold_link(told, late)) == ((early,), told)


def test_of_linked_tokens_the_highest_version_of_a_claim_stands_under_whichever_it_came() -> None:
    one = ledger(claim(event_id="a"), claim(event_id="x", claim_id="C2"), claim(event_id="t", claim_id="C3", version=2))
    other = ledger(
        claim(event_id="b", version=2, diagnoses=("I110",)),
        claim(event_id="y", claim_id="C2", version=3, action=ClaimAction.CANCEL),
        claim(event_id="u", claim_id="C3", diagnoses=("E119",)),
    )
    assert standing(merged([one, other])) == ["b", "t"]
    assert (standing(merged([other, one])), merged([one])) == (["b", "t"], one)


TRACES = st.lists(
    st.builds(Trace, st.integers(0, 3), st.integers(0, 2), st.integers(0, 5), st.integers(0, 3)), unique=True
)


@given(TRACES)
def test_traces_are_a_sorted_set(traces: list[Trace]) -> None:
    told = Traces()
    for trace in traces:
        told = told.with_one(trace)
    assert (list(told), len(told), told) == (sorted(traces), len(traces), Traces.of_all(traces))
    assert [list(told.of(n)) for n in range(5)] == [sorted(t for t in traces if t.claim == n) for n in range(5)]
    for trace in traces:
        assert list(told.without_one(trace)) == sorted(t for t in traces if t != trace)
    assert [list(told.without(n)) for n in range(5)] == [sorted(t for t in traces if t.claim != n) for n in range(5)]


def test_a_claim_received_before_1970_is_packed_and_comes_back() -> None:
    told = ledger(observed(claim(event_id="a"), datetime(1969, 1, 1, tzinfo=UTC)))
    assert unpacked(unpack(pack(packed(told, None)), LedgerRecord)) == told
