"""Another law: a mark of the journal gives it to the live generation, which says what differs, and only that."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from processors.events import ClaimLine, ClaimReceived
from processors.outputs import Cause, FindingChanged, ObligationChanged, Output, ScoreChanged
from schemas.codec import encode
from schemas.partitioning import partition_of
from schemas.plain import to_avro
from schemas.state import pack
from streams.admission import PROMOTIONS, Inbound, admit_batch
from streams.assessing import _up_to_turns
from streams.assessment import Assessor, Law
from streams.claims import ClaimCounts
from streams.effects import Recalculated
from streams.in_process import views
from streams.rows import Row
from streams.runs import UNBOUNDED, Run
from streams.state import PartitionState
from tests.making import NPI, OTHER_NPI, TIN, TOKEN, YEAR, at, claim, listed, quality, row
from tests.streams.driver import LAW, RULES, Driver, entries, promotion
from tests.streams.laws import EPISODES, QUALITY, rulebooks_with

CASES = Law(rulebooks=rulebooks_with((QUALITY, "case_minimum", "value    = 20", "value    = 90")), promoted="cases")
WIDER = Law(rulebooks=rulebooks_with((EPISODES, "diagnoses", '"I50", ', '"I50", "I42", ')), promoted="wider")
_ENVELOPE = ("emitted_id", "revision", "cause", "as_of", "rulebook", "engine", "generation")


def visit(number: int, month: int, diagnosis: str = "I5020") -> ClaimReceived:
    on = date(YEAR, month, 1)
    lines = (ClaimLine(line_number=1, service_date=on, npi=NPI, hcpcs="99214", allowed_cents=12000),)
    return claim(
        event_id=f"v{number}-{month}-{diagnosis}",
        claim_id=f"C{number}-{month}-{diagnosis}",
        beneficiary=TOKEN[:-1] + "ABCDEFGH"[number],
        diagnoses=(diagnosis,),
        from_date=on,
        through_date=on,
        lines=lines,
    )


def told(law: Law = LAW) -> Driver:
    """Two clinicians, one of whom has a measure of 100 cases and one of 80; the first has claims."""
    driver = Driver(law)
    driver.tick("2027-02-02T00:00:00+00:00")
    driver.send(listed(event_id="l1"), listed(event_id="l2", npi=OTHER_NPI), received_at=at("2027-06-01"))
    driver.send(
        quality(row("236", 70, 30), event_id="q1", submission_id="one"),
        quality(row("236", 60, 20), event_id="q2", submission_id="two", npi=OTHER_NPI),
    )
    driver.send(visit(1, 3), visit(1, 4), visit(2, 3, "I4289"), visit(2, 5, "I4289"))
    driver.tick("2028-02-03T00:00:00+00:00")
    return driver


def content(output: Output) -> dict[str, Any]:
    """What an output says, without when, why and as which revision."""
    return {name: value for name, value in to_avro(output).items() if name not in (*_ENVELOPE, "previous", "moved")}


def meaning(driver: Driver) -> list[tuple[object, ...]]:
    """Facts as they are kept, and the scores and obligations that they come to, by practice and year."""
    state = driver.state()
    assessor = Assessor(state, driver.law)
    found: list[tuple[object, ...]] = []
    for year in state.years():
        scores, obligations = views(year, assessor.assessment_of(year))
        facts = (pack(year.facts.practice), [pack(c) for _, c in sorted(year.facts.clinicians.items())])
        found.append((facts, [content(s) for s in scores], [content(o) for o in obligations]))
    return found


def ledgers(driver: Driver) -> list[object]:
    state = driver.state()
    return [state.ledger(*key).ledger for key in state.ledger_keys()]


def of_kind(outputs: Sequence[Output], kind: type[Any]) -> list[Any]:
    return [output for output in outputs if isinstance(output, kind)]


def test_a_promotion_says_what_is_different_under_its_law_and_names_both_rulebooks() -> None:
    driver = told()
    before = {score.npi: score for score in of_kind(driver.outputs, ScoreChanged)}
    driver.forget()
    driver.promote(CASES, "R1")
    (score,) = of_kind(driver.outputs, ScoreChanged)
    digests = LAW.rulebooks[YEAR].digest, CASES.rulebooks[YEAR].digest
    assert score.cause == Cause(
        type="RECALCULATION",
        source="asm-streams",
        event_id=f"R1 {digests[0]} {digests[1]}",
        journal_offset=len(driver.journal) - 1,
    )
    assert (score.npi, score.revision, score.rulebook) == (OTHER_NPI, before[OTHER_NPI].revision + 1, digests[1])
    assert (score.previous, score.as_of) == (before[OTHER_NPI].final_score, at("2028-02-03"))


def test_alerts_that_stand_are_not_repeated_by_a_promotion() -> None:
    driver = told()
    firing = [o.obligation_id for o in of_kind(driver.outputs, ObligationChanged) if o.alert == "FIRING"]
    driver.forget()
    driver.promote(CASES, "R1")
    said = of_kind(driver.outputs, ObligationChanged)
    assert firing
    assert [o.obligation_id for o in said if o.npi != OTHER_NPI and o.alert == "FIRING"] == []


def test_going_back_gives_the_earlier_answers_again_and_revisions_go_on() -> None:
    driver = told()
    before = meaning(driver)
    driver.promote(CASES, "R1")
    changed, last = meaning(driver), driver.read_score().revision
    driver.forget()
    driver.promote(LAW, "R2")
    assert meaning(driver) == before != changed
    (score,) = of_kind(driver.outputs, ScoreChanged)
    assert (score.npi, score.revision) == (OTHER_NPI, last + 1)


def test_a_law_that_is_in_force_already_says_nothing() -> None:
    driver = told()
    driver.forget()
    driver.promote(replace(LAW, promoted="same"), "R1")
    driver.assert_quiet()


def test_before_the_clock_is_known_a_promotion_says_nothing_and_the_first_tick_speaks_under_its_law() -> None:
    driver = Driver()
    driver.send(listed(event_id="l1"), visit(1, 3), visit(1, 4))
    driver.promote(CASES, "R1")
    driver.assert_quiet()
    driver.tick("2028-02-03T00:00:00+00:00")
    assert {score.rulebook for score in of_kind(driver.outputs, ScoreChanged)} == {CASES.rulebooks[YEAR].digest}


def test_after_a_crash_a_partition_goes_on_under_the_promoted_law() -> None:
    straight, crashed = told(), told()
    for driver in (straight, crashed):
        driver.promote(CASES, "R1")
        if driver is crashed:
            driver.crash()
        driver.send(quality(row("236", 50, 30), event_id="q3", submission_id="three"))
    assert (crashed.outputs, crashed.committed) == (straight.outputs, straight.committed)
    assert crashed.read_score().rulebook == CASES.rulebooks[YEAR].digest


def test_a_generation_of_its_own_goes_on_under_its_own_law() -> None:
    live = told()
    live.write(promotion(CASES, "R1"))
    beside = Assessor(PartitionState(LAW.fresh_mark()), LAW)
    beside.apply(entries(live.journal))
    assert (beside.take_effects().recalculated, beside.law) == (None, LAW)


def test_the_quick_way_and_the_full_way_come_to_the_same_facts_scores_and_obligations() -> None:
    quick, full = told(), told(CASES)
    quick.promote(CASES, "R1")
    assert meaning(quick) == meaning(full)
    assert ledgers(quick) == ledgers(full)


def test_two_laws_have_one_fold_where_they_keep_the_same_lines_of_claims() -> None:
    assert (LAW.fold == CASES.fold, LAW.fold == WIDER.fold) == (True, False)


def test_where_the_fold_is_another_the_facts_of_the_promoted_generation_are_taken_over() -> None:
    adopted, alone, full = told(), told(), told(WIDER)
    adopted.promote(WIDER, "R1", full.state())
    alone.promote(WIDER, "R1")
    assert (meaning(adopted), ledgers(adopted)) == (meaning(full), ledgers(full))
    assert ledgers(alone) != ledgers(full)
    counts = ClaimCounts(WIDER.rulebooks, WIDER.episode_rules, adopted.state()).of(TIN, YEAR, [NPI])
    assert counts[NPI][YEAR].episodes == {"HEART_FAILURE": 2}


def test_what_a_recalculation_says_is_counted() -> None:
    driver = told()
    assessor = Assessor(driver.state(), LAW)
    assessor.prepare(CASES)
    start = assessor.state.mark.applied + 1
    assessor.apply(entries([*driver.journal, promotion(CASES, "R1")])[start:])
    effects = assessor.take_effects()
    assert effects.recalculated is not None
    assert effects.recalculated.outputs == effects.outputs
    counted = effects.recalculated
    assert (counted.recalculation, counted.participants, counted.movers) == ("R1", 2, 0)
    assert assessor.take_effects().recalculated is None


def test_movers_are_those_whose_final_score_is_another() -> None:
    score = told().read_score()
    told_of = (replace(score, previous=Decimal(3)), replace(score, previous=score.final_score))
    assert Recalculated(recalculation="R1", participants=2, outputs=told_of).movers == 1


def inbound(value: bytes, topic: str = PROMOTIONS, key: bytes | None = None) -> Inbound:
    return Inbound(topic=topic, partition=0, offset=0, key=key, value=value, timestamp=1_700_000_000_000)


def test_a_promotion_is_admitted_as_a_mark() -> None:
    value = promotion(CASES, "R1").value or b""
    (written,) = admit_batch([inbound(value)], RULES).rows
    assert (written.key, written.value, dict(written.headers)["origin"]) == (None, value, b"asm.promotions.v1/0/0")


def test_nothing_but_a_promotion_is_admitted_as_a_mark_and_no_feed_can_promote() -> None:
    event = listed(event_id="l1")
    key = event.tin.digits.encode()
    value = promotion(CASES, "R1").value or b""
    claims = replace(inbound(value, "asm.claims.v1", key), partition=partition_of(key, RULES.partitions))
    admitted = admit_batch([inbound(encode(event)), inbound(b"\0\0\0\0\x17"), claims], RULES)
    assert admitted.rows == ()
    assert [letter.reason for letter in admitted.letters] == ["WRONG_TOPIC", "UNDECODABLE", "WRONG_TOPIC"]


def journal(*rows: Row) -> list[Any]:
    return [type("Record", (), {"key": r.key, "value": r.value}) for r in rows]


def test_records_are_worked_on_up_to_each_promotion_and_up_to_the_end_of_a_run() -> None:
    driver = told()
    rows = [*driver.journal, promotion(CASES, "R1"), *driver.journal[-2:]]
    turns = [(len(records), mark and mark.recalculation) for records, mark in _parts(rows, UNBOUNDED)]
    assert turns == [(len(driver.journal) + 1, "R1"), (2, None)]
    run = Run(until=at("2027-02-02"))
    ended = [(len(records), mark and mark.as_of) for records, mark in _parts(driver.journal, run)]
    assert ended == [(len(driver.journal) - 1, None), (0, at("2028-02-03"))]


def _parts(rows: Sequence[Row], run: Run) -> list[tuple[Sequence[Any], Any]]:
    return list(_up_to_turns(journal(*rows), run))


@pytest.mark.parametrize("kind", [FindingChanged, ObligationChanged, ScoreChanged])
def test_a_refold_of_the_journal_repeats_a_promotion_with_its_ids(kind: type[Any]) -> None:
    first, again = told(), Driver()
    first.promote(CASES, "R1")
    first.promote(LAW, "R2")
    laws = iter((CASES, LAW))
    for record in first.journal:
        if record.value and record.value[4] == 23:
            again.law = next(laws)
            again._assessor.prepare(again.law)
        again.write(record)
    assert of_kind(again.outputs, kind) == of_kind(first.outputs, kind)
    assert again.committed == first.committed
