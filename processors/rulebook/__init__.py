"""The law as data: one folder a vintage, one file a section, sealed into one rulebook a performance year."""

from processors.rulebook.seal import FILES, Rulebook, RulebookError, seal, unseal
from processors.rulebook.sources import Reason, Section, Source, Standing, weakest

__all__ = ["FILES", "Reason", "Rulebook", "RulebookError", "Section", "Source", "Standing", "seal", "unseal", "weakest"]
