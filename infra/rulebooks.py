"""Read a vintage's files and have the core seal them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from processors.rulebook import FILES, Rulebook, RulebookError, seal

DEFAULT_VINTAGE = "cy2026_final"


@cache
def load_rulebooks(vintage: str) -> Mapping[int, Rulebook]:
    """Return the sealed rulebooks of a vintage that ships with this package, by performance year.

    :raises RulebookError: there is no such vintage, or its files cannot be sealed.
    """
    folder = files("processors.rulebook").joinpath(vintage)
    if not folder.is_dir():
        raise RulebookError(f"there is no vintage {vintage!r}; there are {', '.join(vintages())}")
    return seal({name: folder.joinpath(name).read_text() for name in FILES})


def read_rulebooks(folder: Path) -> Mapping[int, Rulebook]:
    """Return the sealed rulebooks of a vintage in a folder of yours, by performance year.

    :raises RulebookError: a file is missing or unknown, or cannot be sealed.
    """
    return seal({path.name: path.read_text() for path in sorted(folder.glob("*.toml"))})


def vintages() -> list[str]:
    """Return the vintages that ship with this package."""
    return sorted(entry.name for entry in files("processors.rulebook").iterdir() if entry.name.startswith("cy"))
