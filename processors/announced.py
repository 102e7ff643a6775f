"""What was last said of each thing: what an announcement compares with, and what the state keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from processors.findings import Finding
from processors.outputs import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedScore:
    """What was last said of a participant's score."""

    digest: str
    revision: int
    final_score: Decimal | None
    cohort: str
    values: Mapping[str, Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedObligation:
    """What was last said of an obligation; ``troubles`` counts the alerts that were resolved before."""

    digest: str
    revision: int
    alert: Alert
    troubles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedFinding:
    """What was last said of a finding, enough to clear it."""

    digest: str
    revision: int
    finding: Finding
    cleared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """All that was last said of one owner: a clinician, or the TIN (or beneficiary) itself."""

    score: AnnouncedScore | None = None
    obligations: Mapping[str, AnnouncedObligation] = field(default_factory=dict)
    findings: Mapping[str, AnnouncedFinding] = field(default_factory=dict)


#: What was last said, by owner: the NPI, or "" for the TIN.
Owners = Mapping[str, Announced]
NOTHING = Announced()
