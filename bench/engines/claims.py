"""The claims that every engine is given: a seeded world of clinicians and beneficiaries, and its one-pass fold."""

from base64 import b32encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from random import Random

from processors.events import ClaimLine, ClaimReceived, ParticipantListed
from processors.rulebook import Rulebook
from processors.simulated_world import SimulatedClinician, SimulatedPractice, practices, roster
from processors.vocabulary import ClaimAction, ClaimType, Disposition

REPEATED_PERCENT = 5
#: Claims with a diagnosis that a rulebook family can use, of which lines are kept; of the others a trace.
USABLE_PERCENT = 30
_RECENT = 10_000
_SPREAD = 0.8
_USABLE = ("I5022", "I5032", "M5450", "M5116")
_OTHER = ("E119", "I10", "J449", "Z000")
_VISITS = (("99213", 9200), ("99214", 12900), ("99215", 18100), ("93306", 21300), ("20610", 7400))

#: What the claims of a clinician come to: distinct claims and allowed cents, by TIN and NPI.
Totals = Mapping[tuple[str, str], tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many events about how many people."""

    events: int = 300_000
    clinicians: int = 8_600
    beneficiaries: int = 550_000


class World:
    """Clinicians of practices, each with patients of their own; busy ones have many times the claims of others."""

    def __init__(self, size: Size, rulebook: Rulebook) -> None:
        self.size = size
        self._rulebook = rulebook
        cohorts = tuple(cohort.code for cohort in rulebook.terms.cohorts)
        self._practices = list(practices(Random(1), size.clinicians, cohorts))  # noqa: S311 - a world, not a secret

    @property
    def received_at(self) -> datetime:
        """When all of it is received: in the middle of the performance year."""
        terms = self._rulebook.terms
        return datetime.combine(terms.year_start + (terms.year_end - terms.year_start) / 2, time(), tzinfo=UTC)

    def roster(self) -> Iterator[ParticipantListed]:
        """Yield what lists each clinician."""
        chance = Random(2)  # noqa: S311
        for practice in self._practices:
            yield from (t.event for t in roster(practice, chance, self._rulebook, self.received_at))

    def claims(self) -> Iterator[ClaimReceived]:
        """Yield the claims, in the order of their receipt; of a hundred five are one of the last, once more."""
        chance = Random(3)  # noqa: S311
        cumulated = list(accumulate(chance.lognormvariate(0, _SPREAD) for _ in self._clinicians))
        clinicians = range(len(self._clinicians))
        recent: list[ClaimReceived] = []
        for number in range(self.size.events):
            if recent and chance.randrange(100) < REPEATED_PERCENT:
                yield recent[chance.randrange(len(recent))]
                continue
            claim = self._claim(number, chance.choices(clinicians, cum_weights=cumulated)[0], chance)
            if len(recent) < _RECENT:
                recent.append(claim)
            else:
                recent[number % _RECENT] = claim
            yield claim

    @cached_property
    def _clinicians(self) -> list[tuple[SimulatedPractice, SimulatedClinician]]:
        return [(practice, clinician) for practice in self._practices for clinician in practice.clinicians]

    def _claim(self, number: int, of: int, chance: Random) -> ClaimReceived:
        practice, clinician = self._clinicians[of]
        patients = max(1, self.size.beneficiaries // self.size.clinicians)
        on = self._day(chance)
        hcpcs, cents = chance.choice(_VISITS)
        usable = chance.randrange(100) < USABLE_PERCENT
        return ClaimReceived(
            event_id=f"bench-{number}",
            source="claims",
            tin=practice.tin,
            claim_id=f"{chance.getrandbits(48):012x}-{number}",
            version=1,
            action=ClaimAction.ORIGINAL,
            disposition=Disposition.PAID,
            claim_type=ClaimType.PROFESSIONAL,
            beneficiary=token_of(of + self.size.clinicians * chance.randrange(patients)),
            from_date=on,
            through_date=on,
            diagnoses=(chance.choice(_USABLE if usable else _OTHER),),
            lines=tuple(
                ClaimLine(line_number=line, service_date=on, npi=clinician.npi, hcpcs=hcpcs, allowed_cents=cents)
                for line in range(1, 2 + (chance.randrange(10) == 0))
            ),
        )

    def _day(self, chance: Random) -> date:
        days = (self.received_at.date() - self._rulebook.terms.year_start).days
        return self._rulebook.terms.year_start + timedelta(days=chance.randrange(days))


def token_of(beneficiary: int) -> str:
    """Return the token of the beneficiary of a number."""
    return "b1_" + b32encode(sha256(b"%d" % beneficiary).digest()).decode().rstrip("=")


def totals_of(claims: Iterable[ClaimReceived]) -> Totals:
    """Return what claims come to, each counted once: what every engine must come to."""
    seen: set[tuple[str, str, str, int]] = set()
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for claim in claims:
        identity = (claim.source, claim.tin.digits, claim.claim_id, claim.version)
        if identity in seen:
            continue
        seen.add(identity)
        owner = (claim.tin.digits, claim.lines[0].npi or "")
        number, cents = totals.get(owner, (0, 0))
        totals[owner] = (number + 1, cents + sum(line.allowed_cents or 0 for line in claim.lines))
    return totals
