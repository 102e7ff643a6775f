"""What exactly is missing from an item, so that a person can act on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One thing that is missing: a code, a sentence, which measure it is about, what there is and what is needed."""

    code: str
    message: str
    subject: str | None = None
    have: int | None = None
    need: int | None = None
