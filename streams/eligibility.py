"""Why a clinician is, or is not, eligible by the practice's own claims: read from the state of the TIN's partition."""

from infra.errors import Unavailable
from processors.eligibility_report import EligibilityReport, eligibility_report
from processors.episodes import episodes_of
from processors.identity import Npi, Tin
from streams.assessment import Law
from streams.claims import ClaimCounts
from streams.state import PartitionState


def eligibility_of(state: PartitionState, law: Law, who: tuple[Tin, Npi], performance_year: int) -> EligibilityReport:
    """Return what the claims under a TIN say of a clinician's eligibility for a performance year.

    :raises Unavailable: the partition's clock has not ticked yet, or no rulebook knows the year.
    """
    tin, npi = who
    rulebook = law.rulebooks.get(performance_year)
    if rulebook is None:
        raise Unavailable(f"No rulebook knows performance year {performance_year}.")
    if state.mark.as_of is None:
        raise Unavailable("The clock of this partition has not ticked yet: nothing is known as of any instant.")
    counts = ClaimCounts(law.rulebooks, law.episode_rules, state)
    rules = counts.rules_of(performance_year)
    return eligibility_report(
        years=[
            y.facts.clinicians[npi] for y in state.years() if y.facts.practice.tin == tin and npi in y.facts.clinicians
        ],
        counted=counts.of(tin, performance_year, [npi]).get(npi, {}),
        episodes=[e for ledgers in counts.beneficiaries_of(tin) for e in episodes_of(ledgers, rules)],
        asked=(npi, rulebook, state.mark.as_of),
    )
