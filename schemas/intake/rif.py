"""Carrier claims in CMS's Research Identifiable Files (RIF): pipe-delimited, one line a service, header included.

``claim_id`` is the claim group (CLM_GRP_ID), which a claim shares with its corrections. ``version`` is the weekly
processing date (NCH_WKLY_PROC_DT as YYYYMMDD) and one digit more: 1 for the final action, 0 for what it replaced. A
deleted record (DML_IND), a cancel accepted (CLM_DISP_CD 3) and a full credit (CARR_CLM_ENTRY_CD 3) remove the claim.
Codes: the carrier file's codebook of CMS's Chronic Conditions Warehouse.

Lines of one claim follow each other. Lines of several TINs (TAX_NUM) give one claim a TIN, each with its lines.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from itertools import groupby

from processors.events import ClaimLine, ClaimReceived
from processors.identity import Npi, Tin
from processors.vocabulary import ClaimAction, ClaimType, Disposition
from schemas.intake.columns import Broken, Row, read_lines, read_rows
from schemas.intake.reading import Read, Reading, Refused

_NEEDED = (
    "BENE_ID", "CLM_ID", "CLM_GRP_ID", "FINAL_ACTION", "CLM_FROM_DT", "CLM_THRU_DT", "NCH_WKLY_PROC_DT", "LINE_NUM",
    "LINE_1ST_EXPNS_DT",
)  # fmt: skip
_DIAGNOSES = 12
_DATE = "%d-%b-%Y"
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,8})?|\.[0-9]{1,8})")
_CANCELLED = "3"
_REPLACED = "5"
#: Codes of CARR_CLM_PMT_DNL_CD under which somebody was paid; every other one is a denial.
_PAID = frozenset("123456789AB")
_DME_CLAIMS = frozenset({"81", "82"})


class _Malformed(Exception):
    """A column whose value is not of its form; the value itself is not told."""

    def __init__(self, column: str, expected: str) -> None:
        super().__init__(f"{column} is not {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RifOptions:
    """What the file itself does not say.

    ``token`` makes a beneficiary's token of an identifier; ``identifiers`` gives the MBI of a BENE_ID; ``tin`` is whose
    the lines without TAX_NUM are.
    """

    source: str
    token: Callable[[str], str]
    identifiers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tin: Tin | None = None


def read_rif(lines: Iterable[bytes], name: str, options: RifOptions) -> Iterator[Reading]:
    """Read carrier claims; a claim with a malformed line is refused as a whole, the others are read."""
    for _, group in groupby(read_lines(lines, name, "|", _NEEDED), key=_ClaimOf()):
        found = list(group)
        refused = [line.refused if isinstance(line, Broken) else line for line in found if not isinstance(line, Row)]
        yield from refused
        if not refused:
            rows = [row for row in found if isinstance(row, Row)]
            for tin, of_tin in _by_tin(rows, options.tin).items():
                yield _claim(tin, of_tin, name, options)


class _ClaimOf:
    """Says whose claim a line is; a line that does not say is taken as the claim's before it, which it spoils."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, line: Row | Broken | Refused) -> str:
        if not isinstance(line, Refused):
            self._last = line.values.get("CLM_ID", self._last)
        return self._last


def _by_tin(rows: Sequence[Row], default: Tin | None) -> dict[Tin | None, list[Row]]:
    found: dict[Tin | None, list[Row]] = {}
    for row in rows:
        number = row.get("TAX_NUM")
        found.setdefault(default if number is None else Tin(number), []).append(row)
    return found


def _claim(tin: Tin | None, rows: Sequence[Row], name: str, options: RifOptions) -> Reading:
    where = f"{name}:{rows[0].number}"
    if tin is None:
        return Refused(reason="MISSING_TIN", where=where, detail="no TAX_NUM, and no --practice was given")
    try:
        event = _event(tin, rows, options)
    except _Malformed as error:
        return Refused(reason="MALFORMED_FILE", where=where, detail=str(error))
    return Read(event=event, time=None, where=where)


def _event(tin: Tin, rows: Sequence[Row], options: RifOptions) -> ClaimReceived:
    head = rows[0]
    bene_id = _text(head, "BENE_ID")
    codes = _diagnoses(rows)
    places = {code: place for place, code in enumerate(codes, 1)}
    claim_id, version, action = _text(head, "CLM_GRP_ID"), _version(head), _action(head)
    named = {_text(row, "CLM_ID") for row in rows}  # one, or a line names none
    identity = (options.source, tin.digits, *named, str(version), action, *_contents(rows))
    return ClaimReceived(
        event_id=sha256("\x1f".join(identity).encode()).hexdigest()[:32],
        source=options.source,
        tin=tin,
        claim_id=claim_id,
        version=version,
        action=action,
        disposition=Disposition.PAID if head.get("CARR_CLM_PMT_DNL_CD") in _PAID else Disposition.DENIED,
        claim_type=ClaimType.DME if head.get("NCH_CLM_TYPE_CD") in _DME_CLAIMS else ClaimType.PROFESSIONAL,
        beneficiary=options.token(options.identifiers.get(bene_id, f"bene_id:{bene_id}")),
        from_date=_date(head, "CLM_FROM_DT"),
        through_date=_date(head, "CLM_THRU_DT"),
        diagnoses=codes,
        lines=tuple(_line(row, places) for row in rows),
    )


def _contents(rows: Sequence[Row]) -> list[str]:
    return [f"{column}={value}" for row in rows for column, value in sorted(row.values.items())]


def _line(row: Row, places: Mapping[str, int]) -> ClaimLine:
    npi, code = row.get("PRF_PHYSN_NPI"), row.get("LINE_ICD_DGNS_CD")
    modifiers = (row.get("HCPCS_1ST_MDFR_CD"), row.get("HCPCS_2ND_MDFR_CD"))
    return ClaimLine(
        line_number=_whole(row, "LINE_NUM"),
        service_date=_date(row, "LINE_1ST_EXPNS_DT"),
        npi=None if npi is None else Npi(npi),
        specialty=row.get("PRVDR_SPCLTY"),
        hcpcs=row.get("HCPCS_CD"),
        modifiers=tuple(modifier for modifier in modifiers if modifier is not None),
        place_of_service=row.get("LINE_PLACE_OF_SRVC_CD"),
        service_zip=row.get("PRVDR_ZIP"),
        units=_decimal(row, "LINE_SRVC_CNT") or Decimal(0),
        charge_cents=_cents(row, "LINE_SBMTD_CHRG_AMT"),
        allowed_cents=_cents(row, "LINE_ALOWD_CHRG_AMT"),
        paid_cents=_cents(row, "LINE_NCH_PMT_AMT"),
        diagnosis_pointers=() if code is None else (places[code],),
    )


def _diagnoses(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the claim's codes, the principal first, then those that only a line names."""
    head = rows[0]
    columns = ("PRNCPAL_DGNS_CD", *(f"ICD_DGNS_CD{number}" for number in range(1, _DIAGNOSES + 1)))
    named = [head.get(column) for column in columns] + [row.get("LINE_ICD_DGNS_CD") for row in rows]
    return tuple(dict.fromkeys(code for code in named if code is not None))


def _action(head: Row) -> ClaimAction:
    codes = (head.get("CLM_DISP_CD"), head.get("CARR_CLM_ENTRY_CD"))
    if head.get("DML_IND") == "DELETE" or any((code or "").lstrip("0") == _CANCELLED for code in codes):
        return ClaimAction.CANCEL
    if head.get("DML_IND") == "UPDATE" or head.get("CARR_CLM_ENTRY_CD") == _REPLACED:
        return ClaimAction.ADJUSTMENT
    return ClaimAction.ORIGINAL


def _version(head: Row) -> int:
    return int(f"{_date(head, 'NCH_WKLY_PROC_DT'):%Y%m%d}{int(head.get('FINAL_ACTION') == 'F')}")


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    if value is None:
        raise _Malformed(column, "given")
    return value


def _date(row: Row, column: str) -> date:
    try:
        return datetime.strptime(_text(row, column), _DATE).date()  # noqa: DTZ007 - a day, not an instant
    except ValueError as error:
        raise _Malformed(column, "a date such as 30-May-2027") from error


def _decimal(row: Row, column: str) -> Decimal | None:
    value = row.get(column)
    if value is not None and _NUMBER.fullmatch(value) is None:
        raise _Malformed(column, "a number")
    return None if value is None else Decimal(value)


def _whole(row: Row, column: str) -> int:
    number = _decimal(row, column)
    if number is None or number != number.to_integral_value():
        raise _Malformed(column, "a whole number")
    return int(number)


def _cents(row: Row, column: str) -> int | None:
    amount = _decimal(row, column)
    if amount is None:
        return None
    cents = amount * 100
    if cents != cents.to_integral_value():
        raise _Malformed(column, "an amount in dollars and cents")
    return int(cents)


def read_identifiers(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, str] | Refused]:
    """Read a beneficiary file (BENE_ID, MBI_NUM): which BENE_ID has which MBI."""
    for row in read_rows(lines, name, "|", ("BENE_ID", "MBI_NUM")):
        if isinstance(row, Refused):
            yield row
        elif row.get("BENE_ID") and row.get("MBI_NUM"):
            yield row.values["BENE_ID"], row.values["MBI_NUM"]
