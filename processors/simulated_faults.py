"""What feeds get wrong: a few events that are refused, or found wrong, among those of a simulated world."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from processors.events import ClaimReceived, Event, Measurement, ReceiptReceived, SubmissionReceived
from processors.identity import Npi
from processors.simulated_world import Timed


def faults_among(told: list[Timed[Event]], chance: Random) -> Iterator[Timed[Event]]:
    """Yield wrong versions of some of the events, under ids of their own."""
    submissions = [(t.received_at, t.event) for t in told if isinstance(t.event, SubmissionReceived)]
    claims = [(t.received_at, t.event) for t in told if isinstance(t.event, ClaimReceived)]
    receipts = [(t.received_at, t.event) for t in told if isinstance(t.event, ReceiptReceived)]
    for number in range(max(bool(submissions), len(submissions) // 60)):
        at, submission = chance.choice(submissions)
        yield Timed(at + timedelta(minutes=7), _wrong_submission(submission, number))
    for number in range(max(bool(claims), len(claims) // 150)):
        yield _wrong_claim(*chance.choice(claims), number)
    if receipts:
        at, receipt = chance.choice(receipts)
        yield Timed(at, replace(receipt, event_id="wrong-receipt", submission_id=None, attestation_id=None))


def _wrong_submission(event: SubmissionReceived, number: int) -> SubmissionReceived:
    event = replace(event, event_id=f"wrong-{number}-{event.event_id}", submission_id=f"wrong-{number}")
    impossible = Measurement(measure_id="236", eligible_population=10, performance_met=9, performance_not_met=9)
    uncounted = Measurement(measure_id="236", performance_met=9, performance_not_met=1)
    kinds = (
        replace(event, category="QUALITY", measurements=(impossible,)),
        replace(event, category="QUALITY", measurements=(uncounted,)),
        replace(event, npi=Npi("1234567890")),
        replace(event, performance_year=event.performance_year - 2),
        replace(event, category="QUALITY", collection_type=None),
    )
    return kinds[number % len(kinds)]


def _wrong_claim(at: datetime, event: ClaimReceived, number: int) -> Timed[Event]:
    event = replace(event, event_id=f"wrong-{number}-{event.event_id}")
    if number % 2:
        return Timed(at, replace(event, beneficiary="1EG4-TE5-MK73"))
    return Timed(at + timedelta(days=1), replace(event, diagnoses=("Z999",)))  # a conflict
