"""Scores, obligations and findings in the words of the outputs, without envelope and revision."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from processors.announced import AnnouncedObligation, AnnouncedScore
from processors.assessment import Assessment
from processors.findings import Finding
from processors.identity import Npi
from processors.obligations import Obligation, Status
from processors.outputs import Alert, Cause, Envelope, FindingChanged, FindingState, ObligationChanged, ScoreChanged
from processors.progress import Item
from processors.reasons import REASONS
from processors.rulebook import Reason, Standing, weakest
from processors.score_tree import ZERO, Part
from processors.scoring import Score

_UNSTAMPED = Envelope(
    cause=Cause(type="", source="", event_id="", journal_offset=0),
    as_of=datetime(1970, 1, 1, tzinfo=UTC),
    rulebook="",
    vintage="",
    engine=0,
    generation="",
)


def score_view(score: Score) -> ScoreChanged:
    """Return a score as it would be announced, without an envelope."""
    return ScoreChanged(
        emitted_id="",
        revision=0,
        previous=None,
        payment=score.payment,
        part_b_paid_cents=score.part_b_paid_cents,
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
        **envelope_fields(_UNSTAMPED),
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
        alert=alert_after(last, alerting=obligation.alerting),
        alert_id=digest_of(obligation_id, str(troubles_after(last, alerting=obligation.alerting)))[:32],
        points_at_stake=obligation.points_at_stake,
        cliff=obligation.cliff,
        affected=obligation.affected,
        missing=obligation.missing,
        next_step=obligation.next_step,
        cites=item.cites,
        standing=weakest((item.standing, *(m.standing for m in obligation.milestones))),
        **envelope_fields(_UNSTAMPED),
    )


def obligation_key(obligation: Obligation) -> str:
    """Return the key under which an owner's obligation is remembered."""
    return obligation.item.key


def withdrawn_obligation(assessment: Assessment, npi: str, key: str) -> Obligation:
    """Return what was last said of, and is owed no more because the word that it rested on does not count."""
    category, _, item = key.partition("/")
    return Obligation(
        item=Item(
            tin=assessment.tin,
            npi=Npi(npi) if npi else None,
            category=category,
            item=item,
            title=item,
            cites=(),
            standing=Standing.DERIVED,
        ),
        performance_year=assessment.performance_year,
        status=Status.NOT_REQUIRED,
        due_at=None,
        milestones=(),
        stage="",
        alerting=False,
        points_at_stake=ZERO,
        cliff=None,
        affected=(),
        missing=(),
        next_step="Nothing to send: what this rested on does not count.",
    )


def withdrawn_score(assessment: Assessment, npi: str, last: AnnouncedScore) -> Score:
    """Return what is said of a clinician of whom no word of CMS counts any more."""
    meaning = REASONS["WITHDRAWN"].meaning
    reason = Reason(code="WITHDRAWN", message=meaning, cites=(), standing=Standing.DERIVED)
    return Score(
        tin=assessment.tin,
        npi=Npi(npi),
        performance_year=assessment.performance_year,
        cohort=last.cohort,
        final_score=None,
        prepared_score=None,
        lowest_reachable=None,
        highest_reachable=None,
        payment=None,
        part_b_paid_cents=None,
        tree=Part(code="final_score", title="Final score", reasons=(reason,)),
        standing=Standing.DERIVED,
        estimate=False,
        name=None,
        organization=None,
        practice_alias=None,
    )


def finding_view(finding: Finding, state: FindingState) -> FindingChanged:
    """Return a finding as it would be announced, without an envelope."""
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
        **envelope_fields(_UNSTAMPED),
    )


def alert_after(last: AnnouncedObligation | None, *, alerting: bool) -> Alert:
    """Fire while it alerts; what has fired and no longer does is resolved, and stays so until it fires again."""
    if alerting:
        return Alert.FIRING
    return Alert.NONE if last is None or last.alert is Alert.NONE else Alert.RESOLVED


def troubles_after(last: AnnouncedObligation | None, *, alerting: bool) -> int:
    """Count the alerts resolved before this one, so that one alert id lasts as long as the same trouble."""
    if last is None:
        return 0
    return last.troubles + (alerting and last.alert is Alert.RESOLVED)


def _obligation_id(obligation: Obligation) -> str:
    item = obligation.item
    year = str(obligation.performance_year)
    return digest_of("obligation", item.tin.digits, item.npi or "", year, item.category, item.item)[:32]


def envelope_fields(envelope: Envelope) -> dict[str, Any]:
    """Return what an envelope puts on an output."""
    return {name: getattr(envelope, name) for name in Envelope.__slots__}


def digest_of(*parts: str) -> str:
    """Return the SHA-256 of texts, each told from the next."""
    return sha256("\x1f".join(parts).encode()).hexdigest()
