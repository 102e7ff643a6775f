"""The law that a person chooses: by a vintage, a folder with one, or the digest of a rulebook."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import typer

from infra.rulebooks import load_rulebooks, read_rulebooks, vintages
from infra.settings import Settings
from processors.rulebook import Rulebook
from streams.rulebook_texts import LEAST_DIGEST, rulebook_of

_DIGEST = re.compile(f"[0-9a-f]{{{LEAST_DIGEST},64}}")


def chosen_rulebooks(settings: Settings, chosen: Iterable[str]) -> Mapping[int, Rulebook]:
    """Return the rulebook of each performance year: the deployment's, but for the years that are chosen otherwise.

    :raises typer.BadParameter: a choice is no vintage, folder or digest, or one year is chosen twice.
    :raises RulebookError: a vintage cannot be sealed, or a text is of a shape that this release does not know.
    :raises Unavailable: a digest is not at hand, and the cluster does not answer.
    """
    found: dict[int, Rulebook] = {}
    for name in chosen:
        books = _books(settings, name)
        twice = sorted(year for year in books if year in found and found[year].digest != books[year].digest)
        if twice:
            raise typer.BadParameter(f"--rulebook names two rulebooks of {', '.join(map(str, twice))}")
        found |= books
    return {**load_rulebooks(settings.vintage, settings.areas_file), **found}


def _books(settings: Settings, name: str) -> Mapping[int, Rulebook]:
    if Path(name).is_dir():
        return read_rulebooks(Path(name))
    if name in vintages():
        return load_rulebooks(name)
    if not _DIGEST.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is no vintage ({', '.join(vintages())}), no folder, and no digest")
    book = rulebook_of(settings, name)
    if book is None:
        raise typer.BadParameter(f"no rulebook that ships, and none on the cluster, has the digest {name}")
    return {book.performance_year: book}
