"""The practices and clinicians of a simulated world. Nobody in it exists."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Generic, TypeVar

from processors.events import Event, ParticipantListed
from processors.identity import Npi, Tin, npi_with_check_digit
from processors.rulebook import Rulebook
from processors.vocabulary import ParticipantList

E_co = TypeVar("E_co", bound=Event, covariant=True)

#: How practices go about reporting; most are diligent.
MANNERS = ("diligent", "diligent", "diligent", "diligent", "unproven", "sloppy", "late", "forgetful")
_SIZES = (1, 1, 2, 3, 4, 6, 9, 14, 22)
_PLACES = ("Lakeside", "Riverbend", "Northgate", "Cedar Hill", "Harbor", "Summit", "Prairie", "Old Mill", "Bayview")
_FIELDS = {"HEART_FAILURE": "Cardiology", "LOW_BACK_PAIN": "Spine"}
_GIVEN = ("Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Femi", "Greta", "Hiro", "Ines", "Jonas", "Kavita", "Luis")
_FAMILY = ("Abel", "Brandt", "Costa", "Duval", "Eriksen", "Fujita", "Garcia", "Hansen", "Ivanov", "Jansen", "Kaya")


@dataclass(frozen=True, slots=True)
class Timed(Generic[E_co]):
    """An event and when the broker receives it."""

    received_at: datetime
    event: E_co


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedClinician:
    """A clinician of the world."""

    npi: Npi
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPractice:
    """A practice of the world, and how it goes about reporting."""

    tin: Tin
    alias: str
    organization: str
    cohort: str
    manner: str
    clinicians: tuple[SimulatedClinician, ...]

    def is_small(self, rulebook: Rulebook) -> bool:
        """Say whether CMS's roster would call the practice small."""
        return len(self.clinicians) <= rulebook.terms.small_practice_npis_max


def practices(chance: Random, clinicians: int, cohorts: tuple[str, ...]) -> Iterator[SimulatedPractice]:
    """Yield practices with so many clinicians in all."""
    left = clinicians
    number = 0
    while left:
        number += 1
        size = min(left, chance.choice(_SIZES))
        left -= size
        cohort = chance.choice(cohorts)
        place = chance.choice(_PLACES)
        field = _FIELDS.get(cohort, "Medical")
        yield SimulatedPractice(
            tin=Tin(f"9{chance.randrange(10**8):08d}"),
            alias=f"{place}-{field}-{number}".lower().replace(" ", "-"),
            organization=f"{place} {field} {number} PLLC",
            cohort=cohort,
            manner=chance.choice(MANNERS),
            clinicians=tuple(_clinician(chance) for _ in range(size)),
        )


def roster(
    practice: SimulatedPractice, chance: Random, rulebook: Rulebook, at: datetime
) -> Iterator[Timed[ParticipantListed]]:
    """Yield what CMS's final list says of a practice's clinicians."""
    for clinician in practice.clinicians:
        event = ParticipantListed(
            event_id=f"final-{clinician.npi}",
            source="cms-roster",
            tin=practice.tin,
            npi=clinician.npi,
            performance_year=rulebook.performance_year,
            cohort=practice.cohort,
            eligible=True,
            small_practice=practice.is_small(rulebook),
            solo=len(practice.clinicians) == 1,
            list=ParticipantList.FINAL,
            list_id="final",
            episode_count=chance.randrange(20, 140),
            name=clinician.name,
            organization=practice.organization,
            practice_alias=practice.alias,
        )
        yield Timed(at, event)


def _clinician(chance: Random) -> SimulatedClinician:
    name = f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}"
    return SimulatedClinician(npi=npi_with_check_digit(f"1{chance.randrange(10**8):08d}"), name=name)
