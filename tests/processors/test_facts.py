"""Facts do not care in which order, or how often, events arrive."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.events import ClaimReceived, Observed
from processors.facts import Ledger, conflicting_claims, fold, fold_ledger, standing_claims
from processors.vocabulary import ClaimAction, ReceiptOutcome, ResultStatus, Stage, SubmissionAction
from tests.making import (
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    TIN,
    TOKEN,
    admissions,
    assessed,
    attested,
    channel,
    claim,
    facts,
    listed,
    observed,
    pi_set,
    quality,
    readiness,
    receipt,
    relief,
    removed,
    result,
    row,
)

EVENTS = [
    listed(event_id="l1"),
    listed(event_id="l2", npi=OTHER_NPI, small_practice=True),
    listed(event_id="l3", cohort="LOW_BACK_PAIN"),
    removed(event_id="x1"),
    quality(row("236"), event_id="q1"),
    quality(row("236", 90, 10), event_id="q2"),
    quality(row("236", 80, 20), event_id="q3", revision=2, stage=Stage.SENT),
    quality(event_id="q4", revision=3, action=SubmissionAction.WITHDRAW, measurements=(), stage=Stage.PREPARED),
    quality(row("005"), event_id="q1", revision=9),
    quality(row("236"), event_id="g1", npi=None, submission_id="g"),
    pi_set(event_id="p1"),
    attested("ASM_IA_1", event_id="a1"),
    attested("ASM_IA_1", event_id="a2", answer=False),
    attested("PI_PPHI_1", event_id="a3", answer=False),
    receipt(event_id="r1", receipted_at=IN_WINDOW),
    receipt(event_id="r2", outcome=ReceiptOutcome.REJECTED, revision=2),
    result(event_id="c1"),
    result(event_id="c2", claims_measure=admissions(), status=ResultStatus.FINAL),
    listed(event_id="l4", small_practice=True, solo=False),
    attested("PI_PPHI_2", event_id="a4", stage=Stage.UNKNOWN),
    readiness(event_id="d1"),
    relief("QUALITY", event_id="e1", npi=NPI),
    channel("PROMOTING_INTEROPERABILITY", event_id="h1"),
]
RECEIPTS = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.integers(0, 100).map(lambda h: IN_WINDOW + timedelta(days=h))), max_size=30
)


@settings(deadline=None, max_examples=150)
@given(RECEIPTS, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_events_gives_the_same_facts_and_scores(
    receipts: list[tuple[Any, Any]], chance: Any
) -> None:
    told = [observed(event, received_at) for event, received_at in receipts]
    again = told + chance.sample(told, len(told) // 2)
    chance.shuffle(again)
    assert facts(*told) == facts(*again)
    assert assessed(*told) == assessed(*again)


def test_a_repeat_gives_the_same_object_back() -> None:
    known = facts(listed(event_id="l1"))
    assert fold(known, observed(listed(event_id="l1"))) is known


def test_of_a_repeat_the_earlier_receipt_is_kept() -> None:
    early, late = IN_WINDOW, IN_WINDOW + timedelta(days=1)
    known = facts(observed(listed(event_id="l1"), late), observed(listed(event_id="l1"), early))
    assert [o.received_at for o in known.clinicians[NPI].listings] == [early]


def ledger(*claims: ClaimReceived | Observed[Any]) -> Ledger:
    folded = Ledger(tin=TIN, beneficiary=TOKEN)
    for item in claims:
        folded = fold_ledger(folded, item if isinstance(item, Observed) else observed(item))
    return folded


def ids(claims: tuple[Observed[ClaimReceived], ...]) -> list[str]:
    return [c.event.event_id for c in claims]


def test_the_highest_version_of_a_claim_stands() -> None:
    told = ledger(claim(event_id="v2", version=2), claim(event_id="v1"), claim(event_id="v3", version=3))
    assert ids(standing_claims(told)) == ["v3"]


def test_a_cancelled_claim_is_gone_and_an_older_version_does_not_bring_it_back() -> None:
    told = ledger(claim(event_id="v2", version=2, action=ClaimAction.CANCEL), claim(event_id="v1"))
    assert ids(standing_claims(told)) == []


def test_the_same_claim_from_two_sources_is_two_claims() -> None:
    told = ledger(claim(event_id="a"), claim(event_id="b", source="other"))
    assert sorted(ids(standing_claims(told))) == ["a", "b"]


def test_the_same_version_with_the_same_content_is_a_repeat() -> None:
    told = ledger(claim(event_id="a"), claim(event_id="b"))
    assert (ids(standing_claims(told)), ids(conflicting_claims(told))) == ([ids(told.claims)[0]], [])


def test_of_the_same_version_with_other_content_the_first_received_stands() -> None:
    first = observed(claim(event_id="a"), IN_WINDOW)
    second = observed(claim(event_id="b", diagnoses=("I110",)), IN_WINDOW + timedelta(days=1))
    told = ledger(second, first)
    assert (ids(standing_claims(told)), ids(conflicting_claims(told))) == (["a"], ["b"])


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
        diagnosis=st.sampled_from(["I5020", "I110"]),
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
