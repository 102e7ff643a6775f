"""What a check says: how it stands, what was seen, what to do and which page says more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

OPERATIONS = "docs/operations"
MONITORING = f"{OPERATIONS}/monitoring.md"


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line. ``details`` are for machines: a partition each; ``unreachable``: the machine itself does not answer."""

    name: str
    verdict: Verdict
    seen: str
    remedy: str | None = None
    page: str | None = None
    details: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    unreachable: bool = False


def fine(name: str, seen: str, details: Sequence[Mapping[str, Any]] = ()) -> Check:
    """Say that nothing is wrong."""
    return Check(name=name, verdict=Verdict.OK, seen=seen, details=details)


def not_looked_at(name: str, why: str) -> Check:
    """Say that something could not be looked at."""
    return Check(name=name, verdict=Verdict.UNKNOWN, seen=f"not looked at: {why}")
