"""Intake over published files that nobody on this project wrote, where they lie beside the repository."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from processors.events import ClaimReceived
from processors.vocabulary import ParticipantList
from schemas.intake.participants import ListOptions, read_participants
from schemas.intake.qpp import Proof, read_qpp
from schemas.intake.reading import Read, Reading, Refused
from schemas.intake.rif import RifOptions, read_identifiers, read_rif
from schemas.tokens import beneficiary_token
from streams.admission import Rules
from streams.commands.files import refusal_of

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published sample files are not beside the repository")

PLACEHOLDER, YEAR = b"< performanceYearToBeReported >", b"2027"
#: What stands in no column of a file of another kind.
RIF_COLUMNS = (
    "CLM_ID, CLM_GRP_ID, FINAL_ACTION, CLM_FROM_DT, CLM_THRU_DT, NCH_WKLY_PROC_DT, LINE_NUM, LINE_1ST_EXPNS_DT"
)


def account(readings: Iterable[Reading]) -> dict[str, int]:
    """How many readings of each kind: an event by its type, a refusal by its reason, a note."""
    return dict(Counter(_kind(reading) for reading in readings))


def _kind(reading: Reading) -> str:
    if isinstance(reading, Read):
        return type(reading.event).__name__
    return reading.reason if isinstance(reading, Refused) else "noted"


def qpp(name: str) -> list[Reading]:
    text = (SAMPLES / "qpp_submissions" / name).read_bytes()
    text = text.replace(b'"' + PLACEHOLDER + b'"', YEAR).replace(PLACEHOLDER, YEAR)
    return list(read_qpp(text, name, "qpp-file", Proof()))


def rif(name: str) -> list[Reading]:
    options = RifOptions(source="rif-file", token=partial(beneficiary_token, key=b"key", version=1))
    with (SAMPLES / "cclf_rif" / name).open("rb") as stream:
        return list(read_rif(stream, name, options))


def admitted(readings: Iterable[Reading], *, accept: bool) -> dict[str, int]:
    """What admission makes of the events that were read."""
    rules = Rules(partitions=1, accept_test_identifiers=accept)
    events = [reading for reading in readings if isinstance(reading, Read)]
    return account(refusal_of(event, rules) or event for event in events)


QPP = {
    "submission-example-quality.json": {"SubmissionReceived": 1},
    "submission-example-aci.json": {"SubmissionReceived": 1},
    "submission-example-ia.json": {"noted": 1, "AttestationReceived": 4},
    "scoring-example-submission-input.json": {
        "AttestationReceived": 4,
        "SubmissionReceived": 1,
        "UNSUPPORTED_CATEGORY": 1,
    },
    "scoring-example-output-aci.json": {"NOT_SUBMISSION": 1},
    "scoring-example-output-ia.json": {"NOT_SUBMISSION": 1},
    "scoring-example-output-quality.json": {"NOT_SUBMISSION": 1},
    "invalidSubmissionErrorFixture.json": {"NOT_SUBMISSION": 1},
    "submissionDuplicateEntryErrorFixture.json": {"NOT_SUBMISSION": 1},
}


@pytest.mark.parametrize(("name", "expected"), QPP.items())
def test_a_published_submission_comes_to_its_events(name: str, expected: dict[str, int]) -> None:
    assert account(qpp(name)) == expected


def test_every_published_submission_is_accounted_for() -> None:
    assert {path.name for path in (SAMPLES / "qpp_submissions").iterdir()} == set(QPP)


@pytest.mark.parametrize("name", QPP)
def test_published_submissions_are_admitted_only_where_test_identifiers_are(name: str) -> None:
    events = {kind: count for kind, count in QPP[name].items() if kind.endswith("Received")}
    total = sum(events.values())
    assert admitted(qpp(name), accept=True) == events
    assert admitted(qpp(name), accept=False) == ({"MALFORMED_TIN": total} if total else {})


def test_the_published_rates_are_read_with_their_strata_and_denominators() -> None:
    (reading,) = qpp("submission-example-quality.json")
    assert isinstance(reading, Read)
    rows = [
        (r.measure_id, r.stratum, r.eligible_population, r.performance_met, r.numerator, r.denominator, r.exceptions)
        for r in getattr(reading.event, "measurements", ())
    ]
    assert rows == [
        ("305", "14days", 60, 47, None, None, 0),
        ("305", "34days", 147, 121, None, None, 0),
        ("102", None, 562, 305, None, None, 2),
        ("ACRAD15", None, 1000, None, 3, 1000, 30),
    ]


def test_a_placeholder_in_the_place_of_the_year_is_refused() -> None:
    text = (SAMPLES / "qpp_submissions" / "submission-example-quality.json").read_bytes()
    assert list(read_qpp(text, "f.json", "qpp-file", Proof())) == [
        Refused(reason="NOT_SUBMISSION", where="f.json", detail="Expected `int`, got `str` - at `$.performanceYear`")
    ]


def test_the_published_carrier_claims_are_read_whole() -> None:
    readings = rif("carrier.csv")
    claims = [r.event for r in readings if isinstance(r, Read) and isinstance(r.event, ClaimReceived)]
    with (SAMPLES / "cclf_rif" / "carrier.csv").open("rb") as stream:
        lines = sum(1 for _ in stream) - 1
    allowed = sum(line.allowed_cents or 0 for claim in claims for line in claim.lines)
    assert account(readings) == {"ClaimReceived": 37}
    assert (sum(len(claim.lines) for claim in claims), len({claim.beneficiary for claim in claims})) == (lines, 3)
    assert allowed == 14_555_431
    assert dict(Counter((claim.action.value, claim.disposition.value) for claim in claims)) == {
        ("ORIGINAL", "PAID"): 37
    }
    assert admitted(readings, accept=True) == {"ClaimReceived": 37}


def test_a_published_claim_with_codes_of_its_own_is_read() -> None:
    (reading,) = rif("sample-a-bcarrier-multiple-lines.txt")
    assert isinstance(reading, Read)
    assert isinstance(reading.event, ClaimReceived)
    claim = reading.event
    assert (claim.claim_id, claim.version, claim.tin.digits, len(claim.lines)) == ("900", 199911061, "204299999", 7)
    assert admitted([reading], accept=True) == {"MALFORMED_NPI": 1}


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("inpatient.csv", "LINE_NUM, LINE_1ST_EXPNS_DT"),
        ("outpatient.csv", "LINE_NUM, LINE_1ST_EXPNS_DT"),
        ("beneficiary_2021.csv", RIF_COLUMNS),
        ("parta_claims_header.csv", f"BENE_ID, {RIF_COLUMNS}"),
        ("parta_diagnosis_code.csv", f"BENE_ID, {RIF_COLUMNS}"),
        ("partb_physicians.csv", f"BENE_ID, {RIF_COLUMNS}"),
    ],
)
def test_a_published_file_of_another_kind_is_refused_once_with_what_it_lacks(name: str, missing: str) -> None:
    detail = f"no column {missing} in its header, or another delimiter than '|'"
    assert rif(name) == [Refused(reason="MISSING_COLUMN", where=f"{name}:1", detail=detail)]


def test_the_published_beneficiaries_have_their_identifiers() -> None:
    with (SAMPLES / "cclf_rif" / "beneficiary_2021.csv").open("rb") as stream:
        found = list(read_identifiers(stream, "b.csv"))
    assert [item[0] for item in found if not isinstance(item, Refused)] == ["-1000006", "-1000014", "-1000018"]


def test_the_published_header_of_the_participants_file_has_the_columns_that_are_needed() -> None:
    options = ListOptions(source="cms-participants", list=ParticipantList.FINAL, list_id="none")
    with (SAMPLES / "asm_participants_header.csv").open("rb") as stream:
        assert list(read_participants(stream, "list.csv", {}, options)) == []
