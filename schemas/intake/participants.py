"""CMS's ASM Participants file -> the roster. It has no TIN: a second file (npi, tin) joins it.

Columns as published on data.cms.gov: NPI, FIRST_NAME, LAST_NAME, ASM_COHORT, ORGANIZATION_LEGAL_NAME, and for each year
``ASM_CY<yy>_PARTICIPANT`` and ``ASM_CY<yy>_SMALLPRACTICE``. The joining file may have a third column, practice_alias:
the name that commands take in the place of a TIN.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from processors.events import ParticipantListed
from processors.identity import Npi, Tin
from processors.vocabulary import ParticipantList
from schemas.intake.columns import Row, read_rows
from schemas.intake.reading import Read, Reading, Refused

_YEAR_COLUMN = re.compile(r"ASM_CY([0-9]{2})_PARTICIPANT")
_YES = frozenset({"Y", "YES", "TRUE", "1", "X"})
_NO = frozenset({"N", "NO", "FALSE", "0", "NULL"})  # the published file writes Null for years not decided
_CENTURY = 2000


@dataclass(frozen=True, slots=True)
class Practice:
    """A TIN that an NPI bills under, and what people call it."""

    tin: Tin
    alias: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Which of CMS's lists this is."""

    source: str
    list: ParticipantList
    list_id: str
    published_on: date | None = None


def read_practices(lines: Iterable[bytes], name: str) -> Iterator[tuple[Npi, Practice] | Refused]:
    """Read the joining file: npi, tin, and practice_alias where it is given."""
    for row in read_rows(lines, name, ",", ("NPI", "TIN")):
        if isinstance(row, Refused):
            yield row
        elif row.get("NPI") is None or row.get("TIN") is None:
            yield Refused(reason="MALFORMED_FILE", where=f"{name}:{row.number}", detail="NPI or TIN is empty")
        else:
            yield Npi(row.values["NPI"]), Practice(Tin(row.values["TIN"]), row.get("PRACTICE_ALIAS"))


def read_participants(
    lines: Iterable[bytes], name: str, practices: Mapping[Npi, list[Practice]], options: ListOptions
) -> Iterator[Reading]:
    """Read the roster: an event a clinician, TIN and year in which CMS lists them."""
    for row in read_rows(lines, name, ",", ("NPI", "ASM_COHORT")):
        if isinstance(row, Refused):
            yield row
            continue
        where, npi = f"{name}:{row.number}", Npi(row.values.get("NPI", ""))
        joined = practices.get(npi, [])
        if not joined:
            detail = f"no TIN is known for NPI {npi}" if npi else "no NPI"
            yield Refused(reason="MISSING_TIN", where=where, detail=detail)
            continue
        for year in _years(row):
            if year.is_small is None:
                detail = f"participant or small practice of {year.number} is neither yes nor no"
                yield Refused(reason="MALFORMED_FILE", where=where, detail=detail)
                continue
            for practice in joined:
                yield Read(event=_listed(row, practice, year, options), time=None, where=where)


@dataclass(frozen=True, slots=True)
class _Year:
    """A year in which a clinician is listed, and whether the practice is small then (None: not legible)."""

    number: int
    is_small: bool | None


def _years(row: Row) -> Iterator[_Year]:
    for column, value in row.values.items():
        matched = _YEAR_COLUMN.fullmatch(column)
        if matched is None or value.upper() in _NO:
            continue
        small = row.values.get(f"ASM_CY{matched[1]}_SMALLPRACTICE", "N").upper()
        legible = value.upper() in _YES and small in _YES | _NO
        yield _Year(_CENTURY + int(matched[1]), (small in _YES) if legible else None)


def _listed(row: Row, practice: Practice, year: _Year, options: ListOptions) -> ParticipantListed:
    npi = row.values["NPI"]
    identity = (
        options.source,
        options.list_id,
        practice.tin.digits,
        str(year.number),
        repr(sorted(row.values.items())),
    )
    name = " ".join(part for part in (row.get("FIRST_NAME"), row.get("LAST_NAME")) if part)
    return ParticipantListed(
        event_id=sha256("\x1f".join((*identity, practice.alias or "")).encode()).hexdigest()[:32],
        source=options.source,
        tin=practice.tin,
        npi=Npi(npi),
        performance_year=year.number,
        cohort=re.sub(r"[\s-]+", "_", row.values.get("ASM_COHORT", "")).upper(),
        eligible=True,
        small_practice=bool(year.is_small),
        list=options.list,
        list_id=options.list_id,
        published_on=options.published_on,
        name=name or None,
        organization=row.get("ORGANIZATION_LEGAL_NAME"),
        practice_alias=practice.alias,
    )
