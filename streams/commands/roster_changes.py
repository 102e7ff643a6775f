"""A participants file beside the roster that is known: who is removed, new, unchanged, or in another cohort."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from rich.table import Table
from sqlmodel import Session

from infra.database.questions import roster_of
from infra.database.tables import Score
from processors.events import ParticipantListed, ParticipantRemoved
from processors.identity import Npi, Tin
from schemas.intake.columns import read_rows
from schemas.intake.reading import Read, Reading, Refused
from streams.commands.terminal import table

REMOVED, NEW, UNCHANGED, OTHER_COHORT = "removed", "new on this list", "unchanged", "other cohort"
ILLEGIBLE = "refused line"
NOT_ON_THE_LIST = "NOT_ON_FINAL_LIST"
_Who = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChange:
    """What a list makes of a clinician under a TIN in a year."""

    what: str
    tin: Tin
    npi: Npi
    performance_year: int
    name: str | None
    practice: str | None


class ListInHand:
    """What a list says: whom it lists, and of whom a line was refused, so that nobody can tell what it says."""

    def __init__(self) -> None:
        self._listed: dict[_Who, ParticipantListed] = {}
        self._illegible: set[str] = set()
        self.list_id = ""

    def noting(self, readings: Iterable[Reading], lines: Sequence[bytes], name: str) -> Iterator[Reading]:
        """Yield what was read of a file, and take note of it."""
        rows = read_rows(lines, name, ",", ())
        npis = {f"{name}:{row.number}": row.values.get("NPI", "") for row in rows if not isinstance(row, Refused)}
        for reading in readings:
            if isinstance(reading, Read) and isinstance(reading.event, ParticipantListed):
                event = reading.event
                self._listed[event.tin.digits, event.npi, event.performance_year] = event
                self.list_id = event.list_id or ""
            elif isinstance(reading, Refused):
                self._illegible.add(npis.get(reading.where, ""))
            yield reading

    def beside(self, session: Session, tins: Iterable[Tin]) -> list[RosterChange]:
        """Compare it with the roster in the SQL view, in the years that it names and for the TINs given."""
        years = sorted({year for _, _, year in self._listed})
        roster = roster_of(session, sorted({tin.digits for tin in tins}), years)
        known = {(s.tin, s.npi, s.performance_year): s for s in roster if _is_listed(s)}
        everybody = sorted(known.keys() | self._listed.keys())
        return [self._change(who, known.get(who), self._listed.get(who)) for who in everybody]

    def _change(self, who: _Who, known: Score | None, new: ParticipantListed | None) -> RosterChange:
        tin, npi, year = who
        if new is None:
            what = ILLEGIBLE if npi in self._illegible else REMOVED
        elif known is None:
            what = NEW
        else:
            what = UNCHANGED if known.cohort == new.cohort else OTHER_COHORT
        named = known if new is None else new
        return RosterChange(
            what=what,
            tin=Tin(tin),
            npi=Npi(npi),
            performance_year=year,
            name=None if named is None else named.name,
            practice=None if named is None else named.practice_alias or named.organization,
        )


def removals(found: Iterable[RosterChange], source: str, list_id: str) -> list[Read]:
    """Return the events that say who is not on the final list any more."""
    return [
        Read(event=_removed(c, source, list_id), time=None, where="the final list") for c in found if c.what == REMOVED
    ]


def summary(found: Sequence[RosterChange]) -> str:
    """Say in a sentence how many are changed."""
    same = sum(c.what == UNCHANGED for c in found)
    return f"The list beside the roster: {len(found) - same} changed, {same} unchanged."


def changes_table(found: Sequence[RosterChange]) -> Table:
    """Show who is removed, new, in another cohort, or cannot be told."""
    order = (REMOVED, NEW, OTHER_COHORT, ILLEGIBLE)
    moved = sorted((c for c in found if c.what in order), key=lambda c: order.index(c.what))
    rows = [(c.what, c.performance_year, c.practice, c.name, c.npi) for c in moved]
    return table("Who is otherwise on the list than on the roster", ("", "year", "practice", "name", "NPI"), rows)


def _is_listed(score: Score) -> bool:
    """A clinician whom no word of CMS lists any more has a score without any reachable one."""
    codes = {reason["code"] for reason in score.tree["reasons"]}
    return not codes & {"NOT_ELIGIBLE", "WITHDRAWN"}


def _removed(change: RosterChange, source: str, list_id: str) -> ParticipantRemoved:
    identity = (source, list_id, change.tin.digits, change.npi, str(change.performance_year), NOT_ON_THE_LIST)
    return ParticipantRemoved(
        event_id=sha256("\x1f".join(identity).encode()).hexdigest()[:32],
        source=source,
        tin=change.tin,
        npi=change.npi,
        performance_year=change.performance_year,
        list_id=list_id,
        reason=NOT_ON_THE_LIST,
    )
