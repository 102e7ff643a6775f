"""What CMS determined of a participant, merged part by part: the most settled word stands, then the later one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from processors.events import ClaimsMeasure, Complexity, CostMeasure, FinalResult, Observed, ResultDetermined
from processors.vocabulary import ResultStatus

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Determinations:
    """The parts of CMS's results that stand, each with how settled it is (UNKNOWN where there is none)."""

    cost: CostMeasure | None
    cost_status: ResultStatus
    claims: ClaimsMeasure | None
    claims_status: ResultStatus
    complexity: Complexity | None
    complexity_status: ResultStatus
    final: FinalResult | None

    @property
    def rests_on_estimates(self) -> bool:
        """Whether a part that stands is no more than an estimate."""
        return ResultStatus.ESTIMATE in {self.cost_status, self.claims_status, self.complexity_status}


def merge_results(results: Iterable[Observed[ResultDetermined]]) -> Determinations:
    """Merge CMS's results: RECONSIDERED > FINAL > PRELIMINARY > ESTIMATE, then the later received, part by part."""
    ordered = sorted(results, key=lambda r: (r.event.status.rank, r.received_at, r.digest), reverse=True)
    cost, cost_status = _first(ordered, lambda event: event.cost_measure)
    claims, claims_status = _first(ordered, lambda event: event.claims_measure)
    complexity, complexity_status = _first(ordered, lambda event: event.complexity)
    final, _ = _first(ordered, lambda event: event.final)
    return Determinations(
        cost=cost,
        cost_status=cost_status,
        claims=claims,
        claims_status=claims_status,
        complexity=complexity,
        complexity_status=complexity_status,
        final=final,
    )


def is_owed(status: ResultStatus) -> bool:
    """Say whether CMS still owes a part: it has said nothing, or no more than an estimate."""
    return status.rank <= ResultStatus.ESTIMATE.rank


def _first(
    ordered: Iterable[Observed[ResultDetermined]], part: Callable[[ResultDetermined], P | None]
) -> tuple[P | None, ResultStatus]:
    for result in ordered:
        value = part(result.event)
        if value is not None:
            return value, result.event.status
    return None, ResultStatus.UNKNOWN
