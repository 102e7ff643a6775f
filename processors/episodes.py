"""Episodes as a practice's own claims tell them: estimates of what CMS counts (42 CFR 512.710, 512.730).

A trigger service for the condition opens an episode where a service on another claim confirms it soon enough. The
services inside the episode's length decide to which clinicians it is attributed; its trigger names year and area.
Everything that decides is rulebook data. CMS counts from all of Medicare's claims: these are one practice's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from processors.events import ClaimLine, ClaimReceived
from processors.identity import Npi
from processors.ledger import KeptClaim, KeptLine, Ledger, merged, standing_claims
from processors.rulebook import Rulebook
from processors.rulebook.sections import CohortCodes
from processors.score_tree import ARITHMETIC

TIN_CONFIRMS = "TIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What makes the episodes of a cohort; ``by_tin`` says that anybody under the TIN may confirm."""

    cohort: str
    diagnoses: tuple[str, ...]
    triggers: frozenset[str]
    services: frozenset[str]
    confirming_days: int
    by_tin: bool
    attribution_days: int
    attribution_share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRules:
    """All that decides over episodes under one rulebook; ``areas`` maps a ZIP code to its area."""

    families: tuple[Family, ...]
    claim_types: tuple[str, ...]
    dispositions: tuple[str, ...]
    precedence: tuple[str, ...]
    areas: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A line that stands, as a family uses it."""

    on: date
    claim: KeptClaim = field(repr=False)
    npi: Npi | None
    is_trigger: bool
    area: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An episode: what opens and what confirms it, and how many of its services each attributed clinician rendered."""

    cohort: str
    trigger: Service
    confirmation: Service
    last_day: date
    attributed: Mapping[Npi, int]
    services: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What is counted of a clinician in a calendar year: EPISODES or AREA of a cohort, SPECIALTY or LINES of all."""

    npi: Npi
    year: int
    what: str
    cohort: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimYear:
    """What a TIN's own claims of a calendar year come to for a clinician; codes by how often."""

    lines: int
    specialties: tuple[tuple[str, int], ...]
    episodes: Mapping[str, int]
    areas: Mapping[str, tuple[tuple[str, int], ...]]


def episode_rules(rulebook: Rulebook) -> EpisodeRules:
    """Gather what decides over episodes under a rulebook."""
    rules = rulebook.episodes
    triggers, confirming = _by_cohort(rules.trigger_services), _by_cohort(rules.confirming_services)
    confirming_days = {row.cohort: row.days for row in rules.confirming_days}
    attribution_days = {row.cohort: row.days for row in rules.attribution_days}
    return EpisodeRules(
        families=tuple(
            Family(
                cohort=row.cohort,
                diagnoses=row.codes,
                triggers=triggers[row.cohort],
                services=triggers[row.cohort] | confirming[row.cohort],
                confirming_days=confirming_days[row.cohort],
                by_tin=rules.confirmed_by == TIN_CONFIRMS,
                attribution_days=attribution_days[row.cohort],
                attribution_share=rules.attribution_share,
            )
            for row in rules.diagnoses
        ),
        claim_types=rules.claim_types,
        dispositions=rules.dispositions,
        precedence=rules.source_precedence,
        areas=MappingProxyType({row.zip: row.area for row in rulebook.areas.zip_areas}),
    )


def usable_lines(claim: ClaimReceived, rules: Sequence[EpisodeRules]) -> tuple[KeptLine, ...]:
    """Return the lines of a claim of the TIN's own that a family under any of the rules can use."""
    wanted = [r for r in rules if claim.claim_type in r.claim_types and claim.disposition in r.dispositions]
    families = [family for r in wanted for family in r.families]
    if claim.billing_tin not in {None, claim.tin}:
        return ()
    diagnoses = [code.replace(".", "").upper() for code in claim.diagnoses]
    own = (line for line in claim.lines if line.rendering_tin in {None, claim.tin})
    kept = (_usable_line(claim, line, families, diagnoses) for line in own)
    return tuple(line for line in kept if line is not None)


def keeping(rules: Sequence[EpisodeRules]) -> str:
    """Return in one text all that decides which lines of a claim are kept: equal texts, equal ledgers."""
    told = {
        repr(
            (
                sorted(r.claim_types),
                sorted(r.dispositions),
                sorted((f.diagnoses, sorted(f.services)) for f in r.families),
            )
        )
        for r in rules
    }
    return "\n".join(sorted(told))


def episodes_of(ledgers: Sequence[Ledger], rules: EpisodeRules) -> Iterator[Episode]:
    """Yield the episodes of one beneficiary, whose ledgers (of linked tokens) are given, cohort by cohort, by date."""
    claims = _standing(ledgers, rules)
    for family in rules.families:
        services = _services(claims, family, rules)
        last: date | None = None
        for trigger in services:
            if not trigger.is_trigger or (last is not None and trigger.on <= last):
                continue
            confirmation = _confirmation(trigger, services, family)
            if confirmation is not None:
                episode = _episode(trigger, confirmation, services, family)
                last = episode.last_day
                yield episode


def counts_of(ledgers: Sequence[Ledger], rules: EpisodeRules) -> Counter[Count]:
    """Count what one beneficiary's claims come to for each clinician and calendar year."""
    return _counted(ledgers, rules) if any(ledger.claims for ledger in ledgers) else Counter()


def _counted(ledgers: Sequence[Ledger], rules: EpisodeRules) -> Counter[Count]:
    counts: Counter[Count] = Counter()
    for claim in _standing(ledgers, rules):
        for line in claim.lines:
            if line.npi is not None:
                year = line.service_date.year
                counts[Count(npi=line.npi, year=year, what="LINES")] += 1
                if line.specialty is not None:
                    counts[Count(npi=line.npi, year=year, what="SPECIALTY", value=line.specialty)] += 1
    for episode in episodes_of(ledgers, rules):
        year, cohort = episode.trigger.on.year, episode.cohort
        for npi in episode.attributed:
            counts[Count(npi=npi, year=year, what="EPISODES", cohort=cohort)] += 1
            if episode.trigger.area is not None:
                counts[Count(npi=npi, year=year, what="AREA", cohort=cohort, value=episode.trigger.area)] += 1
    return counts


def claim_year(counts: Mapping[Count, int]) -> ClaimYear:
    """Return the counts of one clinician and year in one piece."""
    cohorts = sorted({count.cohort for count in counts if count.cohort})
    return ClaimYear(
        lines=sum(times for count, times in counts.items() if count.what == "LINES"),
        specialties=_ranked((c.value, times) for c, times in counts.items() if c.what == "SPECIALTY"),
        episodes={
            cohort: sum(times for c, times in counts.items() if (c.what, c.cohort) == ("EPISODES", cohort))
            for cohort in cohorts
        },
        areas={
            cohort: _ranked((c.value, times) for c, times in counts.items() if (c.what, c.cohort) == ("AREA", cohort))
            for cohort in cohorts
        },
    )


def _by_cohort(rows: Iterable[CohortCodes]) -> Mapping[str, frozenset[str]]:
    return {row.cohort: frozenset(row.codes) for row in rows}


def _usable_line(
    claim: ClaimReceived, line: ClaimLine, families: Iterable[Family], diagnoses: Sequence[str]
) -> KeptLine | None:
    using = [family for family in families if line.hcpcs in family.services]
    if not using or line.hcpcs is None:
        return None
    pointed = [diagnoses[n - 1] for n in line.diagnosis_pointers if 0 < n <= len(diagnoses)] or diagnoses
    of_family = [code for code in pointed if any(code.startswith(family.diagnoses) for family in using)]
    if not of_family:
        return None
    return KeptLine(
        service_date=line.service_date,
        hcpcs=line.hcpcs,
        diagnoses=tuple(dict.fromkeys(of_family)),
        npi=line.npi,
        specialty=line.specialty,
        area=claim.area,
        service_zip=line.service_zip,
    )


def _standing(ledgers: Sequence[Ledger], rules: EpisodeRules) -> list[KeptClaim]:
    """Return the claims of all the ledgers that stand, in the order of source and claim id."""
    return sorted(standing_claims(merged(ledgers), rules.precedence), key=lambda c: c.claim)


def _services(claims: Iterable[KeptClaim], family: Family, rules: EpisodeRules) -> list[Service]:
    """Return the lines that the family uses, by date; of one date triggers first, then as the claims come."""
    services = [
        Service(
            on=line.service_date,
            claim=claim,
            npi=line.npi,
            is_trigger=line.hcpcs in family.triggers,
            area=_area(line, rules),
        )
        for claim in claims
        for line in claim.lines
        if line.hcpcs in family.services and any(code.startswith(family.diagnoses) for code in line.diagnoses)
    ]
    return sorted(services, key=lambda s: (s.on, not s.is_trigger))


def _area(line: KeptLine, rules: EpisodeRules) -> str | None:
    return line.area or (None if line.service_zip is None else rules.areas.get(line.service_zip[:5]))


def _confirmation(trigger: Service, services: Iterable[Service], family: Family) -> Service | None:
    """Return the first service on another claim that confirms a trigger: on its day or soon enough after it."""
    until = trigger.on + timedelta(days=family.confirming_days)
    for service in services:
        may_confirm = family.by_tin or service.npi == trigger.npi
        if may_confirm and service.claim.claim != trigger.claim.claim and trigger.on <= service.on <= until:
            return service
    return None


def _episode(trigger: Service, confirmation: Service, services: Iterable[Service], family: Family) -> Episode:
    last_day = trigger.on + timedelta(days=family.attribution_days - 1)
    inside = [service for service in services if trigger.on <= service.on <= last_day]
    rendered = Counter(service.npi for service in inside if service.npi is not None)
    least = ARITHMETIC.multiply(family.attribution_share, len(inside))
    return Episode(
        cohort=family.cohort,
        trigger=trigger,
        confirmation=confirmation,
        last_day=last_day,
        attributed={npi: number for npi, number in sorted(rendered.items()) if number >= least},
        services=len(inside),
    )


def _ranked(values: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(values, key=lambda v: (-v[1], v[0])))
