"""What is wrong with the claims of a ledger. Nothing else is derived from claims yet: they are kept."""

from collections.abc import Iterator

from processors.facts import Ledger, conflicting_claims, first_contents
from processors.findings import Finding, finding
from processors.vocabulary import ClaimAction


def ledger_findings(ledger: Ledger) -> Iterator[Finding]:
    """Find conflicting contents of one claim version, and actions that this version does not know."""
    first = first_contents(ledger)
    for claim in conflicting_claims(ledger):
        stands = first[claim.event.source, claim.event.claim_id]
        reused = stands.event.event_id == claim.event.event_id
        yield finding(claim, "EVENT_ID_REUSED" if reused else "CONFLICT", "event_id" if reused else "version")
    for claim in first.values():
        if claim.event.action is ClaimAction.UNKNOWN:
            yield finding(claim, "UNKNOWN_SYMBOL", "action")
