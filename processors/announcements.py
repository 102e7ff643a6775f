"""Say what changed, once: compare an assessment with what was last announced, and number what is new.

The third of the three pure functions. Each output is a state, not a delta. Its revision rises for each participant and
year, its id is a digest of what it says and why, so that the same journal and rules give the same outputs and ids.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from processors.assessment import Assessment
from processors.findings import Finding
from processors.obligations import SETTLED, Obligation
from processors.outputs import (
    Alert,
    Cause,
    Envelope,
    FindingChanged,
    FindingState,
    ObligationChanged,
    Output,
    ScoreChanged,
    View,
)
from processors.rulebook import weakest
from processors.scoring import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedScore:
    """What was last said of a participant's score."""

    digest: str
    revision: int
    final_score: Decimal | None


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
#: Digest of an output as it goes on the wire; given from outside, since the wire is not the core's.
Digest = Callable[[Output], str]
NOTHING = Announced()
_UNSTAMPED = Envelope(
    cause=Cause(type="", source="", event_id="", journal_offset=0),
    as_of=datetime(1970, 1, 1, tzinfo=UTC),
    rulebook="",
    vintage="",
    engine=0,
    generation="",
)


def announce(last: Owners, assessment: Assessment, envelope: Envelope, digest: Digest) -> tuple[list[Output], Owners]:
    """Return the outputs that say what is new, and what was last said now; owners of whom nothing is new stay the same.

    Findings that no longer hold are cleared. Nothing new gives no output; of owners whom the assessment calls unchanged
    everything was said when the earlier one was announced.
    """
    herald, said = _Herald(dict(last), envelope, digest), assessment.unchanged
    for score in assessment.scores:
        if score.npi not in said:
            herald.say_score(score)
    for obligation in assessment.obligations:
        if (obligation.item.npi or "") not in said:
            herald.say_obligation(obligation)
    findings = [f for f in assessment.findings if (f.npi or "") not in said]
    herald.say_findings(findings, sorted({*last, *(f.npi or "" for f in findings)} - said))
    return herald.outputs, MappingProxyType(herald.owners)


def announce_findings(
    last: Announced, findings: Iterable[Finding], envelope: Envelope, digest: Digest
) -> tuple[list[Output], Announced]:
    """Return the outputs about findings alone, of one owner."""
    herald = _Herald({"": last}, envelope, digest)
    herald.say_findings([replace(f, npi=None) for f in findings], [""])
    return herald.outputs, herald.owners[""]


def score_view(score: Score) -> ScoreChanged:
    """Return a score as it would be announced, without an envelope."""
    return ScoreChanged(
        emitted_id="",
        revision=0,
        previous=None,
        payment=None,
        tin=score.tin,
        npi=score.npi,
        performance_year=score.performance_year,
        cohort=score.cohort,
        final_score=score.final_score,
        prepared_score=score.prepared_score,
        lowest_reachable=score.lowest_reachable,
        highest_reachable=score.highest_reachable,
        tree=score.tree,
        standing=score.standing,
        estimate=score.estimate,
        name=score.name,
        organization=score.organization,
        practice_alias=score.practice_alias,
        **_fields(_UNSTAMPED),
    )


def obligation_view(obligation: Obligation, last: AnnouncedObligation | None) -> ObligationChanged:
    """Return an obligation as it would be announced after what was last said, without an envelope."""
    item = obligation.item
    obligation_id = _obligation_id(obligation)
    return ObligationChanged(
        emitted_id="",
        revision=0,
        obligation_id=obligation_id,
        tin=item.tin,
        npi=item.npi,
        performance_year=obligation.performance_year,
        category=item.category,
        item=item.item,
        title=item.title,
        status=obligation.status,
        due_at=obligation.due_at,
        milestones=obligation.milestones,
        stage=obligation.stage,
        alert=_alert(obligation, last),
        alert_id=_sha256(obligation_id, str(_troubles(obligation, last)))[:32],
        points_at_stake=obligation.points_at_stake,
        cliff=obligation.cliff,
        affected=obligation.affected,
        missing=obligation.missing,
        next_step=obligation.next_step,
        cites=item.cites,
        standing=weakest((item.standing, *(m.standing for m in obligation.milestones))),
        **_fields(_UNSTAMPED),
    )


def obligation_key(obligation: Obligation) -> str:
    """Return the key under which an owner's obligation is remembered."""
    return f"{obligation.item.category}/{obligation.item.item}"


class _Herald:
    """Compares with what was last said, collects the outputs, and remembers what is said now."""

    def __init__(self, owners: dict[str, Announced], envelope: Envelope, digest: Digest) -> None:
        self.owners = owners
        self.outputs: list[Output] = []
        self._envelope = envelope
        self._digest = digest

    def say_score(self, score: Score) -> None:
        owner = self.owners.get(score.npi, NOTHING)
        view = score_view(score)
        content, last = self._digest(view), owner.score
        if last is not None and last.digest == content:
            return
        revision = 1 if last is None else last.revision + 1
        stamped = self._stamped(view, revision, self._emitted_id("score", view, "", content))
        self.outputs.append(replace(stamped, previous=None if last is None else last.final_score))
        said = AnnouncedScore(digest=content, revision=revision, final_score=score.final_score)
        self.owners[score.npi] = replace(owner, score=said)

    def say_obligation(self, obligation: Obligation) -> None:
        name, key = obligation.item.npi or "", obligation_key(obligation)
        owner = self.owners.get(name, NOTHING)
        last = owner.obligations.get(key)
        view = obligation_view(obligation, last)
        content = self._digest(replace(view, stage="") if obligation.status in SETTLED else view)
        if last is not None and last.digest == content:
            return
        revision = 1 if last is None else last.revision + 1
        emitted_id = self._emitted_id("obligation", view, view.obligation_id, content)
        self.outputs.append(self._stamped(view, revision, emitted_id))
        said = AnnouncedObligation(
            digest=content, revision=revision, alert=view.alert, troubles=_troubles(obligation, last)
        )
        self.owners[name] = replace(owner, obligations={**owner.obligations, key: said})

    def say_findings(self, findings: Iterable[Finding], names: Iterable[str]) -> None:
        by_owner: dict[str, dict[str, Finding]] = {name: {} for name in names}
        for finding in findings:
            by_owner[finding.npi or ""]["\x1f".join(finding.key)] = finding
        for name, present in by_owner.items():
            known = self.owners.get(name, NOTHING).findings
            for key, finding in present.items():
                self._say_finding(name, key, finding, FindingState.OPEN)
            for key in sorted(k for k, said in known.items() if k not in present and not said.cleared):
                self._say_finding(name, key, known[key].finding, FindingState.CLEARED)

    def _say_finding(self, name: str, key: str, finding: Finding, state: FindingState) -> None:
        owner = self.owners.get(name, NOTHING)
        last = owner.findings.get(key)
        view = _finding_view(finding, state)
        content = self._digest(view)
        if last is not None and last.digest == content:
            return
        revision = 1 if last is None else last.revision + 1
        self.outputs.append(self._stamped(view, revision, self._emitted_id("finding", view, key, content)))
        cleared = state is FindingState.CLEARED
        said = AnnouncedFinding(digest=content, revision=revision, finding=finding, cleared=cleared)
        self.owners[name] = replace(owner, findings={**owner.findings, key: said})

    def _stamped(self, view: View, revision: int, emitted_id: str) -> View:
        return replace(view, emitted_id=emitted_id, revision=revision, **_fields(self._envelope))

    def _emitted_id(self, kind: str, view: Output, thing: str, content: str) -> str:
        cause, envelope = self._envelope.cause, self._envelope
        return _sha256(
            kind,
            view.tin.digits,
            view.npi or "",
            str(view.performance_year),
            thing,
            cause.source,
            cause.event_id,
            envelope.rulebook,
            str(envelope.engine),
            content,
        )


def _finding_view(finding: Finding, state: FindingState) -> FindingChanged:
    return FindingChanged(
        emitted_id="",
        revision=0,
        tin=finding.tin,
        npi=finding.npi,
        performance_year=finding.performance_year,
        event=finding.event,
        code=finding.code,
        field=finding.field,
        message=finding.message,
        cites=finding.cites,
        state=state,
        **_fields(_UNSTAMPED),
    )


def _alert(obligation: Obligation, last: AnnouncedObligation | None) -> Alert:
    """Fire while it alerts; what has fired and no longer does is resolved, and stays so until it fires again."""
    if obligation.alerting:
        return Alert.FIRING
    return Alert.NONE if last is None or last.alert is Alert.NONE else Alert.RESOLVED


def _troubles(obligation: Obligation, last: AnnouncedObligation | None) -> int:
    """Count the alerts resolved before this one, so that one alert id lasts as long as the same trouble."""
    if last is None:
        return 0
    return last.troubles + (obligation.alerting and last.alert is Alert.RESOLVED)


def _obligation_id(obligation: Obligation) -> str:
    item = obligation.item
    year = str(obligation.performance_year)
    return _sha256("obligation", item.tin.digits, item.npi or "", year, item.category, item.item)[:32]


def _fields(envelope: Envelope) -> dict[str, Any]:
    return {name: getattr(envelope, name) for name in Envelope.__slots__}


def _sha256(*parts: str) -> str:
    return sha256("\x1f".join(parts).encode()).hexdigest()
