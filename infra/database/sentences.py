"""The sentence about a row of the SQL view; its words are the core's (``processors/sentences.py``)."""

from datetime import datetime

from infra.database.board import Missing
from infra.database.tables import Obligation
from processors.gaps import Gap
from processors.obligations import Status
from processors.outputs import Alert
from processors.sentences import Names, Told, sentence


def told_of(row: Obligation) -> Told:
    """Return what a sentence says of an obligation."""
    return Told(
        npi=row.npi,
        category=row.category,
        title=row.title,
        status=Status(row.status),
        alert=Alert(row.alert),
        due_at=row.due_at,
        points_at_stake=row.points_at_stake,
        cliff=row.cliff,
        affected=tuple(affected["npi"] for affected in row.affected),
        missing=tuple(Gap(**gap) for gap in row.missing),
        next_step=row.next_step,
    )


def names_of(found: Missing) -> Names:
    """Return the roster's names of whom an obligation concerns."""
    return Names(name=found.name, organization=found.organization, practice_alias=found.practice_alias)


def sentence_of(found: Missing, as_of: datetime) -> str:
    """Return the line about an obligation as it stands at an instant."""
    return sentence(told_of(found.obligation), names_of(found), as_of)
