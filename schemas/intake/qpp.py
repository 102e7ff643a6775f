"""QPP Submissions API JSON -> submissions and attestations, one a measurement set (an activity each for ``ia``).

A file does not prove that anybody received it: what it holds is PREPARED unless the sender says otherwise, and
RECEIPTED only with the receiver's confirmation and instant. The set's digest is its ``submission_id``, so that the same
set read twice is one submission, and a changed one another. Format: qpp-submissions-docs of CMS.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import msgspec

from processors.events import AttestationReceived, Measurement, SubmissionReceived
from processors.identity import Npi, Tin
from processors.vocabulary import AttestationAction, Stage, SubmissionAction
from schemas.intake.reading import Noted, Read, Reading, Refused

_CATEGORIES = {"quality": "QUALITY", "pi": "PROMOTING_INTEROPERABILITY"}
_ACTIVITIES = "ia"
_COLLECTION_TYPES = {"electronicHealthRecord": "ECQM", "registry": "CQM"}
_INDIVIDUAL, _GROUP = "individual", "group"
#: The digest of each holds the rest of its set; CMS's inventory has about a hundred activities.
_MOST_ACTIVITIES = 200
_COUNTS = {
    "eligiblePopulation": "eligible_population",
    "performanceMet": "performance_met",
    "performanceNotMet": "performance_not_met",
    "eligiblePopulationExclusion": "exclusions",
    "eligiblePopulationException": "exceptions",
    "numerator": "numerator",
    "denominator": "denominator",
    "denominatorException": "exceptions",
}


class _Set(msgspec.Struct, rename="camel"):
    category: str
    performance_start: date
    performance_end: date
    measurements: list[dict[str, Any]]
    submission_method: str | None = None
    cehrt_id: str | None = None


class _Submission(msgspec.Struct, rename="camel"):
    performance_year: int
    measurement_sets: list[Any]
    entity_type: str = _INDIVIDUAL
    taxpayer_identification_number: str | None = None
    national_provider_identifier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How far the sets of a file got, in the words of whoever sent it."""

    stage: Stage = Stage.PREPARED
    confirmation: str | None = None
    receipted_at: datetime | None = None


def read_qpp(text: bytes, name: str, source: str, proof: Proof) -> Iterator[Reading]:
    """Read a file that holds a submission, a list of them, or an answer of the API with ``data.submission``."""
    try:
        plain = json.loads(text)
        json.dumps(plain, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except json.JSONDecodeError as error:
        yield Refused(reason="MALFORMED_FILE", where=f"{name}:{error.lineno}", detail=f"not JSON: {error.msg}")
        return
    except (ValueError, RecursionError) as error:
        yield Refused(reason="MALFORMED_FILE", where=name, detail=f"not JSON: {type(error).__name__}")
        return
    submissions = plain if isinstance(plain, list) else [plain]
    for number, submission in enumerate(submissions, 1):
        where = name if len(submissions) == 1 else f"{name}, submission {number}"
        yield from _read_submission(_unwrapped(submission), where, source, proof)


def _unwrapped(plain: object) -> object:
    for wrapper in ("data", "submission"):
        if isinstance(plain, dict) and isinstance(plain.get(wrapper), dict):
            plain = plain[wrapper]
    return plain


def _read_submission(plain: object, where: str, source: str, proof: Proof) -> Iterator[Reading]:
    try:
        submission = msgspec.convert(plain, _Submission)
    except msgspec.ValidationError as error:
        yield Refused(reason="NOT_SUBMISSION", where=where, detail=str(error))
        return
    if submission.entity_type not in {_INDIVIDUAL, _GROUP}:
        detail = f"its entityType is neither {_INDIVIDUAL} nor {_GROUP}: ASM knows clinicians and their TIN"
        yield Refused(reason="NOT_SUBMISSION", where=where, detail=detail)
        return
    if not submission.taxpayer_identification_number:
        yield Refused(reason="MISSING_TIN", where=where, detail="no taxpayerIdentificationNumber")
        return
    for number, measurement_set in enumerate(submission.measurement_sets, 1):
        yield from _SetReader(submission, f"{where}, set {number}", source, proof).read(measurement_set)


class _SetReader:
    """Makes events of the measurement sets of one submission."""

    def __init__(self, submission: _Submission, where: str, source: str, proof: Proof) -> None:
        self._submission = submission
        self._where = where
        self._source = source
        self._proof = proof

    def read(self, plain: Any) -> Iterator[Reading]:
        category = plain.get("category") if isinstance(plain, dict) else None
        self._where += f" ({category})" if isinstance(category, str) else ""
        if isinstance(category, str) and category not in {*_CATEGORIES, _ACTIVITIES}:
            yield self._refused("UNSUPPORTED_CATEGORY", "neither quality nor pi nor ia")
            return
        try:
            given = msgspec.convert(plain, _Set)
            read = self._attestations if given.category == _ACTIVITIES else self._submission_of
            yield from read(given, plain)
        except msgspec.ValidationError as error:
            yield self._refused("NOT_SUBMISSION", str(error))
        except RecursionError:  # what could just be read may be too deep for its digest
            yield self._refused("NOT_SUBMISSION", "nested too deeply")

    def _submission_of(self, given: _Set, plain: Mapping[str, Any]) -> Iterator[Reading]:
        digest = self._digest(plain)
        collection_type = _COLLECTION_TYPES.get(given.submission_method or "")
        if given.submission_method and collection_type is None:
            detail = "its submissionMethod is neither electronicHealthRecord nor registry: no collection type is known"
            yield Noted(where=self._where, detail=detail)
        rows = tuple(row for measurement in given.measurements for row in _measurements(measurement))
        if given.category == "quality":
            rows = tuple(map(_with_population, rows))
        event = SubmissionReceived(
            event_id=self._event_id(digest),
            source=self._source,
            submission_id=digest,
            revision=1,
            action=SubmissionAction.SUBMIT,
            tin=self._tin,
            npi=self._npi,
            performance_year=self._submission.performance_year,
            category=_CATEGORIES[given.category],
            collection_type=collection_type,
            period_start=given.performance_start,
            period_end=given.performance_end,
            cehrt_id=given.cehrt_id,
            stage=self._proof.stage,
            confirmation=self._proof.confirmation,
            receipted_at=self._proof.receipted_at,
            measurements=rows,
        )
        yield Read(event=event, time=None, where=self._where)

    def _attestations(self, given: _Set, plain: Mapping[str, Any]) -> Iterator[Reading]:
        if len(given.measurements) > _MOST_ACTIVITIES:
            raise msgspec.ValidationError(f"Expected at most {_MOST_ACTIVITIES} activities - at `$.measurements`")
        events = [self._attestation(given, measurement, plain) for measurement in given.measurements]
        if self._npi is not None:
            detail = (
                f"the activities of NPI {self._npi} go to the TIN: ASM asks them of the TIN for all its participants"
            )
            yield Noted(where=self._where, detail=detail)
        for event in events:
            yield Read(event=event, time=None, where=f"{self._where}, {event.activity_id}")

    def _attestation(
        self, given: _Set, measurement: Mapping[str, Any], plain: Mapping[str, Any]
    ) -> AttestationReceived:
        digest = self._digest({**plain, "measurements": [measurement]})
        return AttestationReceived(
            event_id=self._event_id(digest),
            source=self._source,
            attestation_id=digest,
            revision=1,
            action=AttestationAction.ATTEST,
            tin=self._tin,
            performance_year=self._submission.performance_year,
            activity_id=msgspec.convert(measurement.get("measureId"), str),
            answer=msgspec.convert(measurement.get("value"), bool),
            period_start=given.performance_start,
            period_end=given.performance_end,
            stage=self._proof.stage,
            confirmation=self._proof.confirmation,
            receipted_at=self._proof.receipted_at,
        )

    @property
    def _tin(self) -> Tin:
        return Tin(self._submission.taxpayer_identification_number or "")

    @property
    def _npi(self) -> Npi | None:
        npi = self._submission.national_provider_identifier
        return Npi(npi or "") if self._submission.entity_type == _INDIVIDUAL else None

    def _digest(self, plain: Mapping[str, Any]) -> str:
        """Return what identifies a set: its content, and whose it is."""
        whose = [self._tin.digits, self._npi, self._submission.performance_year]
        return sha256(json.dumps([whose, plain], sort_keys=True).encode()).hexdigest()[:32]

    def _event_id(self, digest: str) -> str:
        """Return the identity of this word about a set: prepared, sent and receipted are three."""
        proof = self._proof
        receipt = "" if proof.receipted_at is None else proof.receipted_at.isoformat()
        return sha256("\x1f".join((digest, proof.stage, proof.confirmation or "", receipt)).encode()).hexdigest()[:32]

    def _refused(self, reason: str, detail: str) -> Refused:
        return Refused(reason=reason, where=self._where, detail=detail)


def _measurements(plain: Mapping[str, Any]) -> Iterator[Measurement]:
    """Yield the rows of one measure: one, or one a stratum."""
    measure_id = msgspec.convert(plain.get("measureId"), str)
    value = plain.get("value")
    if isinstance(value, bool):
        yield Measurement(measure_id=measure_id, answer=value)
    elif isinstance(value, dict):
        strata = msgspec.convert(value.get("strata") or [value], list[dict[str, Any]])
        yield from (_row(measure_id, stratum) for stratum in strata)
    else:
        raise msgspec.ValidationError(f"Expected `bool` or `object` - at `$.measurements[{measure_id}].value`")


def _row(measure_id: str, value: Mapping[str, Any]) -> Measurement:
    counts: dict[str, Any] = {}
    for name, field in _COUNTS.items():
        if value.get(name) is not None:
            counts[field] = _count(value[name], f"$.measurements[{measure_id}].value.{name}")
    return Measurement(measure_id=measure_id, stratum=msgspec.convert(value.get("stratum"), str | None), **counts)


def _with_population(row: Measurement) -> Measurement:
    """Take the denominator as the eligible population of a measure that is reported by numerator and denominator."""
    return row if row.eligible_population is not None else replace(row, eligible_population=row.denominator)


def _count(value: object, path: str) -> int:
    try:
        return msgspec.convert(value, int)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"{error} - at `{path}`") from error
