"""The events behind each number of a score: which of them each part of its tree was told by."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from processors.data_submission import Revision, View
from processors.events import AttestationReceived, EventName, Observed, SubmissionReceived
from processors.improvement_activities import standing_attestations
from processors.practice import Practice
from processors.score_tree import Part

Origins = Mapping[str, tuple[EventName, ...]]


def with_origins(part: Part, origins: Origins) -> Part:
    """Return a tree with the events behind its parts, by their codes."""
    parts = tuple(with_origins(below, origins) for below in part.parts)
    told_by = origins.get(part.code, ())
    return replace(part, parts=parts, told_by=told_by) if told_by or parts != part.parts else part


def practice_origins(practice: Practice) -> Origins:
    """Return the events behind what a practice reports for all, now."""
    origins = {r.activity.activity_id: of_revisions([r.revision]) for r in practice.now.activities}
    standing = standing_attestations(practice.attestations, View.RECEIPTED)
    statements = [standing.get(s.measure_id) for s in practice.rulebook.interoperability.attestations]
    told_by = of_revisions([practice.now.interoperability.revision, *statements])
    return {**origins, "promoting_interoperability": told_by}


def of_revisions(
    revisions: Iterable[Revision[SubmissionReceived] | Revision[AttestationReceived] | None],
) -> tuple[EventName, ...]:
    """Return the events that say the contents of revisions, and where those are others that prove their receipt."""
    told: list[Observed[Any]] = []
    for revision in revisions:
        if revision is not None:
            told += [revision.copies[0], *([] if revision.proof is None else [revision.proof])]
    return tuple(dict.fromkeys(name_of(word) for word in told))


def name_of(word: Observed[Any]) -> EventName:
    """Return what identifies an event."""
    return EventName(source=word.event.source, event_id=word.event.event_id)
