"""Recalculations of the live generation, as asm.operations.v1 tells of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from schemas.recalculations import PartitionRecalculated, RecalculationCompleted, RecalculationStarted

_COUNTS = ("participants", "movers", "scores", "obligations", "findings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalculation:
    """A recalculation, as far as it is."""

    started: RecalculationStarted
    partitions: Mapping[int, PartitionRecalculated] = field(default_factory=dict)
    completed: RecalculationCompleted | None = None

    @property
    def everywhere(self) -> bool:
        """Whether every partition of the live generation is under the other law."""
        return len(self.partitions) == self.started.partitions

    def counts(self) -> Mapping[str, int]:
        """Return what it comes to so far, over all partitions."""
        return {name: sum(getattr(p, name) for p in self.partitions.values()) for name in _COUNTS}

    def row(self) -> tuple[object, ...]:
        """Return it as a table shows it."""
        state = "COMPLETED" if self.completed else f"{len(self.partitions)} of {self.started.partitions} partitions"
        promoted = self.started.generation or "the deployment's rulebooks"
        back = "back to " if self.started.rollback else ""
        counts = self.counts()
        return (
            self.started.recalculation,
            state,
            back + promoted,
            counts["movers"],
            counts["participants"],
            self.started.actor,
            self.started.reason,
        )

    def document(self) -> Mapping[str, object]:
        """Return it as JSON shows it."""
        return {
            "recalculation": self.started.recalculation,
            "completed_at": None if self.completed is None else self.completed.instant,
            "started_at": self.started.instant,
            "generation": self.started.generation,
            "rollback": self.started.rollback,
            "announce": self.started.announce,
            "before": dict(self.started.before),
            "after": dict(self.started.after),
            "partitions_done": len(self.partitions),
            "partitions": self.started.partitions,
            **self.counts(),
            "by": self.started.actor,
            "why": self.started.reason,
        }


def recalculations(recorded: Iterable[object]) -> list[Recalculation]:
    """Return the recalculations that records of asm.operations.v1 tell of, the earliest first."""
    found: dict[str, Recalculation] = {}
    for record in recorded:
        if isinstance(record, RecalculationStarted):
            found[record.recalculation] = Recalculation(started=record)
        elif isinstance(record, PartitionRecalculated) and record.recalculation in found:
            known = found[record.recalculation]
            partitions = {**known.partitions, record.partition: record}
            found[record.recalculation] = replace(known, partitions=partitions)  # of a restored journal it comes again
        elif isinstance(record, RecalculationCompleted) and record.recalculation in found:
            known = found[record.recalculation]
            found[record.recalculation] = replace(known, completed=record)
    return list(found.values())


def law_in_force(done: Iterable[Recalculation]) -> str:
    """Return the generation whose law the live one is under, or is being given; empty: the deployment's."""
    return next((r.started.generation for r in reversed(list(done))), "")
