"""Outputs whole: what an output says is what was assessed, under the envelope of its announcement."""

from dataclasses import asdict, replace
from decimal import Decimal
from hashlib import sha256

from processors.announced import Owners
from processors.announcements import announce
from processors.assessment import Assessment
from processors.obligations import Status
from processors.outputs import (
    Alert,
    Cause,
    Envelope,
    FindingChanged,
    FindingState,
    ObligationChanged,
    Output,
    ScoreChanged,
)
from processors.rulebook import Standing
from schemas.codec import content_digest
from tests.making import (
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    TIN,
    assessed,
    at,
    attested,
    listed,
    observed,
    quality,
    row,
    rulebook,
    score_of,
)

LISTED = listed(event_id="l1", name="Ada Moreno", organization="Lakeside Spine", practice_alias="lakeside-1")
TOLD = (quality(row("236", 90, 10), row("999"), event_id="q1"), attested("ASM_IA_1", event_id="a1"))
ENVELOPE = Envelope(
    cause=Cause(type="SubmissionReceived", source="registry", event_id="q1", journal_offset=7),
    as_of=IN_WINDOW,
    rulebook=rulebook().digest,
    vintage=rulebook().vintage,
    engine=3,
    generation="live",
)
UNSAID = {"emitted_id", "revision"}
ON_EVERY_OUTPUT = {
    "as_of": IN_WINDOW,
    "rulebook": rulebook().digest,
    "vintage": rulebook().vintage,
    "engine": 3,
    "generation": "live",
}


def said(last: Owners, assessment: Assessment) -> tuple[list[Output], Owners]:
    return announce(last, assessment, ENVELOPE, content_digest)


def digest(*parts: str) -> str:
    return sha256("\x1f".join(parts).encode()).hexdigest()


def test_every_output_carries_the_envelope() -> None:
    outputs, _ = said({}, assessed(LISTED, *TOLD))
    assert {type(o) for o in outputs} == {ScoreChanged, ObligationChanged, FindingChanged}
    for output in outputs:
        assert {name: getattr(output, name) for name in ON_EVERY_OUTPUT} == ON_EVERY_OUTPUT
        assert (output.cause, output.revision, output.tin, output.performance_year) == (ENVELOPE.cause, 1, TIN, 2027)
    assert len({output.emitted_id for output in outputs}) == len(outputs)


def test_a_score_is_said_as_it_was_assessed() -> None:
    assessment = assessed(LISTED, *TOLD)
    outputs, _ = said({}, assessment)
    (output,) = (o for o in outputs if isinstance(o, ScoreChanged))
    score = score_of(assessment)
    fields = ("npi", "cohort", "final_score", "prepared_score", "lowest_reachable", "highest_reachable", "payment")
    texts = ("tree", "standing", "estimate", "name", "organization", "practice_alias")
    for name in (*fields, *texts):
        assert getattr(output, name) == getattr(score, name), name
    assert (output.name, output.organization, output.practice_alias, output.previous) == (
        "Ada Moreno",
        "Lakeside Spine",
        "lakeside-1",
        None,
    )


def test_what_names_a_person_or_a_practice_is_not_printed() -> None:
    outputs, _ = said({}, assessed(LISTED, *TOLD))
    printed = " ".join(map(repr, outputs))
    assert [text for text in ("Ada Moreno", "Lakeside Spine", TIN.digits) if text in printed] == []


def test_an_obligation_is_said_as_it_was_assessed_with_ids_of_its_own() -> None:
    assessment = assessed(LISTED, *TOLD, as_of=at("2028-03-28"))
    outputs, _ = said({}, assessment)
    told = {(o.npi, o.category, o.item): o for o in outputs if isinstance(o, ObligationChanged)}
    assert len(told) == len(assessment.obligations)
    for o in assessment.obligations:
        output = told[o.item.npi, o.item.category, o.item.item]
        for name in ("status", "due_at", "milestones", "stage", "points_at_stake", "cliff", "affected", "missing"):
            assert getattr(output, name) == getattr(o, name), name
        assert (output.title, output.cites, output.next_step) == (o.item.title, o.item.cites, o.next_step)
        assert output.alert == (Alert.FIRING if o.alerting else Alert.NONE)
        place = (TIN.digits, o.item.npi or "", "2027", o.item.category, o.item.item)
        assert output.obligation_id == digest("obligation", *place)[:32]
        assert output.alert_id == digest(output.obligation_id, "0")[:32]
        weakest = max((o.item.standing, *(m.standing for m in o.milestones)), key=list(Standing).index)
        assert output.standing == weakest


def test_a_finding_is_said_as_it_was_found_and_cleared_in_the_same_words() -> None:
    assessment = assessed(LISTED, *TOLD)
    first, owners = said({}, assessment)
    cleared, _ = said(owners, assessed(LISTED))
    (found,) = assessment.findings
    (opened,) = (o for o in first if isinstance(o, FindingChanged))
    (closed,) = (o for o in cleared if isinstance(o, FindingChanged))
    for name in ("npi", "performance_year", "event", "code", "field", "message", "cites"):
        assert getattr(opened, name) == getattr(found, name), name
    assert (opened.npi, opened.code, opened.field) == (NPI, "UNKNOWN_MEASURE", "measurements[999]")
    assert (opened.state, closed.state, closed.revision) == (FindingState.OPEN, FindingState.CLEARED, 2)
    changed = {name for name, value in asdict(closed).items() if value != asdict(opened)[name]}
    assert changed == {"state", "emitted_id", "revision"}


def test_a_score_that_rested_on_a_word_that_does_not_count_is_withdrawn_with_nothing_in_it() -> None:
    mine = observed(listed(event_id="l1"), IN_WINDOW)
    _, owners = said({}, assessed(mine, quality(row("236", 90, 10))))
    another = observed(listed(event_id="l1", npi=OTHER_NPI), at("2027-01-01"))
    outputs, owners = said(owners, assessed(mine, another, quality(row("236", 90, 10))))
    (over,) = (o for o in outputs if isinstance(o, ScoreChanged) and o.npi == NPI)
    assert (over.cohort, over.standing, over.estimate, over.performance_year) == (
        "HEART_FAILURE",
        Standing.DERIVED,
        False,
        2027,
    )
    nothing = ("final_score", "prepared_score", "lowest_reachable", "highest_reachable", "payment", "name")
    assert [getattr(over, name) for name in (*nothing, "organization", "practice_alias")] == [None] * 8
    assert ([r.code for r in over.tree.reasons], over.tree.parts, over.revision) == (["WITHDRAWN"], (), 2)
    assert isinstance(over.previous, Decimal)


def test_an_alert_that_rested_on_a_word_that_does_not_count_is_over_with_nothing_in_it() -> None:
    near = at("2028-03-28")
    mine = observed(listed(event_id="l1"), IN_WINDOW)
    first, owners = said({}, assessed(mine, as_of=near))
    another = observed(listed(event_id="l1", npi=OTHER_NPI), at("2027-01-01"))
    outputs, _ = said(owners, assessed(mine, another, as_of=near))
    (over,) = (o for o in outputs if isinstance(o, ObligationChanged) and (o.npi, o.item) == (NPI, "236"))
    (fired,) = (o for o in first if isinstance(o, ObligationChanged) and (o.npi, o.item) == (NPI, "236"))
    assert replace(over, emitted_id=fired.emitted_id) == replace(
        fired,
        revision=2,
        title="236",
        status=Status.NOT_REQUIRED,
        due_at=None,
        milestones=(),
        stage="",
        alert=Alert.RESOLVED,
        points_at_stake=Decimal(0),
        cliff=None,
        missing=(),
        next_step="Nothing to send: what this rested on does not count.",
        cites=(),
        standing=Standing.DERIVED,
    )
