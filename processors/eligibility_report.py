"""Whether a practice's own claims agree that a clinician is a participant, and why (42 CFR 512.710).

CMS decides from all of Medicare's claims; this is what a practice can count itself, each figure with what it needs and
what would change the answer, beside what CMS's roster says: the page that is attached to a dispute.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from processors.claims import data_year_end, lag_days_passed, run_out_reason
from processors.eligibility import Roster, read_roster
from processors.episodes import ClaimYear, Episode
from processors.events import ParticipantListed
from processors.facts import ClinicianFacts
from processors.identity import Npi
from processors.rulebook import Reason, Rulebook

NO_CLAIMS = ClaimYear(lines=0, specialties=(), episodes={}, areas={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that makes eligible.

    ``met`` is None where the claims cannot tell; ``roster`` is what CMS's list says of it, if anything.
    """

    name: str
    counted: str
    needed: str
    met: bool | None
    would_change: str
    roster: str | None
    disagrees: bool
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedEpisode:
    """An episode that was counted: the claims that open and confirm it, and the clinician's share of its services."""

    opened_on: date
    opened_by: str
    confirmed_on: date
    confirmed_by: str
    services: int
    services_of_all: int
    area: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityReport:
    """What a practice's own claims say of a clinician's eligibility, beside what CMS's roster says.

    ``by_claims`` is None where a criterion cannot be told. ``by_roster`` is None where the roster never named the
    clinician. ``participant_since`` is the first year of the model that lists as eligible: participation lasts.
    """

    npi: Npi
    performance_year: int
    data_year: int
    cohort: str | None
    by_claims: bool | None
    by_roster: bool | None
    roster_list: str | None
    exception: str | None
    participant_since: int | None
    exempt_from_mips: bool
    criteria: tuple[Criterion, ...]
    episodes: tuple[CountedEpisode, ...]
    claims_lag: Reason

    @property
    def disagrees(self) -> bool:
        """Whether the roster and the claims come to another answer, or differ in what they count."""
        verdicts = {self.by_claims, self.by_roster} - {None}
        return len(verdicts) > 1 or any(criterion.disagrees for criterion in self.criteria)


def eligibility_report(
    years: Iterable[ClinicianFacts],
    counted: Mapping[int, ClaimYear],
    episodes: Iterable[Episode],
    asked: tuple[Npi, Rulebook, datetime],
) -> EligibilityReport:
    """Report on a clinician's eligibility for a rulebook's performance year.

    ``years`` is what was said of the clinician under the TIN in every year, ``counted`` what the claims come to by
    calendar year, ``episodes`` the practice's. ``asked`` is who, under which law, and at which instant.
    """
    npi, rulebook, as_of = asked
    rosters = {facts.performance_year: read_roster(facts) for facts in years}
    roster = rosters.get(rulebook.performance_year)
    year_end = data_year_end(rulebook)
    told = counted.get(year_end.year, NO_CLAIMS)
    cohort = _cohort(roster, told, rulebook)
    criteria = _criteria(told, cohort, roster, rulebook)
    known = [criterion.met for criterion in criteria]
    return EligibilityReport(
        npi=npi,
        performance_year=rulebook.performance_year,
        data_year=year_end.year,
        cohort=cohort,
        by_claims=False if False in known else (None if None in known else True),
        by_roster=None if roster is None else roster.eligible,
        roster_list=None if roster is None else str(roster.listing.list),
        exception=None if roster is None else roster.listing.exception,
        participant_since=min((year for year, r in rosters.items() if r is not None and r.eligible), default=None),
        exempt_from_mips=roster is not None and roster.eligible,
        criteria=criteria,
        episodes=tuple(
            _counted_episode(episode, npi)
            for episode in episodes
            if (episode.cohort, episode.trigger.on.year) == (cohort, year_end.year) and npi in episode.attributed
        ),
        claims_lag=run_out_reason(lag_days_passed(rulebook, year_end, as_of), rulebook),
    )


def _cohort(roster: Roster | None, told: ClaimYear, rulebook: Rulebook) -> str | None:
    """Return the roster's cohort; where there is none, that of the most common specialty."""
    if roster is not None:
        return roster.cohort
    specialty = _first(told.specialties)
    return next((row.cohort for row in rulebook.eligibility.specialties if specialty in row.codes), None)


def _criteria(told: ClaimYear, cohort: str | None, roster: Roster | None, rulebook: Rulebook) -> tuple[Criterion, ...]:
    listing = None if roster is None else roster.listing
    return (
        _billing(told, rulebook),
        _specialty(told, cohort, listing, rulebook),
        _episodes(told, cohort, listing, rulebook),
        _place(told, cohort, listing, rulebook),
    )


def _billing(told: ClaimYear, rulebook: Rulebook) -> Criterion:
    return Criterion(
        name="BILLING",
        counted=f"{told.lines} lines for the model's conditions",
        needed="services billed under the Physician Fee Schedule",
        met=True if told.lines else None,
        would_change="Nothing." if told.lines else "The practice's claims of the data year: none are here.",
        roster=None,
        disagrees=False,
        reason=rulebook.episodes.reason("claim_types", "ESTIMATED_FROM_CLAIMS", "Lines of Part B clinicians' claims."),
    )


def _specialty(told: ClaimYear, cohort: str | None, listing: ParticipantListed | None, rulebook: Rulebook) -> Criterion:
    codes = next((row.codes for row in rulebook.eligibility.specialties if row.cohort == cohort), ())
    first = _first(told.specialties)
    met = None if first is None else first in codes
    by_met = {
        None: "Claims whose lines name the clinician's specialty.",
        True: "Another specialty on more lines than this one.",
        False: f"One of {', '.join(codes) or 'a cohort'} on more lines than any other specialty.",
    }
    said = None if listing is None else listing.specialty
    return Criterion(
        name="SPECIALTY",
        counted=_times(told.specialties),
        needed=f"most common: {', '.join(codes) or 'a specialty of a cohort'}",
        met=met,
        would_change=by_met[met],
        roster=said,
        disagrees=None not in {first, said} and first != said,
        reason=rulebook.eligibility.reason("specialties", "ESTIMATED_FROM_CLAIMS", "The most common on Part B lines."),
    )


def _episodes(told: ClaimYear, cohort: str | None, listing: ParticipantListed | None, rulebook: Rulebook) -> Criterion:
    least, number = rulebook.eligibility.episodes_min, told.episodes.get(cohort or "", 0)
    change = f"{least - number} more" if number < least else f"{number - least + 1} fewer"
    said = None if listing is None else listing.episode_count
    return Criterion(
        name="EPISODES",
        counted=str(number),
        needed=f"at least {least}",
        met=(number >= least) if told.lines else None,
        would_change=f"{change} episodes attributed to the clinician.",
        roster=None if said is None else str(said),
        disagrees=bool(told.lines) and said is not None and said != number,
        reason=rulebook.eligibility.reason("episodes_min", "ESTIMATED_FROM_CLAIMS", "Episodes by the rules assumed."),
    )


def _place(told: ClaimYear, cohort: str | None, listing: ParticipantListed | None, rulebook: Rulebook) -> Criterion:
    areas, mandatory = told.areas.get(cohort or "", ()), rulebook.areas.mandatory_areas
    first = _first(areas)
    met = first in mandatory if first is not None and mandatory else None
    by_met = {
        None: "Claims that name an area, and CMS's list of mandatory areas: one of the two is not here.",
        True: "More episodes in an area that is not mandatory.",
        False: "More episodes in a mandatory area.",
    }
    said = None if listing is None else listing.area
    return Criterion(
        name="PLACE",
        counted=_times(areas),
        needed="most common: a mandatory area",
        met=met,
        would_change=by_met[met],
        roster=said,
        disagrees=None not in {first, said} and first != said,
        reason=rulebook.areas.reason("mandatory_areas", "ESTIMATED_FROM_CLAIMS", "The area of the episodes' triggers."),
    )


def _counted_episode(episode: Episode, npi: Npi) -> CountedEpisode:
    return CountedEpisode(
        opened_on=episode.trigger.on,
        opened_by=episode.trigger.claim.event_id,
        confirmed_on=episode.confirmation.on,
        confirmed_by=episode.confirmation.claim.event_id,
        services=episode.attributed[npi],
        services_of_all=episode.services,
        area=episode.trigger.area,
    )


def _first(ranked: Sequence[tuple[str, int]]) -> str | None:
    return ranked[0][0] if ranked else None


def _times(ranked: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{code} × {times}" for code, times in ranked) or "none named"
