"""What scores may earn or cost, at present or as at an instant: then under the rulebooks that the scores name."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlmodel import Session

from infra.database.questions import participants
from infra.database.tables import Score
from infra.errors import Unavailable
from infra.rulebooks import load_rulebooks
from infra.settings import Settings
from processors.rulebook import Rulebook, RulebookError
from streams.commands.terminal import complain
from streams.exposure import exposures
from streams.rulebook_texts import rulebook_of


def exposures_then(session: Session, scores: Sequence[Score], settings: Settings) -> list[dict[str, Any]]:
    """Return what the year of some scores and the one after may earn or cost each clinician.

    By the rulebooks under which the scores were said, and at an instant by the standings of then; a clinician of whom
    one of these is found nowhere is left out, with a sentence.
    """
    books = load_rulebooks(settings.vintage, settings.areas_file)
    find = cache(lambda digest: _found(settings, digest))
    told: list[dict[str, Any]] = []
    for score in scores:
        law = _law_of(session, score, find)
        told += [] if law is None else exposures(session, [score], {**books, **law})
    return told


def _law_of(session: Session, score: Score, find: Callable[[str], Rulebook | None]) -> Mapping[int, Rulebook] | None:
    """Return the rulebooks of all years of a clinician under a practice; None where one is found nowhere."""
    law = {}
    for said in participants(session, score.npi, None):
        if said.tin == score.tin:
            book = find(said.rulebook)
            if book is None:
                return None
            law[said.performance_year] = book
    return law


def _found(settings: Settings, digest: str) -> Rulebook | None:
    why = "no cluster remembers it"
    try:
        book = rulebook_of(settings, digest)
    except (Unavailable, RulebookError) as error:
        book, why = None, str(error)
    if book is None:
        complain(f"What it may earn or cost is left out: the rulebook {digest} is not at hand ({why}).")
    return book
