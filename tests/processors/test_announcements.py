"""What is new is said once, numbered, under ids that a replay repeats."""

from dataclasses import replace
from decimal import Decimal

from processors.announced import AnnouncedScore, Owners
from processors.announcements import announce
from processors.assessment import Assessment
from processors.outputs import Cause, Envelope, FindingChanged, ObligationChanged, Output, ScoreChanged
from schemas.codec import content_digest
from tests.making import IN_WINDOW, NPI, OTHER_NPI, assessed, at, attested, listed, observed, quality, row, rulebook

LISTED = listed(event_id="l1")
ENVELOPE = Envelope(
    cause=Cause(type="ParticipantListed", source="cms", event_id="l1", journal_offset=7),
    as_of=IN_WINDOW,
    rulebook=rulebook().digest,
    vintage=rulebook().vintage,
    engine=1,
    generation="live",
)


def said(last: Owners, assessment: Assessment, envelope: Envelope = ENVELOPE) -> tuple[list[Output], Owners]:
    return announce(last, assessment, envelope, content_digest)


def obligations(outputs: list[Output]) -> dict[str, ObligationChanged]:
    return {o.item: o for o in outputs if isinstance(o, ObligationChanged)}


def scores(outputs: list[Output]) -> list[ScoreChanged]:
    return [o for o in outputs if isinstance(o, ScoreChanged)]


def test_the_first_assessment_says_everything_and_the_same_again_says_nothing() -> None:
    first, owners = said({}, assessed(LISTED))
    checklist = [row.item_id for row in rulebook().compliance.readiness]
    assert sorted(obligations(first)) == sorted(
        [
            "005",
            "008",
            "236",
            "377",
            "492",
            "COST_HF_1",
            "ASM_IA_1",
            "ASM_IA_2",
            "PROMOTING_INTEROPERABILITY",
            *checklist,
        ]
    )
    assert [(s.revision, s.previous) for s in scores(first)] == [(1, None)]
    again, same = said(owners, assessed(LISTED))
    assert (again, dict(same)) == ([], dict(owners))


def test_a_change_raises_the_revision_of_what_changed_alone_and_names_the_score_before() -> None:
    _, owners = said({}, assessed(LISTED))
    outputs, _ = said(owners, assessed(LISTED, attested("ASM_IA_1")))
    assert (set(obligations(outputs)), [s.revision for s in scores(outputs)]) == ({"ASM_IA_1"}, [2])
    assert [s.previous for s in scores(outputs)] == [Decimal(0)]


def test_ids_repeat_in_a_replay_and_differ_by_cause_rulebook_and_engine() -> None:
    (first, _), (again, _) = said({}, assessed(LISTED)), said({}, assessed(LISTED))
    assert [o.emitted_id for o in first] == [o.emitted_id for o in again]
    for other in (
        replace(ENVELOPE, cause=replace(ENVELOPE.cause, event_id="l2")),
        replace(ENVELOPE, rulebook="another"),
        replace(ENVELOPE, engine=2),
    ):
        changed, _ = said({}, assessed(LISTED), other)
        assert {o.emitted_id for o in changed}.isdisjoint({o.emitted_id for o in first})


def test_ids_do_not_depend_on_generation_instant_or_offset() -> None:
    elsewhere = replace(
        ENVELOPE, generation="trial", as_of=at("2028-02-02"), cause=replace(ENVELOPE.cause, journal_offset=8)
    )
    (first, _), (again, _) = said({}, assessed(LISTED)), said({}, assessed(LISTED), elsewhere)
    assert [o.emitted_id for o in first] == [o.emitted_id for o in again]


def test_an_alert_fires_keeps_its_id_through_the_stages_and_resolves() -> None:
    quiet, owners = said({}, assessed(LISTED))
    firing, owners = said(owners, assessed(LISTED, as_of=at("2028-03-02T01:00:00+00:00")))
    later, owners = said(owners, assessed(LISTED, as_of=at("2028-03-25T00:00:00+00:00")))
    met, owners = said(owners, assessed(LISTED, quality(row("236")), as_of=at("2028-03-25T00:00:00+00:00")))
    told = [obligations(outputs)["236"] for outputs in (quiet, firing, later, met)]
    assert [(o.alert, o.stage, o.revision) for o in told] == [
        ("NONE", "T_60", 1),
        ("FIRING", "T_30", 2),
        ("FIRING", "T_7", 3),
        ("RESOLVED", "T_7", 4),
    ]
    assert len({o.alert_id for o in told}) == 1


def test_a_trouble_that_comes_back_is_another_alert() -> None:
    late = at("2028-03-25T00:00:00+00:00")
    _, owners = said({}, assessed(LISTED, as_of=late))
    met, owners = said(owners, assessed(LISTED, quality(row("236")), as_of=late))
    back, _ = said(owners, assessed(LISTED, as_of=late))
    before, after = obligations(met)["236"], obligations(back)["236"]
    assert (before.alert, after.alert, before.alert_id == after.alert_id) == ("RESOLVED", "FIRING", False)


def test_a_stage_alone_says_nothing_of_what_is_settled() -> None:
    _, owners = said({}, assessed(LISTED, quality(row("236"))))
    outputs, _ = said(owners, assessed(LISTED, quality(row("236")), as_of=at("2028-03-25T00:00:00+00:00")))
    assert "236" not in obligations(outputs)
    assert obligations(outputs)["005"].stage == "T_7"


def test_a_finding_is_said_when_it_is_found_and_when_it_clears_and_when_it_comes_back() -> None:
    early = quality(row("236"), event_id="q1", npi=OTHER_NPI)
    history: list[tuple[str, str, int]] = []
    owners: Owners = {}
    for assessment in (
        assessed(LISTED, early),
        assessed(LISTED, early, listed(npi=OTHER_NPI)),
        assessed(LISTED, early, listed(npi=OTHER_NPI)),
        assessed(LISTED, early),
    ):
        outputs, owners = said(owners, assessment)
        history += [(o.code, o.state, o.revision) for o in outputs if isinstance(o, FindingChanged)]
    assert history == [("NOT_ON_ROSTER", "OPEN", 1), ("NOT_ON_ROSTER", "CLEARED", 2), ("NOT_ON_ROSTER", "OPEN", 3)]


def test_owners_of_whom_nothing_is_new_stay_the_same_objects() -> None:
    both = (LISTED, listed(event_id="l2", npi=OTHER_NPI))
    _, owners = said({}, assessed(*both))
    _, now = said(owners, assessed(*both, quality(row("236", 90, 10))))
    assert now[OTHER_NPI] is owners[OTHER_NPI]
    assert now[NPI] is not owners[NPI]


def test_what_alerted_and_rested_on_a_word_that_does_not_count_is_resolved_once() -> None:
    near = at("2028-03-20")
    mine = observed(listed(event_id="l1"), IN_WINDOW)
    _, owners = said({}, assessed(mine, as_of=near))
    another = observed(listed(event_id="l1", npi=OTHER_NPI), at("2027-01-01"))
    outputs, owners = said(owners, assessed(mine, another, as_of=near))
    over = [o for o in outputs if isinstance(o, ObligationChanged) and o.npi == NPI]
    assert {(o.item, o.status, o.alert, o.revision) for o in over} == {
        (item, "NOT_REQUIRED", "RESOLVED", 2) for item in ("005", "008", "236", "377")
    }
    outputs, _ = said(owners, assessed(mine, another, as_of=near))
    assert outputs == []


def test_a_score_names_the_parts_that_moved_it_and_the_first_one_none() -> None:
    outputs, owners = announce({}, assessed(LISTED), ENVELOPE, content_digest)
    (first,) = (o for o in outputs if isinstance(o, ScoreChanged))
    more = assessed(LISTED, quality(row("236"), event_id="q"), attested("ASM_IA_1", event_id="a"))
    outputs, owners = announce(owners, more, ENVELOPE, content_digest)
    (second,) = (o for o in outputs if isinstance(o, ScoreChanged))
    assert (first.moved, second.moved) == (
        (),
        ("quality", "236", "improvement_activities", "complex_patients"),  # which counted 0 below the least submission
    )


def test_parts_that_are_gone_are_named_last_in_an_order_of_their_own() -> None:
    outputs, owners = announce({}, assessed(listed(event_id="l")), ENVELOPE, content_digest)
    gone = assessed(listed(event_id="l"), listed(event_id="l2", eligible=False))
    for known in (owners, {n: replace(o, score=shuffled(o.score)) for n, o in owners.items()}):
        outputs, _ = announce(known, gone, ENVELOPE, content_digest)
        (score,) = (o for o in outputs if isinstance(o, ScoreChanged))
        assert (score.moved[0], list(score.moved[1:])) == ("final_score", sorted(score.moved[1:]))


def shuffled(said: AnnouncedScore | None) -> AnnouncedScore | None:
    return said and replace(said, values=dict(reversed(list(said.values.items()))))
