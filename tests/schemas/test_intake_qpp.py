"""QPP Submissions API JSON: which events a file comes to, and what is refused of it, where and why."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from processors.events import AttestationReceived, Measurement, SubmissionReceived
from processors.identity import Npi, Tin
from processors.vocabulary import AttestationAction, Stage, SubmissionAction
from schemas.intake.qpp import Proof, read_qpp
from schemas.intake.reading import Noted, Read, Reading, Refused
from tests.making import at

NPI = Npi("1730184500")
RATE = {"measureId": "236", "value": {"eligiblePopulation": 40, "performanceMet": 31, "performanceNotMet": 9}}
PREPARED = Proof()
RECEIPTED = Proof(stage=Stage.RECEIPTED, confirmation="CMS-7", receipted_at=at("2028-03-01T10:00:00+00:00"))


def a_set(*measurements: Any, category: str = "quality", **given: Any) -> dict[str, Any]:
    dates = {"performanceStart": "2027-01-01", "performanceEnd": "2027-12-31"}
    return {"category": category, **dates, "measurements": list(measurements)} | given


def submission(*sets: Any, **given: Any) -> dict[str, Any]:
    whose = {
        "entityType": "individual",
        "taxpayerIdentificationNumber": "640000321",
        "nationalProviderIdentifier": NPI,
        "performanceYear": 2027,
    }
    return whose | {"measurementSets": list(sets)} | given


def read(document: object, proof: Proof = PREPARED) -> list[Reading]:
    return list(read_qpp(json.dumps(document).encode(), "f.json", "qpp-file", proof))


def event_of(document: object, proof: Proof = PREPARED) -> Any:
    """The one event that a file comes to."""
    (reading,) = read(document, proof)
    assert isinstance(reading, Read)
    return reading.event


def refusals(document: object) -> list[tuple[str, str, str]]:
    return [(r.reason, r.where, r.detail) for r in read(document) if isinstance(r, Refused)]


def test_a_quality_set_of_a_clinician_becomes_one_prepared_submission() -> None:
    (reading,) = read(submission(a_set(RATE, submissionMethod="registry")))
    assert isinstance(reading, Read)
    assert isinstance(reading.event, SubmissionReceived)
    assert reading == Read(
        event=SubmissionReceived(
            event_id=reading.event.event_id,
            source="qpp-file",
            submission_id=reading.event.submission_id,
            revision=1,
            action=SubmissionAction.SUBMIT,
            tin=Tin("640000321"),
            npi=NPI,
            performance_year=2027,
            category="QUALITY",
            collection_type="CQM",
            period_start=date(2027, 1, 1),
            period_end=date(2027, 12, 31),
            stage=Stage.PREPARED,
            measurements=(
                Measurement(measure_id="236", eligible_population=40, performance_met=31, performance_not_met=9),
            ),
        ),
        time=None,
        where="f.json, set 1 (quality)",
    )


def test_a_set_of_a_group_names_no_clinician() -> None:
    assert event_of(submission(a_set(RATE), entityType="group", nationalProviderIdentifier=NPI)).npi is None


def test_without_an_entity_type_a_submission_is_an_individual_s() -> None:
    document = submission(a_set(RATE))
    del document["entityType"]
    assert event_of(document).npi == NPI


@pytest.mark.parametrize(
    ("method", "collection_type"), [("electronicHealthRecord", "ECQM"), ("registry", "CQM"), (None, None)]
)
def test_the_submission_method_tells_the_collection_type(method: str | None, collection_type: str | None) -> None:
    assert event_of(submission(a_set(RATE, submissionMethod=method))).collection_type == collection_type


def test_a_submission_method_that_tells_no_collection_type_is_noted() -> None:
    noted, taken = read(submission(a_set(RATE, submissionMethod="claims")))
    assert noted == Noted(
        where="f.json, set 1 (quality)",
        detail="its submissionMethod is neither electronicHealthRecord nor registry: no collection type is known",
    )
    assert isinstance(taken, Read)
    assert isinstance(taken.event, SubmissionReceived)
    assert taken.event.collection_type is None


def test_an_interoperability_set_has_answers_fractions_and_the_cehrt_id() -> None:
    measurements = (
        {"measureId": "PI_PPHI_1", "value": True},
        {"measureId": "PI_ONCDIR_1", "value": False},
        {"measureId": "PI_EP_1", "value": {"numerator": 18, "denominator": 25}},
    )
    event = event_of(submission(a_set(*measurements, category="pi", cehrtId="0015HQR2ND04TT7")))
    assert (event.category, event.cehrt_id) == ("PROMOTING_INTEROPERABILITY", "0015HQR2ND04TT7")
    assert event.measurements == (
        Measurement(measure_id="PI_PPHI_1", answer=True),
        Measurement(measure_id="PI_ONCDIR_1", answer=False),
        Measurement(measure_id="PI_EP_1", numerator=18, denominator=25),
    )


def test_each_activity_of_a_group_becomes_an_attestation_of_its_tin() -> None:
    measurements = ({"measureId": "ASM_IA_1", "value": True}, {"measureId": "ASM_IA_2", "value": False})
    found = read(submission(a_set(*measurements, category="ia"), entityType="group"))
    events = [r.event for r in found if isinstance(r, Read) and isinstance(r.event, AttestationReceived)]
    expected = [
        Read(
            event=AttestationReceived(
                event_id=event.event_id,
                source="qpp-file",
                attestation_id=event.attestation_id,
                revision=1,
                action=AttestationAction.ATTEST,
                tin=Tin("640000321"),
                performance_year=2027,
                activity_id=activity,
                answer=answer,
                stage=Stage.PREPARED,
                period_start=date(2027, 1, 1),
                period_end=date(2027, 12, 31),
            ),
            time=None,
            where=f"f.json, set 1 (ia), {activity}",
        )
        for event, (activity, answer) in zip(events, [("ASM_IA_1", True), ("ASM_IA_2", False)], strict=True)
    ]
    assert found == expected
    assert len({event.attestation_id for event in events} | {event.event_id for event in events}) == 4


def test_activities_of_an_individual_go_to_the_tin_and_that_is_noted() -> None:
    noted, taken = read(submission(a_set({"measureId": "ASM_IA_1", "value": True}, category="ia")))
    assert noted == Noted(
        where="f.json, set 1 (ia)",
        detail=f"the activities of NPI {NPI} go to the TIN: ASM asks them of the TIN for all its participants",
    )
    assert isinstance(taken, Read)
    assert isinstance(taken.event, AttestationReceived)
    assert taken.event.tin == Tin("640000321")


def test_each_stratum_of_a_measure_is_a_row() -> None:
    strata = [
        {"stratum": "systolic", "eligiblePopulation": 30, "performanceMet": 20, "performanceNotMet": 10},
        {"stratum": "diastolic", "eligiblePopulation": 31, "performanceMet": 11, "performanceNotMet": 20},
    ]
    assert event_of(submission(a_set({"measureId": "236", "value": {"strata": strata}}))).measurements == (
        Measurement(
            measure_id="236",
            stratum="systolic",
            eligible_population=30,
            performance_met=20,
            performance_not_met=10,
        ),
        Measurement(
            measure_id="236",
            stratum="diastolic",
            eligible_population=31,
            performance_met=11,
            performance_not_met=20,
        ),
    )


def test_exclusions_exceptions_and_absent_counts_are_taken_as_they_are() -> None:
    value = {
        "eligiblePopulation": 12,
        "performanceMet": 7,
        "performanceNotMet": 2,
        "eligiblePopulationExclusion": 2,
        "eligiblePopulationException": 1,
        "performanceRate": 77.8,
    }
    counted = Measurement(
        measure_id="008",
        eligible_population=12,
        performance_met=7,
        performance_not_met=2,
        exclusions=2,
        exceptions=1,
    )
    absent = value | {"eligiblePopulationExclusion": None, "eligiblePopulationException": None}
    assert event_of(submission(a_set({"measureId": "008", "value": value}))).measurements == (counted,)
    assert event_of(submission(a_set({"measureId": "008", "value": absent}))).measurements == (
        replace(counted, exclusions=None, exceptions=None),
    )


@pytest.mark.parametrize(("category", "population"), [("quality", 50), ("pi", None)])
def test_a_denominator_is_the_eligible_population_of_a_quality_measure_only(
    category: str, population: int | None
) -> None:
    value = {"numerator": 33, "denominator": 50, "denominatorException": 4}
    event = event_of(submission(a_set({"measureId": "X1", "value": value}, category=category)))
    assert event.measurements == (
        Measurement(measure_id="X1", eligible_population=population, numerator=33, denominator=50, exceptions=4),
    )


def test_an_eligible_population_that_is_given_is_kept_beside_a_denominator() -> None:
    value = {"numerator": 33, "denominator": 50, "eligiblePopulation": 60}
    (row,) = event_of(submission(a_set({"measureId": "X1", "value": value}))).measurements
    assert (row.eligible_population, row.denominator) == (60, 50)


def test_proof_is_what_the_sender_gives_and_nothing_else() -> None:
    document = submission(a_set(RATE))
    stages = [event_of(document, proof) for proof in (PREPARED, Proof(stage=Stage.SENT), RECEIPTED)]
    assert [(e.stage, e.confirmation, e.receipted_at) for e in stages] == [
        (Stage.PREPARED, None, None),
        (Stage.SENT, None, None),
        (Stage.RECEIPTED, "CMS-7", at("2028-03-01T10:00:00+00:00")),
    ]
    attested = submission(a_set({"measureId": "ASM_IA_1", "value": True}, category="ia"), entityType="group")
    assert (event_of(attested, RECEIPTED).stage, event_of(attested, RECEIPTED).confirmation) == (
        Stage.RECEIPTED,
        "CMS-7",
    )


def test_each_word_about_a_set_is_an_event_of_its_own_and_the_set_one_submission() -> None:
    later = replace(RECEIPTED, receipted_at=at("2028-03-02T10:00:00+00:00"))
    proofs = (PREPARED, Proof(stage=Stage.SENT), RECEIPTED, replace(RECEIPTED, confirmation="CMS-8"), later)
    events = [event_of(submission(a_set(RATE)), proof) for proof in proofs]
    assert len({e.submission_id for e in events}) == 1
    assert len({e.event_id for e in events}) == len(proofs)


def test_the_same_set_read_twice_is_the_same_event_whatever_the_order_of_its_fields() -> None:
    document = submission(a_set(RATE))
    turned = dict(reversed(document.items())) | {"measurementSets": [dict(reversed(a_set(RATE).items()))]}
    assert list(turned) != list(document)
    assert event_of(turned) == event_of(document)


@pytest.mark.parametrize(
    "other",
    [
        submission(a_set(RATE, performanceEnd="2027-12-30")),
        submission(a_set(RATE), taxpayerIdentificationNumber="640000322"),
        submission(a_set(RATE), nationalProviderIdentifier="1730184518"),
        submission(a_set(RATE), performanceYear=2028),
        submission(a_set(RATE), entityType="group"),
    ],
    ids=["content", "tin", "npi", "year", "entity"],
)
def test_a_set_that_differs_or_is_another_s_is_another_submission(other: dict[str, Any]) -> None:
    assert event_of(other).submission_id != event_of(submission(a_set(RATE))).submission_id


@pytest.mark.parametrize("wrapped", [lambda s: {"data": {"submission": s}}, lambda s: {"data": s}, lambda s: [s]])
def test_an_answer_that_wraps_a_submission_says_the_same(wrapped: Any) -> None:
    document = submission(a_set(RATE))
    assert read(wrapped(document)) == read(document)


def test_each_submission_of_a_list_is_read_and_named_by_its_place() -> None:
    found = read([submission(a_set(RATE)), {"data": {"submission": submission(a_set(RATE), performanceYear=2028)}}])
    assert [(r.where, r.event.performance_year) for r in found if isinstance(r, Read)] == [  # type: ignore[union-attr]
        ("f.json, submission 1, set 1 (quality)", 2027),
        ("f.json, submission 2, set 1 (quality)", 2028),
    ]


def test_a_file_without_submissions_or_sets_comes_to_nothing() -> None:
    assert (read([]), read(submission())) == ([], [])


@pytest.mark.parametrize(
    ("text", "where", "detail"),
    [
        (b'{"entityType":\n oops}', "f.json:2", "not JSON: Expecting value"),
        (b"", "f.json:1", "not JSON: Expecting value"),
        (b'{"entityType": "\xff"}', "f.json", "not JSON: UnicodeDecodeError"),
        (b"[" * 100_000, "f.json", "not JSON: RecursionError"),
        (b'{"performanceYear": ' + b"9" * 5000 + b"}", "f.json", "not JSON: ValueError"),
    ],
    ids=["malformed", "empty", "latin", "deep", "long"],
)
def test_what_is_not_json_is_a_malformed_file(text: bytes, where: str, detail: str) -> None:
    (refused,) = read_qpp(text, "f.json", "qpp-file", PREPARED)
    assert refused == Refused(reason="MALFORMED_FILE", where=where, detail=detail)


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"error": {"type": "ValidationError"}}, "Object missing required field `performanceYear`"),
        (submission(performanceYear="2027"), "Expected `int`, got `str` - at `$.performanceYear`"),
        (submission(measurementSets={}), "Expected `array`, got `object` - at `$.measurementSets`"),
        (["text"], "Expected `object`, got `str`"),
        (
            submission(entityType="virtualGroup"),
            "its entityType is neither individual nor group: ASM knows clinicians and their TIN",
        ),
    ],
    ids=["error", "year", "sets", "text", "entity"],
)
def test_json_of_another_shape_is_no_submission(document: object, detail: str) -> None:
    assert refusals(document) == [("NOT_SUBMISSION", "f.json", detail)]


@pytest.mark.parametrize("tin", [None, ""])
def test_a_tin_is_never_guessed(tin: str | None) -> None:
    assert refusals(submission(a_set(RATE), taxpayerIdentificationNumber=tin)) == [
        ("MISSING_TIN", "f.json", "no taxpayerIdentificationNumber")
    ]


@pytest.mark.parametrize("bad", [a_set(RATE, category="aci"), {"category": "cost"}])
def test_a_category_that_asm_does_not_take_is_refused_whatever_its_shape(bad: dict[str, Any]) -> None:
    where = f"f.json, set 1 ({bad['category']})"
    assert refusals(submission(bad)) == [("UNSUPPORTED_CATEGORY", where, "neither quality nor pi nor ia")]


BAD_SETS: list[tuple[Any, str, str]] = [
    ("text", "f.json, set 2", "Expected `object`, got `str`"),
    ({"measurements": []}, "f.json, set 2", "Object missing required field `category`"),
    (
        {"category": "quality", "measurements": []},
        "f.json, set 2 (quality)",
        "Object missing required field `performanceStart`",
    ),
    (
        a_set(RATE, performanceStart="1/1/2027"),
        "f.json, set 2 (quality)",
        "Invalid RFC3339 encoded date - at `$.performanceStart`",
    ),
    (a_set("236"), "f.json, set 2 (quality)", "Expected `object`, got `str` - at `$.measurements[0]`"),
    (a_set({"value": True}), "f.json, set 2 (quality)", "Expected `str`, got `null`"),
    (
        a_set({"measureId": "236", "value": 31}),
        "f.json, set 2 (quality)",
        "Expected `bool` or `object` - at `$.measurements[236].value`",
    ),
    (
        a_set({"measureId": "236", "value": {"eligiblePopulation": "40"}}),
        "f.json, set 2 (quality)",
        "Expected `int`, got `str` - at `$.measurements[236].value.eligiblePopulation`",
    ),
    (
        a_set({"measureId": "236", "value": {"eligiblePopulation": True}}),
        "f.json, set 2 (quality)",
        "Expected `int`, got `bool` - at `$.measurements[236].value.eligiblePopulation`",
    ),
    (
        a_set({"measureId": "ASM_IA_1", "value": True}, {"measureId": "ASM_IA_2", "value": "yes"}, category="ia"),
        "f.json, set 2 (ia)",
        "Expected `bool`, got `str`",
    ),
]


@pytest.mark.parametrize(("bad", "where", "detail"), BAD_SETS)
def test_one_bad_set_is_refused_as_a_whole_and_costs_the_others_nothing(bad: Any, where: str, detail: str) -> None:
    before, after = a_set(RATE), a_set(RATE, performanceEnd="2027-12-30")
    first, refused, last = read(submission(before, bad, after))
    assert refused == Refused(reason="NOT_SUBMISSION", where=where, detail=detail)
    assert [first] == read(submission(before))
    assert isinstance(last, Read)
    assert last == replace(last, event=event_of(submission(after)), where="f.json, set 3 (quality)")


def test_a_bad_submission_costs_the_others_of_its_list_nothing() -> None:
    found = read([submission(taxpayerIdentificationNumber=""), submission(a_set(RATE)), 7])
    assert [(type(r).__name__, r.where) for r in found] == [
        ("Refused", "f.json, submission 1"),
        ("Read", "f.json, submission 2, set 1 (quality)"),
        ("Refused", "f.json, submission 3"),
    ]


def test_the_value_of_a_count_is_never_told() -> None:
    (refusal,) = refusals(submission(a_set({"measureId": "236", "value": {"performanceMet": "1EG4TE5MK73"}})))
    assert "1EG4TE5MK73" not in " ".join(refusal)
