"""The claims of a simulated practice: weekly, with corrections and cancellations."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from processors.events import ClaimLine, ClaimReceived
from processors.rulebook import Rulebook
from processors.simulated_world import SimulatedClinician, SimulatedPractice, Timed
from processors.vocabulary import ClaimAction, ClaimType, Disposition

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DIAGNOSES = {
    "HEART_FAILURE": ("I5022", "I5032", "I110", "I10", "E119"),
    "LOW_BACK_PAIN": ("M5450", "M5116", "M4806", "M171"),
}
_VISITS = (("99213", 9200), ("99214", 12900), ("99215", 18100), ("93306", 21300), ("20610", 7400))


def claims_of(practice: SimulatedPractice, chance: Random, rulebook: Rulebook) -> Iterator[Timed[ClaimReceived]]:
    """Yield what a practice's claims feed sends of the year."""
    tokens = ["b1_" + "".join(chance.choices(_BASE32, k=52)) for _ in range(4 * len(practice.clinicians))]
    days = (rulebook.terms.year_end - rulebook.terms.year_start).days
    for clinician in practice.clinicians:
        for number in range(chance.randrange(6, 14)):
            on = rulebook.terms.year_start + timedelta(days=chance.randrange(days))
            claim = _with_specialty(_claim(practice, clinician, chance, on), practice.cohort, rulebook)
            claim = replace(claim, claim_id=f"{clinician.npi}-{number}", beneficiary=chance.choice(tokens))
            yield from _history(claim, chance)


def _claim(practice: SimulatedPractice, clinician: SimulatedClinician, chance: Random, on: date) -> ClaimReceived:
    hcpcs, cents = chance.choice(_VISITS)
    return ClaimReceived(
        event_id="",
        source=f"claims-{practice.alias}",
        tin=practice.tin,
        claim_id="",
        version=1,
        action=ClaimAction.ORIGINAL,
        disposition=Disposition.PAID,
        claim_type=ClaimType.PROFESSIONAL,
        beneficiary="",
        from_date=on,
        through_date=on,
        diagnoses=(chance.choice(_DIAGNOSES.get(practice.cohort, ("Z000",))),),
        lines=(ClaimLine(line_number=1, service_date=on, npi=clinician.npi, hcpcs=hcpcs, allowed_cents=cents),),
    )


def _with_specialty(claim: ClaimReceived, cohort: str, rulebook: Rulebook) -> ClaimReceived:
    codes = next((row.codes for row in rulebook.eligibility.specialties if row.cohort == cohort), (None,))
    return replace(claim, lines=tuple(replace(line, specialty=codes[0]) for line in claim.lines))


def _history(claim: ClaimReceived, chance: Random) -> Iterator[Timed[ClaimReceived]]:
    """Yield a claim a week or two after the service, and for some a correction or a cancellation later."""
    arrived = datetime.combine(claim.from_date, time(3), tzinfo=UTC) + timedelta(days=chance.randrange(7, 21))
    yield Timed(arrived, replace(claim, event_id=f"{claim.claim_id}-v1"))
    later = arrived + timedelta(days=chance.randrange(5, 60))
    fate = chance.randrange(100)
    if fate < 10:
        line = replace(claim.lines[0], allowed_cents=(claim.lines[0].allowed_cents or 0) - 500)
        corrected = replace(claim, version=2, action=ClaimAction.ADJUSTMENT, lines=(line,))
        yield Timed(later, replace(corrected, event_id=f"{claim.claim_id}-v2"))
    elif fate < 13:
        cancelled = replace(claim, version=2, action=ClaimAction.CANCEL, lines=())
        yield Timed(later, replace(cancelled, event_id=f"{claim.claim_id}-v2"))
