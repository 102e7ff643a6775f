"""Say what changed, once: compare an assessment with what was last announced, and number what is new.

The third of the three pure functions. Each output is a state, not a delta. Its revision rises for each participant and
year, its id is a digest of what it says and why, so that the same journal and rules give the same outputs and ids.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from processors.announced import NOTHING, Announced, AnnouncedFinding, AnnouncedObligation, AnnouncedScore, Owners
from processors.assessment import Assessment
from processors.findings import Finding
from processors.obligations import SETTLED, Obligation
from processors.output_views import (
    digest_of,
    envelope_fields,
    finding_view,
    obligation_key,
    obligation_view,
    score_view,
    troubles_after,
    withdrawn_obligation,
    withdrawn_score,
)
from processors.outputs import Alert, Envelope, FindingState, Output, View
from processors.score_tree import walk
from processors.scoring import Score

#: Digest of an output as it goes on the wire; given from outside, since the wire is not the core's.
Digest = Callable[[Output], str]


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
    herald.withdraw_scores(assessment)
    herald.withdraw_obligations(assessment)
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
        values = {part.code: part.value for part in walk(score.tree)}
        previous, moved = (None, ()) if last is None else (last.final_score, _moved(last.values, values))
        self.outputs.append(replace(stamped, previous=previous, moved=moved))
        said = AnnouncedScore(
            digest=content, revision=revision, final_score=score.final_score, cohort=score.cohort, values=values
        )
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
        troubles = troubles_after(last, alerting=obligation.alerting)
        said = AnnouncedObligation(digest=content, revision=revision, alert=view.alert, troubles=troubles)
        self.owners[name] = replace(owner, obligations={**owner.obligations, key: said})

    def withdraw_scores(self, assessment: Assessment) -> None:
        """Say once that there is no score any more where the word it rested on does not count."""
        scored = {score.npi for score in assessment.scores}
        for name, owner in sorted(self.owners.items()):
            if owner.score is not None and name not in scored:
                self.say_score(withdrawn_score(assessment, name, owner.score))

    def withdraw_obligations(self, assessment: Assessment) -> None:
        """Say once that what alerted and is owed no more, since the word it rested on does not count, is over."""
        owed = {(o.item.npi or "", obligation_key(o)) for o in assessment.obligations}
        for name, owner in sorted(self.owners.items()):
            for key, last in sorted(owner.obligations.items()):
                if last.alert is Alert.FIRING and (name, key) not in owed:
                    self.say_obligation(withdrawn_obligation(assessment, name, key))

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
        view = finding_view(finding, state)
        content = self._digest(view)
        if last is not None and last.digest == content:
            return
        revision = 1 if last is None else last.revision + 1
        self.outputs.append(self._stamped(view, revision, self._emitted_id("finding", view, key, content)))
        cleared = state is FindingState.CLEARED
        said = AnnouncedFinding(digest=content, revision=revision, finding=finding, cleared=cleared)
        self.owners[name] = replace(owner, findings={**owner.findings, key: said})

    def _stamped(self, view: View, revision: int, emitted_id: str) -> View:
        return replace(view, emitted_id=emitted_id, revision=revision, **envelope_fields(self._envelope))

    def _emitted_id(self, kind: str, view: Output, thing: str, content: str) -> str:
        cause, envelope = self._envelope.cause, self._envelope
        return digest_of(
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


def _moved(before: Mapping[str, Decimal | None], now: Mapping[str, Decimal | None]) -> tuple[str, ...]:
    """Return the codes of the parts whose value is another, in the order of the tree; then those that are gone."""
    changed = [code for code, value in now.items() if code not in before or before[code] != value]
    return (*changed, *sorted(before.keys() - now.keys()))  # the state keeps no order
