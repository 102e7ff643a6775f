"""What would be if: hypothetical events applied to the present facts of a practice; nothing is stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import topic_names
from processors.assessment import Assessment
from processors.events import BeneficiaryLinked, ClaimReceived, Event, Observed
from processors.facts import PracticeYear, fold
from processors.identity import Tin
from schemas.fingerprint import observe
from schemas.partitioning import partition_of
from streams.assessment import Assessor
from streams.law import Law
from streams.laws import law_by_digests, published_texts
from streams.state import STATE, PartitionState, StateRefused, load_state, mark_of

HYPOTHETICAL = "what-if"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposition:
    """What a practice's year means now, and what it would mean."""

    performance_year: int
    now: Assessment
    then: Assessment


def present_state(connection: Connection, law: Law, tin: Tin) -> tuple[PartitionState, Law]:
    """Return the state of the partition in which a TIN is, as of its last commit, and the law that it is under.

    :raises Unavailable: the cluster does not answer, or the state is of another engine, rulebook or generation.
    """
    with reader(connection, topic_names(connection.settings).of(STATE)) as consumer:
        partitions = sorted(consumer.assignment())
        consumer.assign([partitions[partition_of(tin.digits.encode(), len(partitions))]])
        records = {r.key: r.value for r in records_to_end(consumer)}
    try:
        mark = mark_of(records)
        if mark is not None and mark.promoted:
            law = law_by_digests(mark.rulebooks, published_texts(connection), law.generation, mark.promoted)
        return load_state(records.items(), law.fresh_mark()), law
    except StateRefused as refused:
        raise Unavailable(str(refused)) from refused


def suppose(state: PartitionState, law: Law, tin: Tin, events: Iterable[Event]) -> list[Supposition]:
    """Return what each year of a practice means now, and would mean if the events were received now.

    Now is the partition's last tick. Claims change what is estimated from them; the state must not be used afterwards.

    :raises Unavailable: the partition's clock has not ticked yet.
    """
    as_of = state.mark.as_of
    if as_of is None:
        raise Unavailable("The clock of this partition has not ticked yet: nothing is known as of any instant.")
    assessor = Assessor(state, law)
    told: list[Observed[Any]] = [
        observe(event, as_of, f"{HYPOTHETICAL}/0/{number}") for number, event in enumerate(events)
    ]
    claims = [o for o in told if isinstance(o.event, ClaimReceived | BeneficiaryLinked)]
    others = [o for o in told if not isinstance(o.event, ClaimReceived | BeneficiaryLinked)]
    known = {year.facts.practice.performance_year for year in state.years() if year.facts.practice.tin == tin}
    years = sorted(known | {o.event.performance_year for o in others})
    now = {year: assessor.assessment_of(state.year(tin, year)) for year in years}
    assessor.suppose_claims(claims)
    then = {year: assessor.assessment_with(_facts(state, tin, year, others)) for year in years}
    return [Supposition(performance_year=year, now=now[year], then=then[year]) for year in years]


def _facts(state: PartitionState, tin: Tin, performance_year: int, told: Iterable[Observed[Any]]) -> PracticeYear:
    facts = state.year(tin, performance_year).facts
    for observed in told:
        if observed.event.performance_year == performance_year:
            facts = fold(facts, observed)
    return facts
