"""What holds of every event set: the score lies in its interval, first facts narrow it, a withdrawal restores it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.assessment import Assessment
from processors.events import Complexity, Measurement, Observed, YearEvent
from processors.vocabulary import AttestationAction, ResultStatus, Stage, SubmissionAction
from tests.making import (
    AFTER,
    IN_WINDOW,
    NPI,
    OTHER_NPI,
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
)
from tests.processors.test_facts import EVENTS

OPENS = at("2028-01-02")
DAYS = st.integers(0, 110).map(lambda days: OPENS + timedelta(days=days))
STATUSES = st.sampled_from([s for s in ResultStatus if s is not ResultStatus.UNKNOWN])
SETTLED = st.sampled_from([ResultStatus.PRELIMINARY, ResultStatus.FINAL, ResultStatus.RECONSIDERED])
COHORTS = {"HEART_FAILURE": ("005", "008", "236", "377"), "LOW_BACK_PAIN": ("238", "134", "128")}
Interval = tuple[Decimal | None, Decimal | None, Decimal | None]


@st.composite
def rows(draw: st.DrawFn, measure_id: str) -> Measurement:
    """A measure as somebody may report it: complete or not, of few cases or many, at any rate."""
    met, not_met, rest = draw(st.integers(0, 60)), draw(st.integers(0, 60)), draw(st.integers(0, 40))
    return row(measure_id, met, not_met, eligible_population=met + not_met + rest)


def pi_sets(**given_: Any) -> st.SearchStrategy[YearEvent]:
    told = st.fixed_dictionaries(
        {"PI_EP_1": st.tuples(st.integers(0, 9), st.just(9)), "PI_PPHI_1": st.booleans(), "PI_PHCDRR_2": st.booleans()}
    )
    return st.builds(lambda rows_: pi_set(rows_, **given_), told)


def costs() -> st.SearchStrategy[Any]:
    return st.builds(
        lambda episodes, cents, deviation: cost(
            episodes=episodes, cost_per_episode_cents=cents, standard_deviation_cents=deviation
        ),
        st.integers(15, 25),
        st.integers(0, 4_000_000),
        st.sampled_from([None, 0, 400_000]),
    )


def rates() -> st.SearchStrategy[Any]:
    return st.builds(lambda rate, cases: admissions(str(rate), cases), st.integers(40, 90), st.integers(15, 25))


COMPLEXITY = st.builds(
    Complexity, average_hcc=st.integers(0, 3).map(Decimal), dual_share=st.integers(0, 10).map(lambda n: Decimal(n) / 10)
)
REPORTS = st.one_of(
    st.builds(
        lambda told, npi, number, stage, kind: quality(
            *told, npi=npi, submission_id=f"s{number}", stage=stage, collection_type=kind
        ),
        st.lists(st.sampled_from(["005", "236", "377", "134"]).flatmap(rows), min_size=1, max_size=3),
        st.sampled_from([NPI, None]),
        st.integers(1, 3),
        st.sampled_from([Stage.PREPARED, Stage.SENT, Stage.RECEIPTED]),
        st.sampled_from(["ECQM", "CQM"]),
    ),
    pi_sets(submission_id="p1"),
    pi_sets(submission_id="p2", stage=Stage.SENT),
    st.builds(
        lambda activity, answer, stage: attested(activity, answer=answer, stage=stage),
        st.sampled_from(["ASM_IA_1", "ASM_IA_2"]),
        st.booleans(),
        st.sampled_from([Stage.PREPARED, Stage.SENT, Stage.RECEIPTED]),
    ),
    st.builds(lambda s, c: result(status=s, cost_measure=c), STATUSES, costs()),
    st.builds(lambda s, c: result(status=s, claims_measure=c), STATUSES, rates()),
    st.builds(lambda s, c: result(status=s, complexity=c), STATUSES, COMPLEXITY),
    st.builds(lambda n, on: receipt(submission_id=f"s{n}", receipted_at=on), st.integers(1, 3), DAYS),
    st.sampled_from(EVENTS),
)
TOLD = st.lists(st.tuples(REPORTS, DAYS), max_size=12).map(lambda told: [observed(e, on) for e, on in told])
LISTED = st.builds(
    lambda cohort, small: listed(cohort=cohort, small_practice=small, solo=False),
    st.sampled_from([*COHORTS]),
    st.booleans(),
)


def interval(assessment: Assessment) -> Interval:
    score = next(s for s in assessment.scores if s.npi == NPI)
    return score.lowest_reachable, score.highest_reachable, score.final_score


def lies_inside(lowest: Decimal | None, score: Decimal | None, highest: Decimal | None) -> bool:
    return score is None or (lowest is not None and highest is not None and lowest <= score <= highest)


@settings(deadline=None, max_examples=150)
@given(LISTED, TOLD, DAYS)
def test_the_final_score_lies_between_the_lowest_and_the_highest_reachable(
    roster: YearEvent, told: list[Observed[Any]], as_of: datetime
) -> None:
    for score in assessed(roster, listed(npi=OTHER_NPI), *told, as_of=as_of).scores:
        lowest, highest = score.lowest_reachable, score.highest_reachable
        assert (lowest is None) == (highest is None)
        assert lies_inside(lowest, score.final_score, highest)
        assert score.payment is None or all(s.low_factor <= s.high_factor for s in score.payment)


@st.composite
def first_facts(draw: st.DrawFn) -> tuple[str, list[YearEvent]]:
    """A cohort, and about each of its items one fact, in any order."""
    cohort = draw(st.sampled_from([*COHORTS]))
    cost_measure = draw(costs()) if cohort == "HEART_FAILURE" else cost(measure_id="COST_LBP_1", score=Decimal(4))
    told: list[YearEvent] = [
        quality(
            draw(rows(measure_id)), submission_id=measure_id, collection_type=draw(st.sampled_from(["ECQM", "CQM"]))
        )
        for measure_id in COHORTS[cohort]
    ]
    told += [attested(name, answer=draw(st.booleans())) for name in ("ASM_IA_1", "ASM_IA_2")]
    told += [draw(pi_sets()), result(status=draw(STATUSES), cost_measure=cost_measure)]
    told += [result(status=draw(STATUSES), claims_measure=draw(rates()))]
    told += [result(status=draw(STATUSES), complexity=draw(COMPLEXITY))]
    return cohort, draw(st.permutations(told))


def assert_narrows(roster: Sequence[Any], facts_: Sequence[Any], as_of: datetime) -> None:
    """Assert that each further fact leaves the interval inside the one before."""
    told = list(roster)
    before = interval(assessed(*told, as_of=as_of))
    for fact in facts_:
        told.append(fact)
        now = interval(assessed(*told, as_of=as_of))
        assert lies_inside(before[0], now[0], before[1])
        assert lies_inside(before[0], now[1], before[1])
        assert lies_inside(now[0], now[2], now[1])
        before = now


@settings(deadline=None, max_examples=60)
@given(first_facts(), st.booleans())
def test_a_first_fact_about_any_open_item_whatever_it_says_never_widens_the_interval(
    told: tuple[str, list[YearEvent]], small: bool
) -> None:
    cohort, facts_ = told
    assert_narrows([listed(cohort=cohort, small_practice=small, solo=False)], facts_, IN_WINDOW)


@settings(deadline=None, max_examples=60)
@given(first_facts(), st.data())
def test_after_the_deadline_neither_proof_nor_cms_result_widens_it(
    told: tuple[str, list[YearEvent]], data: st.DataObject
) -> None:
    cohort, facts_ = told
    event: Any
    sent: list[Any] = [listed(cohort=cohort)]
    proofs: list[Any] = []
    for event in facts_:
        document = getattr(event, "submission_id", None) or getattr(event, "attestation_id", None)
        if document is None:
            proofs.append(event)
            continue
        waits = data.draw(st.booleans())
        sent.append(observed(replace(event, stage=Stage.SENT if waits else Stage.RECEIPTED), OPENS))
        named = {"attestation_id" if hasattr(event, "attestation_id") else "submission_id": document}
        if waits:
            proofs.append(observed(receipt(receipted_at=IN_WINDOW, **named), AFTER))
    assert_narrows(sent, data.draw(st.permutations(proofs)), AFTER)


@settings(deadline=None, max_examples=100)
@given(
    LISTED,
    TOLD,
    st.sampled_from(
        [
            lambda **kind: quality(row("236", 90, 10), submission_id="new", **kind),
            lambda **kind: pi_set(submission_id="new", **kind),
            lambda **kind: attested("ASM_IA_1", attestation_id="new", **kind),
        ]
    ),
)
def test_withdrawing_the_only_revision_before_the_deadline_restores_the_earlier_score(
    roster: YearEvent, told: list[Observed[Any]], document: Any
) -> None:
    before = [roster, *told]
    action = AttestationAction.WITHDRAW if document().__class__.__name__ == "AttestationReceived" else None
    reported = observed(document(), IN_WINDOW)
    withdrawn = observed(
        document(revision=2, action=action or SubmissionAction.WITHDRAW), IN_WINDOW + timedelta(days=1)
    )
    for as_of in (IN_WINDOW + timedelta(days=2), AFTER):
        restored = assessed(*before, reported, withdrawn, as_of=as_of).scores
        assert restored == assessed(*before, as_of=as_of).scores


@settings(deadline=None, max_examples=100)
@given(LISTED, TOLD, st.randoms(use_true_random=False), DAYS)
def test_any_order_and_repetition_gives_the_same_facts_and_scores(
    roster: YearEvent, told: list[Observed[Any]], chance: Any, as_of: datetime
) -> None:
    once = [observed(roster, OPENS), *told]
    again = once + chance.sample(once, len(once) // 2)
    chance.shuffle(again)
    assert assessed(*once, as_of=as_of) == assessed(*again, as_of=as_of)
