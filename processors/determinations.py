"""What CMS determined of a participant, merged part by part: the most settled word stands, then the later one."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from processors.events import ClaimsMeasure, Complexity, CostMeasure, FinalResult, Observed, ResultDetermined
from processors.vocabulary import ResultStatus

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[P]):
    """A part of CMS's results that stands: what, how settled it is, and the event that says it."""

    value: P
    status: ResultStatus
    told: Observed[ResultDetermined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Determinations:
    """The parts of CMS's results that stand; those of measures by measure id."""

    costs: Mapping[str, Given[CostMeasure]]
    claims: Mapping[str, Given[ClaimsMeasure]]
    complexity: Given[Complexity] | None
    final: Given[FinalResult] | None
    paid: Given[int] | None

    def parts(self) -> Iterator[Given[Any]]:
        """Yield every part that stands."""
        yield from self.costs.values()
        yield from self.claims.values()
        yield from (part for part in (self.complexity, self.final, self.paid) if part is not None)

    def rest_on_estimates(self, measure_ids: Container[str]) -> bool:
        """Say whether a part that stands for one of the measures, or for complexity, is no more than an estimate."""
        parts = [given for ids in (self.costs, self.claims) for name, given in ids.items() if name in measure_ids]
        statuses = [part.status for part in parts] + ([] if self.complexity is None else [self.complexity.status])
        return ResultStatus.ESTIMATE in statuses


def merge_results(results: Iterable[Observed[ResultDetermined]]) -> Determinations:
    """Merge CMS's results part by part: RECONSIDERED > FINAL > PRELIMINARY > ESTIMATE, then the later received.

    Tie: the larger event id.
    """
    ordered = sorted(results, key=lambda r: (r.event.status.rank, r.received_at, r.event.event_id, r.digest))
    costs: dict[str, Given[CostMeasure]] = {}
    claims: dict[str, Given[ClaimsMeasure]] = {}
    complexity: Given[Complexity] | None = None
    final: Given[FinalResult] | None = None
    paid: Given[int] | None = None
    for told in ordered:
        event, status = told.event, told.event.status
        if event.cost_measure is not None:
            costs[event.cost_measure.measure_id] = Given(value=event.cost_measure, status=status, told=told)
        if event.claims_measure is not None:
            claims[event.claims_measure.measure_id] = Given(value=event.claims_measure, status=status, told=told)
        if event.complexity is not None:
            complexity = Given(value=event.complexity, status=status, told=told)
        if event.final is not None:
            final = Given(value=event.final, status=status, told=told)
        if event.part_b_paid_cents is not None:
            paid = Given(value=event.part_b_paid_cents, status=status, told=told)
    return Determinations(costs=costs, claims=claims, complexity=complexity, final=final, paid=paid)


def value_of(given: Given[P] | None) -> P | None:
    """Return what stands, or None where CMS has said nothing."""
    return None if given is None else given.value


def is_owed(given: Given[P] | None) -> bool:
    """Say whether CMS still owes a part: it has said nothing, or no more than an estimate."""
    return given is None or given.status.rank <= ResultStatus.ESTIMATE.rank
