"""A believable world of practices, as a seeded stream of events: the seed decides everything.

Practices differ in how they go about reporting: most are diligent, some send without keeping a receipt, some are sloppy
and correct themselves, some come late, some forget. Claims are corrected and cancelled, events are repeated and arrive
out of order, and a few are wrong in each of the ways that feeds are wrong. Nobody in it exists.
"""

from datetime import UTC, datetime, time, timedelta
from random import Random

from processors.events import Event
from processors.rulebook import Rulebook
from processors.simulated_claims import claims_of
from processors.simulated_faults import faults_among
from processors.simulated_reports import Desk, reports_of
from processors.simulated_world import Timed, practices, roster

_ROSTER_LATE_PERCENT, _REPEATED_PERCENT, _DELAYED_PERCENT = 4, 5, 3


def simulate(seed: int, clinicians: int, rulebook: Rulebook) -> list[Timed[Event]]:
    """Return the events of a performance year of so many clinicians, in the order of their receipt."""
    chance = Random(seed)  # noqa: S311 - a world, not a secret
    cohorts = tuple(cohort.code for cohort in rulebook.terms.cohorts)
    told: list[Timed[Event]] = []
    for practice in practices(chance, clinicians, cohorts):
        told += roster(practice, chance, rulebook, _listed_at(chance, rulebook))
        told += claims_of(practice, chance, rulebook)
        told += reports_of(Desk(practice=practice, chance=chance, rulebook=rulebook))
    told += list(faults_among(told, chance))
    repeated = [t for t in told if _hits(chance, _REPEATED_PERCENT)]
    told += [Timed(t.received_at + timedelta(hours=chance.randrange(1, 200)), t.event) for t in repeated]
    told = [_perhaps_delayed(t, chance) for t in told]
    return sorted(told, key=lambda t: (t.received_at, t.event.source, t.event.event_id))


def _listed_at(chance: Random, rulebook: Rulebook) -> datetime:
    """Most practices are listed as the year begins; of a few the roster arrives after they have begun to report."""
    start = datetime.combine(rulebook.terms.year_start, time(), tzinfo=UTC)
    late = _hits(chance, _ROSTER_LATE_PERCENT)
    return start + timedelta(days=200 if late else 4, seconds=chance.randrange(86400))


def _perhaps_delayed(timed: Timed[Event], chance: Random) -> Timed[Event]:
    """A few events take days on their way, and are overtaken by others."""
    if not _hits(chance, _DELAYED_PERCENT):
        return timed
    return Timed(timed.received_at + timedelta(hours=chance.randrange(1, 90)), timed.event)


def _hits(chance: Random, percent: int) -> bool:
    return chance.randrange(100) < percent
