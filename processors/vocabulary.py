"""The closed vocabularies of the contract; ``UNKNOWN`` stands for a symbol that a newer writer knows and we do not."""

from enum import StrEnum


class ClaimAction(StrEnum):
    """What a version of a claim does to the versions before it."""

    ORIGINAL = "ORIGINAL"
    ADJUSTMENT = "ADJUSTMENT"
    CANCEL = "CANCEL"
    UNKNOWN = "UNKNOWN"


class Disposition(StrEnum):
    """How far a claim got with its payer."""

    SUBMITTED = "SUBMITTED"
    PAID = "PAID"
    DENIED = "DENIED"
    UNKNOWN = "UNKNOWN"


class ClaimType(StrEnum):
    """Which of Medicare's claim forms a claim is."""

    PROFESSIONAL = "PROFESSIONAL"
    OUTPATIENT = "OUTPATIENT"
    INPATIENT = "INPATIENT"
    SNF = "SNF"
    HHA = "HHA"
    HOSPICE = "HOSPICE"
    DME = "DME"
    DRUG = "DRUG"
    UNKNOWN = "UNKNOWN"


class SubmissionAction(StrEnum):
    """Whether a revision of a submission reports something or takes the submission back."""

    SUBMIT = "SUBMIT"
    WITHDRAW = "WITHDRAW"
    UNKNOWN = "UNKNOWN"


class AttestationAction(StrEnum):
    """Whether a revision of an attestation attests or takes the attestation back."""

    ATTEST = "ATTEST"
    WITHDRAW = "WITHDRAW"
    UNKNOWN = "UNKNOWN"


class Stage(StrEnum):
    """How far a document got: prepared here, sent from here, or receipted by the receiver. It only rises."""

    UNKNOWN = "UNKNOWN"
    PREPARED = "PREPARED"
    SENT = "SENT"
    RECEIPTED = "RECEIPTED"

    @property
    def rank(self) -> int:
        """Place in the order UNKNOWN < PREPARED < SENT < RECEIPTED."""
        return _STAGES[self]


class ReceiptOutcome(StrEnum):
    """What the receiver made of a document."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class ReadinessState(StrEnum):
    """How far an item of the readiness checklist is."""

    OPEN = "OPEN"
    DONE = "DONE"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    UNKNOWN = "UNKNOWN"


class ParticipantList(StrEnum):
    """Which of CMS's two lists names the participant; the final one beats the preliminary one."""

    UNKNOWN = "UNKNOWN"
    PRELIMINARY = "PRELIMINARY"
    FINAL = "FINAL"

    @property
    def rank(self) -> int:
        """Place in the order UNKNOWN < PRELIMINARY < FINAL."""
        return _LISTS[self]


class ResultStatus(StrEnum):
    """How settled a determination of CMS is, weakest first."""

    UNKNOWN = "UNKNOWN"
    ESTIMATE = "ESTIMATE"
    PRELIMINARY = "PRELIMINARY"
    FINAL = "FINAL"
    RECONSIDERED = "RECONSIDERED"

    @property
    def rank(self) -> int:
        """Place in the order UNKNOWN < ESTIMATE < PRELIMINARY < FINAL < RECONSIDERED."""
        return _STATUSES[self]


_STAGES = {stage: rank for rank, stage in enumerate(Stage)}
_LISTS = {each: rank for rank, each in enumerate(ParticipantList)}
_STATUSES = {status: rank for rank, status in enumerate(ResultStatus)}
