"""Read a vintage's files and have the core seal them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from processors.rulebook import FILES, Rulebook, RulebookError, seal

#: The file of a vintage that a deployment may replace: CMS's areas and a ZIP code crosswalk are not ours to ship.
AREAS = "512_710_areas.toml"
DEFAULT_VINTAGE = "cy2026_final"


@cache
def load_rulebooks(vintage: str, areas: Path | None = None) -> Mapping[int, Rulebook]:
    """Return the sealed rulebooks of a vintage that ships with this package, by performance year.

    ``areas`` is a file of areas that takes the place of the vintage's own.

    :raises RulebookError: there is no such vintage or file, or its files cannot be sealed.
    """
    texts = vintage_texts(vintage)
    return seal(texts if areas is None else texts | {AREAS: _read(areas, "ASM_AREAS_FILE: ")})


def vintage_texts(vintage: str) -> dict[str, str]:
    """Return the files of a vintage that ships with this package, by name.

    :raises RulebookError: there is no such vintage.
    """
    folder = files("processors.rulebook").joinpath(vintage)
    if not folder.is_dir():
        raise RulebookError(f"there is no vintage {vintage!r}; there are {', '.join(vintages())}")
    return {name: folder.joinpath(name).read_text() for name in FILES}


def read_rulebooks(folder: Path) -> Mapping[int, Rulebook]:
    """Return the sealed rulebooks of a vintage in a folder of yours, by performance year.

    :raises RulebookError: a file is missing or unknown, or cannot be sealed.
    """
    return seal({path.name: _read(path) for path in sorted(folder.glob("*.toml"))})


def _read(path: Path, named: str = "") -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RulebookError(f"{named}{path} cannot be read as text: {error}") from error


def vintages() -> list[str]:
    """Return the vintages that ship with this package."""
    return sorted(entry.name for entry in files("processors.rulebook").iterdir() if entry.name.startswith("cy"))
