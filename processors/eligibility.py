"""Who participates, as CMS's roster says (42 CFR 512.710): the listing that stands, and whether it still does."""

from dataclasses import dataclass

from processors.events import Observed, ParticipantListed
from processors.facts import ClinicianFacts
from processors.rulebook import Reason, Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What the roster says of a clinician: the listing that stands, whether it makes eligible, and past cohorts."""

    listing: ParticipantListed
    eligible: bool
    removed: bool
    former_cohorts: tuple[str, ...]

    @property
    def cohort(self) -> str:
        """The cohort in which the clinician's score is compared."""
        return self.listing.cohort


def read_roster(facts: ClinicianFacts) -> Roster | None:
    """Return what the roster says of a clinician, or None where it never named one.

    FINAL beats PRELIMINARY, then the later received stands; a removal holds until a later listing. Of two words
    received at one instant the one with the larger event id is the later.
    """
    if not facts.listings:
        return None
    standing = max(facts.listings, key=_listing_order)
    told = (standing.received_at, standing.event.event_id)
    removed = any((r.received_at, r.event.event_id) > told for r in facts.removals)
    cohorts = dict.fromkeys(o.event.cohort for o in facts.listings)
    return Roster(
        listing=standing.event,
        eligible=standing.event.eligible and not removed,
        removed=removed,
        former_cohorts=tuple(sorted(c for c in cohorts if c != standing.event.cohort)),
    )


def ineligible_reason(roster: Roster, rulebook: Rulebook) -> Reason:
    """Say why a listed clinician has no final score for the year."""
    if roster.eligible:
        message = f"The roster's cohort {roster.cohort} is none that the law knows."
        return rulebook.terms.reason("cohorts", "UNKNOWN_COHORT", message)
    message = (
        "CMS removed the clinician from its list." if roster.removed else "CMS lists the clinician as not eligible."
    )
    return rulebook.eligibility.reason("episodes_min", "NOT_ELIGIBLE", message)


def exception_reason(roster: Roster, rulebook: Rulebook) -> Reason | None:
    """Say which exception the roster names, if it names one; what follows from it is not known."""
    if roster.listing.exception is None:
        return None
    message = f"CMS's roster names an exception: {roster.listing.exception}."
    return rulebook.eligibility.reason("episodes_min", "EXCEPTION", message)


def _listing_order(listing: Observed[ParticipantListed]) -> tuple[int, object, str, str]:
    return listing.event.list.rank, listing.received_at, listing.event.event_id, listing.digest
