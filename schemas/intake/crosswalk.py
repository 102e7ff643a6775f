"""A ZIP code crosswalk -> the rulebook's file of areas.

Reads the layout of HUD's USPS crosswalk (ZIP, CBSA, TOT_RATIO); a column METDIV, where there is one, names the
metropolitan division, which goes before the CBSA that it is part of. A ZIP code that is in several areas is given the
one with the greatest share of its addresses; 99999 means none.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from schemas.intake.columns import Row, read_rows
from schemas.intake.reading import Refused

_ZIP, _AREA, _NO_AREA = re.compile(r"[0-9]{5}"), re.compile(r"[0-9]{5}"), "99999"
_TEXT = """section = "42 CFR 512.710"
title   = "Areas: where the model is mandatory, and which area a ZIP code is in"
vintage = "{vintage}"

[mandatory_areas]
meaning  = "Core-based statistical areas and metropolitan divisions in which the model is mandatory."
unit     = "CBSA or metropolitan division code"
cites    = ["42 CFR 512.710", "{mandatory_source}"]
standing = "cms"
verified = {verified}
value    = [{mandatory}]

[zip_areas]
meaning  = "The one area that a five-digit ZIP code is in: of several the one with most of its addresses."
unit     = "ZIP code, CBSA or metropolitan division code"
cites    = ["42 CFR 512.710", "{zip_source}"]
standing = "derived"
verified = {verified}
value    = [
{rows}
]
"""


def read_crosswalk(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, str, Decimal] | Refused]:
    """Read (ZIP code, area, share) from a crosswalk; rows without an area are left out."""
    for row in read_rows(lines, name, ",", ("ZIP", "CBSA")):
        if isinstance(row, Refused):
            yield row
            continue
        area = row.get("METDIV") or row.get("CBSA") or _NO_AREA
        share = _share(row)
        zip_code = (row.get("ZIP") or "").zfill(5)
        if _ZIP.fullmatch(zip_code) is None or _AREA.fullmatch(area) is None or share is None:
            detail = "not a ZIP code of five digits, an area of five, and a share"
            yield Refused(reason="MALFORMED_FILE", where=f"{name}:{row.number}", detail=detail)
        elif area != _NO_AREA:
            yield zip_code, area, share


def read_mandatory(lines: Iterable[bytes], name: str) -> Iterator[str | Refused]:
    """Read the codes of mandatory areas from a file with a column AREA."""
    for row in read_rows(lines, name, ",", ("AREA",)):
        if isinstance(row, Refused):
            yield row
        elif _AREA.fullmatch(row.get("AREA") or "") is None:
            detail = "not an area of five digits"
            yield Refused(reason="MALFORMED_FILE", where=f"{name}:{row.number}", detail=detail)
        else:
            yield row.values["AREA"]


def areas_of(rows: Iterable[tuple[str, str, Decimal]]) -> Mapping[str, str]:
    """Return the one area of each ZIP code: the greatest share, of equal ones the lower code."""
    best: dict[str, tuple[Decimal, str]] = {}
    for zip_code, area, share in rows:
        candidate = (-share, area)
        if zip_code not in best or candidate < best[zip_code]:
            best[zip_code] = candidate
    return {zip_code: area for zip_code, (_, area) in sorted(best.items())}


def areas_text(
    areas: Mapping[str, str], mandatory: Iterable[str], sources: tuple[str, str], vintage: tuple[str, date]
) -> str:
    """Return the text of the rulebook's file of areas.

    ``sources`` name the crosswalk and the list of mandatory areas, ``vintage`` is its name and the day of verification.
    """
    return _TEXT.format(
        vintage=vintage[0],
        verified=vintage[1].isoformat(),
        zip_source=_quoted(sources[0]),
        mandatory_source=_quoted(sources[1]),
        mandatory=", ".join(f'"{area}"' for area in sorted(set(mandatory))),
        rows="\n".join(f'  {{ zip = "{zip_code}", area = "{area}" }},' for zip_code, area in areas.items()),
    )


def _share(row: Row) -> Decimal | None:
    try:
        share = Decimal(row.get("TOT_RATIO") or "1")
    except InvalidOperation:
        return None
    return share if share.is_finite() and 0 <= share <= 1 else None


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
