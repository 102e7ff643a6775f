"""What a batch of the journal changes."""

from dataclasses import dataclass

from processors.outputs import Output, ScoreChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalculated:
    """That another law was taken over: which recalculation, how many participants it concerned, and what it said."""

    recalculation: str
    participants: int
    outputs: tuple[Output, ...]

    @property
    def movers(self) -> int:
        """How many final scores are others now."""
        return sum(isinstance(o, ScoreChanged) and o.previous != o.final_score for o in self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What one batch changes, to be committed together; ``applied`` is the offset of its last mark."""

    applied: int
    outputs: tuple[Output, ...]
    state: tuple[tuple[bytes, bytes], ...]
    recalculated: Recalculated | None = None
