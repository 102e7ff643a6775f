"""How sure a value is, where it stands, and how a reason cites it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Standing(StrEnum):
    """How well a value is known, surest first; an output carries the weakest standing it rests on."""

    VERBATIM = "verbatim"  # regulation text read
    CMS = "cms"  # a CMS slide, fact sheet or dataset
    PREAMBLE = "preamble"  # final-rule preamble
    SECONDARY = "secondary"  # industry summaries agree
    SINGLE = "single"  # one vendor's text alone
    ANALOG = "analog"  # the MIPS rule that ASM builds on
    DERIVED = "derived"  # our arithmetic on known facts
    ASSUMED = "assumed"  # a default to be confirmed

    @property
    def rank(self) -> int:
        """Place in the order, 0 the surest."""
        return _RANKS[self]


_RANKS = {standing: rank for rank, standing in enumerate(Standing)}


def weakest(standings: Iterable[Standing]) -> Standing:
    """Return the least sure of the standings; of none, the surest there is."""
    return max(standings, key=lambda s: s.rank, default=Standing.VERBATIM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a rulebook says beside a value: meaning, unit, citations, standing and the day it was verified."""

    meaning: str
    unit: str
    cites: tuple[str, ...]
    standing: Standing
    verified: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a part of a score, an obligation or a finding is what it is."""

    code: str
    message: str
    cites: tuple[str, ...]
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the law for one performance year: its values as attributes, their sources beside them."""

    sources: Mapping[str, Source] = field(repr=False)

    def reason(self, key: str, code: str, message: str) -> Reason:
        """Give a reason that rests on the value ``key`` of this section."""
        source = self.sources[key]
        return Reason(code=code, message=message, cites=source.cites, standing=source.standing)
