"""Two generations compared: who moves, by how much, and which value, event, claim or tick causes it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from infra.kafka.reading import Span
from processors.comparison_summary import Comparison, Threshold
from processors.events import EventName
from processors.identity import Tin
from processors.movement import Cause, ClaimsTold, Extent, Moved, Stands
from processors.simulated_world import Timed
from processors.simulation import simulate
from streams.generation_diff import GenerationDiff
from streams.laws import Kept
from streams.state import PartitionState
from tests.generations import (
    ACTIVITIES,
    BENCHMARK_CORRECTED,
    BENCHMARKS,
    COMPLETENESS_CORRECTED,
    ELEMENTS_COST,
    MORE_ELEMENTS,
    PAYMENT,
    PRESENT,
    SUBMISSION,
    generation,
    timed,
)
from tests.making import (
    NPI,
    OTHER_NPI,
    TIN,
    YEAR,
    at,
    attested,
    claim,
    listed,
    quality,
    removed,
    result,
    row,
)
from tests.streams.laws import EPISODES, rulebooks_with

LISTED_AT = at("2027-01-05")
NOW, LATER = at("2028-02-10"), at("2028-03-24T12:00:00+00:00")
RULES = (PRESENT[YEAR].quality, PRESENT[YEAR].benchmarks)
ROSTER = timed(listed(event_id="l1", practice_alias="north"), received_at=LISTED_AT)
#: 60 of 65 met, of 100: under three quarters are reported.
INCOMPLETE = row("236", 60, 5, eligible_population=100)
#: Enough that nothing is cut off at 0.
WELL = (row("005", 95, 5), row("008", 95, 5), row("236", 70, 30), row("377", 95, 5))


def no_claims(_partition: int, _span: Span) -> Mapping[Tin, ClaimsTold]:
    raise AssertionError("the journal must not be read")


def diff(a: Kept, b: Kept, claims: Any = no_claims) -> Comparison:
    return GenerationDiff(a, b, claims).compared()


def under(world: list[Timed[Any]], *changes: tuple[str, str, str, str], as_of: datetime = NOW) -> Kept:
    """The generation of a law with changes."""
    return generation(world, as_of, rulebooks_with(*changes), "next")


def reported(*measurements: Any) -> list[Timed[Any]]:
    yes = [attested(activity, event_id=activity) for activity in ("ASM_IA_1", "ASM_IA_2")]
    return ROSTER + timed(quality(*measurements, event_id="q1"), *yes)


def only(found: Comparison) -> Moved:
    (moved,) = found.moved
    return moved


def keys(causes: tuple[Cause, ...]) -> list[tuple[str, bool]]:
    return [(cause.rule.key if cause.rule else str(cause.kind), cause.together) for cause in causes]


def test_what_is_the_same_moves_nobody() -> None:
    world = reported(row("236", 90, 10))
    found = diff(generation(world, NOW), generation(world, NOW, name="next"))
    assert (found.moved, found.obligations, found.crossed, len(found.participants)) == ([], [], [], 1)
    assert found.distribution["the same"] == 1


def test_a_corrected_benchmark_is_the_cause_with_its_values_and_its_effect() -> None:
    world = reported(row("236", 70, 30))
    found = diff(generation(world, NOW), under(world, BENCHMARK_CORRECTED))
    moved = only(found)
    (cause,) = moved.causes
    assert (moved.npi, moved.practice_alias, moved.extent, moved.unexplained) == (NPI, "north", Extent.FINAL, False)
    assert moved.change is not None
    assert moved.change < 0
    assert [p.code for p in moved.parts] == ["final_score", "quality", "236"]
    assert (cause.effect, cause.parts) == (moved.change, ("final_score", "quality", "236"))
    assert cause.rule is not None
    assert (cause.rule.key, cause.rule.before and cause.rule.before.source.cites[0]) == (
        "benchmarks.236/ECQM",
        "90 FR 49634",
    )


def test_of_two_corrections_the_one_that_does_not_matter_to_a_clinician_is_no_cause() -> None:
    world = reported(row("236", 70, 30))
    both = rulebooks_with(BENCHMARK_CORRECTED, COMPLETENESS_CORRECTED)
    moved = only(diff(generation(world, NOW), generation(world, NOW, both, "next")))
    assert keys(moved.causes) == [("benchmarks.236/ECQM", False)]


def test_a_corrected_rule_lifts_a_clinician_from_a_score_of_zero_and_the_minimum_submission() -> None:
    world = reported(INCOMPLETE)
    found = diff(generation(world, NOW), under(world, COMPLETENESS_CORRECTED))
    moved = only(found)
    assert (moved.before, keys(moved.causes)) == (Decimal(0), [("quality.data_completeness_min", False)])
    assert (moved.failed_before, moved.failed_after) == (True, False)
    assert [(c.threshold, c.enters, c.participant.npi) for c in found.crossed] == [
        (Threshold.FINAL_SCORE_ZERO, False, NPI),
        (Threshold.MINIMUM_SUBMISSION, False, NPI),
    ]
    assert [(o.item, o.npi, o.stands, keys(o.causes)) for o in found.obligations] == [
        ("236", NPI, Stands.DONE, [("quality.data_completeness_min", False)])
    ]


def test_two_corrections_that_only_together_move_it_are_named_together() -> None:
    world = reported(*WELL)
    moved = only(diff(generation(world, NOW), under(world, ELEMENTS_COST, MORE_ELEMENTS)))
    assert moved.change == -10
    assert keys(moved.causes) == [("activities.activities", True), ("activities.missing_elements_cost_points", True)]
    assert {cause.effect for cause in moved.causes} == {Decimal(-10)}


def test_a_later_due_instant_is_a_cause_at_the_same_clock() -> None:
    late = timed(quality(row("236", 90, 10), event_id="q1"), received_at=at("2028-04-01T12:00:00+00:00"))
    now = at("2028-04-01T18:00:00+00:00")
    extended = (SUBMISSION, "due_instant.by_year", "2028-04-01T00:00:00Z", "2028-04-02T00:00:00Z")
    found = diff(generation(ROSTER + late, now), under(ROSTER + late, extended, as_of=now))
    assert keys(only(found).causes) == [("submission.due_instant", False)]
    stands = {(o.item, o.before, o.after, o.stands) for o in found.obligations}
    assert ("236", "LATE", "MET", Stands.DONE) in stands
    assert ("ASM_IA_1", "MISSED", "AT_RISK", Stands.OPEN) in stands


def test_an_event_that_only_one_side_has_is_the_cause_with_its_origin() -> None:
    before = ROSTER + timed(quality(*WELL, event_id="q1"))
    yes = attested("ASM_IA_1", event_id="a1")
    found = diff(generation(before, NOW), generation(before + timed(yes), NOW, name="next"))
    (cause,) = only(found).causes
    assert cause.event is not None
    assert (cause.event.name, cause.event.type) == (EventName(source="practice", event_id="a1"), "AttestationReceived")
    assert (cause.event.origin, cause.event.added, cause.effect) == ("asm.test.v1/0/3", True, Decimal(10))
    assert [(o.item, o.npi, o.stands) for o in found.obligations] == [("ASM_IA_1", None, Stands.DONE)]
    back = diff(generation(before + timed(yes), NOW), generation(before, NOW, name="next"))
    (cause,) = only(back).causes
    assert cause.event is not None
    assert (cause.event.added, cause.effect) == (False, Decimal(-10))


def test_each_side_may_have_an_event_that_the_other_has_not() -> None:
    before = ROSTER + timed(quality(*WELL, event_id="q1"))
    ours, theirs = (timed(attested(activity, event_id=activity)) for activity in ("ASM_IA_1", "ASM_IA_2"))
    found = diff(generation(before + ours, NOW), generation(before + theirs, NOW, name="next"))
    told = {
        (o.item, o.stands, c.event.name.event_id, c.event.added) for o in found.obligations for c in o.causes if c.event
    }
    assert told == {("ASM_IA_1", Stands.OPEN, "ASM_IA_1", False), ("ASM_IA_2", Stands.DONE, "ASM_IA_2", True)}
    assert [(m.extent, len(m.causes)) for m in found.moved] == [(Extent.WORDS, 2)]


def test_of_several_events_and_a_corrected_value_each_that_moves_it_is_named() -> None:
    before = ROSTER + timed(quality(*WELL, event_id="q1"))
    more = timed(attested("ASM_IA_1", event_id="a1")) + timed(listed(npi=OTHER_NPI, event_id="l2"))
    after = under(before + more, BENCHMARK_CORRECTED)
    found = diff(generation(before, NOW), after)
    moved = next(m for m in found.moved if m.npi == NPI)
    assert [(c.event.name.event_id if c.event else c.rule and c.rule.key) for c in moved.causes] == [
        "benchmarks.236/ECQM",
        "a1",
    ]
    new = next(m for m in found.moved if m.npi == OTHER_NPI)
    assert (new.extent, new.before, new.after, found.distribution["a score for the first time"]) == (
        Extent.FINAL,
        None,
        Decimal(0),
        1,
    )
    assert [c.event and c.event.name.event_id for c in new.causes] == ["l2"]


def test_a_clinician_who_is_taken_off_the_roster_loses_the_score_by_that_event() -> None:
    before = reported(row("236", 90, 10))
    found = diff(generation(before, NOW), generation(before + timed(removed(event_id="r1")), NOW, name="next"))
    moved = only(found)
    assert (moved.after, moved.change, found.distribution["no score any more"]) == (None, None, 1)
    assert [c.event and c.event.name.event_id for c in moved.causes] == ["r1"]


def test_a_later_clock_is_told_from_the_law_and_says_what_passed() -> None:
    world = ROSTER + timed(quality(*WELL, event_id="q1"))
    found = diff(generation(world, NOW), under(world, BENCHMARK_CORRECTED, as_of=at("2028-04-02")))
    moved = only(found)
    assert (moved.extent, keys(moved.causes)) == (Extent.FINAL, [("benchmarks.236/ECQM", False)])
    lost = next(o for o in found.obligations if o.item == "ASM_IA_1")
    assert (lost.before, lost.after, lost.stands, keys(lost.causes)) == (
        "AT_RISK",
        "MISSED",
        Stands.LOST,
        [("CLOCK", False)],
    )
    assert [p.name for p in lost.causes[0].passed] == ["T_30", "T_14", "T_7", "T_3", "T_1", "DUE", "PAST"]
    assert lost.causes[0].detail == "2028-02-10T00:00:00+00:00 to 2028-04-02T00:00:00+00:00"


def test_of_the_instants_of_the_law_those_between_the_two_clocks_are_told() -> None:
    """The share of the year's claims that should be there rises with time."""
    world = ROSTER + timed(claim(event_id="c1"), received_at=at("2027-06-01"))
    a, b = (generation(world, at(day)) for day in ("2027-12-15", "2028-02-05"))
    moved = only(diff(a, b))
    assert (moved.extent, keys(moved.causes)) == (Extent.FIGURES, [("CLOCK", False)])
    assert [p.name for p in moved.causes[0].passed] == ["T_90", "WINDOW_OPENS", "T_60"]
    assert only(diff(b, a)).causes[0].passed == moved.causes[0].passed


def test_a_side_whose_clock_has_not_ticked_says_nothing_and_the_clock_is_the_cause() -> None:
    ticked = generation(reported(row("236", 90, 10)), NOW)
    state = PartitionState(replace(ticked.states[0].mark, as_of=None, applied=-1))
    state.restore((replace(year, owners={}) for year in ticked.states[0].years()), ())
    found = diff(Kept(law=ticked.law, states={0: state}), ticked)
    assert [(m.before, keys(m.causes)) for m in found.moved] == [(None, [("CLOCK", False)])]
    assert {tuple(keys(o.causes)) for o in found.obligations} == {(("CLOCK", False),)}


def test_claims_between_the_sides_are_a_cause_with_their_count_and_the_last() -> None:
    before = reported(row("236", 90, 10)) + timed(claim(event_id="c1"))
    after = before + timed(claim(event_id="c2", claim_id="C2"))
    spans: list[tuple[int, Span]] = []
    told = ClaimsTold(count=3, last=EventName(source="claims", event_id="c9"), origin="asm.claims.v1/0/9")

    def between(partition: int, span: Span) -> Mapping[Tin, ClaimsTold]:
        spans.append((partition, span))
        return {TIN: told}

    moved = only(diff(generation(before, NOW), generation(after, NOW, name="next"), between))
    assert (moved.extent, [(str(c.kind), c.claims, c.detail) for c in moved.causes]) == (
        Extent.FIGURES,
        [("CLAIMS", told, "")],
    )
    assert spans == [(0, Span(8, 9))]
    gone = only(diff(generation(before, NOW), generation(after, NOW, name="next"), lambda _partition, _span: {}))
    assert [c.detail for c in gone.causes] == ["the claims between the sides' offsets are not in the journal any more"]


def test_claims_kept_otherwise_under_another_law_are_named_with_its_value() -> None:
    world = reported(row("236", 90, 10)) + timed(claim(event_id="c1", diagnoses=("Z9999",)))
    wider = rulebooks_with((EPISODES, "diagnoses", '"I0981"', '"I0981", "Z9999"'))
    found = diff(generation(world, NOW), generation(world, NOW, wider, "next"))
    (cause,) = only(found).causes
    assert (str(cause.kind), cause.claims) == ("CLAIMS", None)
    assert cause.detail.endswith("since other lines are of use under their laws: episodes.diagnoses")


def test_an_equal_score_with_other_reasons_differs_in_words_alone() -> None:
    world = reported(row("236", 90, 10))
    surer = rulebooks_with((BENCHMARKS, '"236/ECQM"', '"90 FR 49634"', '"90 FR 1"'))
    moved = only(diff(generation(world, NOW), generation(world, NOW, surer, "next")))
    assert (moved.extent, moved.change, moved.parts) == (Extent.WORDS, Decimal(0), ())
    assert all(cause.rule is not None for cause in moved.causes)


def forged(kept: Kept, **changes: Any) -> Kept:
    """The generation with another thing said of the clinician's score than was said."""
    (year,) = kept.states[0].years()
    owner = year.owners[NPI]
    assert owner.score is not None
    said = replace(owner, score=replace(owner.score, **changes))
    state = PartitionState(kept.states[0].mark)
    state.restore([replace(year, owners={**year.owners, NPI: said})], ())
    return Kept(law=kept.law, states={0: state})


def test_a_score_that_moved_for_no_cause_is_a_defect_and_comes_first() -> None:
    world = reported(row("236", 70, 30)) + timed(
        listed(npi=OTHER_NPI, event_id="l2"), quality(row("236", 20, 80), npi=OTHER_NPI, submission_id="q2")
    )
    a = generation(world, NOW)
    b = forged(
        under(world, BENCHMARK_CORRECTED),
        final_score=Decimal("20.5"),
        digest="forged",
    )
    found = diff(a, b)
    assert [(m.npi, m.unexplained) for m in found.moved] == [(NPI, True), (OTHER_NPI, False)]
    assert [m.npi for m in found.unexplained] == [NPI]
    first, second = found.moved[0].causes
    assert (first.kind, second.kind) == ("NO_CAUSE_FOUND", "RULE")
    assert first.detail.startswith("B says 20.50, and its own facts and law give ")
    (here,) = diff(forged(a, final_score=None, digest="forged"), a).unexplained
    assert here.causes[0].detail.startswith("A says no final score, and its own facts and law give ")


def test_something_else_said_at_the_same_final_score_is_a_defect_too() -> None:
    a = generation(reported(row("236", 70, 30)), NOW)
    moved = only(diff(a, forged(a, digest="forged")))
    assert (moved.extent, moved.causes[0].detail) == (
        Extent.WORDS,
        "B says otherwise than its own facts and law give, at the same final score",
    )


def test_what_another_engine_said_is_put_down_to_the_engine() -> None:
    a = generation(reported(row("236", 70, 30)), NOW)
    b = forged(a, final_score=Decimal(1), digest="forged")
    b.states[0].mark = replace(b.states[0].mark, engine=0)
    moved = only(diff(a, b))
    assert (moved.unexplained, [str(c.kind) for c in moved.causes]) == (False, ["ENGINE"])
    assert moved.causes[0].effect == 1 - (moved.before or 0)


def test_what_cannot_be_changed_alone_is_named_with_what_makes_it_possible() -> None:
    """With a third activity and no effect of three that are not done the law stumbles; the effects alone do not."""
    third = (
        '  { activity_id = "ASM_IA_3", title = "T", elements = [], elements_min = 0, needs_arrangement = false },\n]'
    )
    added = (ACTIVITIES, "activities", "needs_arrangement = true },\n]", "needs_arrangement = true },\n" + third)
    effects = (ACTIVITIES, "effects", "[0, -10, -20]", "[0, -5, -10, -15]")
    world = ROSTER + timed(quality(*WELL, event_id="q1"))
    moved = only(diff(generation(world, NOW), under(world, added, effects)))
    assert [
        (key, together, cause.effect) for (key, together), cause in zip(keys(moved.causes), moved.causes, strict=True)
    ] == [
        ("activities.effects", False, Decimal(10)),
        ("activities.activities", True, Decimal(5)),
        ("activities.effects", True, Decimal(5)),
    ]


def reused(**given: Any) -> tuple[list[Timed[Any]], list[Timed[Any]]]:
    """A listing, and the same with an earlier one under its id: the first does not count any more."""
    world = timed(listed(event_id="l1", **given), received_at=LISTED_AT)
    other = timed(listed(event_id="l1", npi=OTHER_NPI), received_at=at("2027-01-04"))
    return world, world + other


def test_a_score_that_is_withdrawn_has_the_event_as_its_cause() -> None:
    before, after = reused()
    found = diff(generation(before, NOW), generation(after, NOW, name="next"))
    moved = next(m for m in found.moved if m.npi == NPI)
    assert (moved.extent, moved.before, moved.after) == (Extent.FINAL, Decimal(0), None)
    assert keys(moved.causes) == [("EVENT", False)]


def test_words_that_are_withdrawn_with_no_final_score_have_the_event_as_their_cause() -> None:
    before, after = reused(eligible=False)
    found = diff(generation(before, NOW), generation(after, NOW, name="next"))
    moved = next(m for m in found.moved if m.npi == NPI)
    assert (moved.extent, moved.before, moved.after, keys(moved.causes)) == (
        Extent.FIGURES,
        None,
        None,
        [("EVENT", False)],
    )


def test_another_history_of_alerts_is_no_difference() -> None:
    a = generation(reported(*WELL), NOW)
    (year,) = a.states[0].years()
    owner = year.owners[""]
    earlier = {key: replace(said, digest="other", troubles=3) for key, said in owner.obligations.items()}
    state = PartitionState(a.states[0].mark)
    state.restore([replace(year, owners={**year.owners, "": replace(owner, obligations=earlier)})], ())
    found = diff(a, Kept(law=a.law, states={0: state}))
    assert (found.moved, found.obligations) == ([], [])


def test_a_year_that_only_one_law_knows_is_the_cause() -> None:
    world = reported(row("236", 90, 10))
    short = {year: book for year, book in PRESENT.items() if year != YEAR}
    found = diff(generation(world, NOW, short), generation(world, NOW, name="next"))
    assert [(m.before, keys(m.causes), m.causes[0].detail) for m in found.moved] == [
        (None, [("RULEBOOK", False)], "the law of A does not know the year")
    ]
    assert [c.threshold for c in found.crossed] == []
    back = diff(generation(world, NOW), generation(world, NOW, short, "next"))
    assert back.moved[0].causes[0].detail == "the law of B does not know the year"


def cohort(count: int, met: int = 90) -> list[Timed[Any]]:
    """So many clinicians of one practice, each with a measure of other counts."""
    world = timed(*(attested(activity, event_id=activity) for activity in ("ASM_IA_1", "ASM_IA_2")))
    for n in range(count):
        npi = type(NPI)(f"1{n:09d}")
        world += timed(listed(npi=npi, event_id=f"l{n}", practice_alias="north"), received_at=LISTED_AT)
        told = quality(
            *WELL[:2], row("236", met - 4 * n, 100 - met + 4 * n), npi=npi, submission_id=f"q{n}", event_id=f"q{n}"
        )
        world += timed(told, result(npi=npi, event_id=f"r{n}", part_b_paid_cents=1000 + n))
    return world


def test_whose_factor_crosses_zero_is_known_where_the_cohort_has_a_standing() -> None:
    small = (
        PAYMENT,
        "cohort_sizes.by_year",
        '{ cohort = "HEART_FAILURE", listed = 2600 }',
        '{ cohort = "HEART_FAILURE", listed = 12 }',
    )
    before, last = cohort(12), type(NPI)("1000000011")
    better = quality(*WELL[:2], row("236", 99, 1), npi=last, submission_id="q11", revision=2, event_id="better")
    after, law = before + timed(better), rulebooks_with(small)
    found = diff(generation(before, NOW, law), generation(after, NOW, law, "next"))
    crossed = [c for c in found.crossed if c.threshold is Threshold.FACTOR_BELOW_ZERO]
    mine = next(c for c in crossed if c.participant.npi == last)
    assert (mine.enters, (mine.before or 0) < 0 < (mine.after or 0)) == (False, True)
    assert all(c.enters for c in crossed if c is not mine)
    unseen = diff(generation(before, NOW), generation(after, NOW, name="next"))
    assert [c for c in unseen.crossed if c.threshold is Threshold.FACTOR_BELOW_ZERO] == []


def test_in_a_simulated_year_every_score_that_moves_has_a_cause() -> None:
    law = PRESENT[YEAR]
    world = simulate(11, 40, law)
    until = next(stage.at for stage in law.submission.stages if stage.stage == "T_7")
    told = [t for t in world if t.received_at < until]
    both = rulebooks_with(BENCHMARK_CORRECTED, COMPLETENESS_CORRECTED)
    found = diff(generation(told, until), generation(told, until, both, "next"))
    assert (len(found.participants), len(found.moved) > 5, found.unexplained) == (40, True, [])
    assert all(moved.causes for moved in found.moved)
    assert all(obligation.causes for obligation in found.obligations)
    assert sum(found.distribution.values()) == 40
