"""Facts do not care in which order, or how often, events arrive."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.facts import fold
from processors.vocabulary import ReceiptOutcome, ResultStatus, Stage, SubmissionAction
from tests.making import (
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    admissions,
    assessed,
    attested,
    channel,
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
