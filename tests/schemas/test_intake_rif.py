"""Carrier claims in RIF: which events the lines come to, and what is refused of them, where and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from processors.events import ClaimLine, ClaimReceived
from processors.identity import Npi, Tin
from processors.vocabulary import ClaimAction, ClaimType, Disposition
from schemas.intake.reading import Read, Reading, Refused
from schemas.intake.rif import RifOptions, read_identifiers, read_rif

#: A line of a claim, all columns that are read.
LINE: Mapping[str, str] = {
    "DML_IND": "INSERT",
    "BENE_ID": "-7701",
    "CLM_ID": "-500",
    "CLM_GRP_ID": "-600",
    "FINAL_ACTION": "F",
    "NCH_CLM_TYPE_CD": "71",
    "CLM_FROM_DT": "03-May-2027",
    "CLM_THRU_DT": "04-May-2027",
    "NCH_WKLY_PROC_DT": "14-May-2027",
    "CARR_CLM_ENTRY_CD": "1",
    "CLM_DISP_CD": "1",
    "CARR_CLM_PMT_DNL_CD": "1",
    "PRNCPAL_DGNS_CD": "I5022",
    "ICD_DGNS_CD1": "I5022",
    "ICD_DGNS_CD2": "E119",
    "LINE_NUM": "1",
    "PRF_PHYSN_NPI": "1730184500",
    "TAX_NUM": "640000321",
    "PRVDR_ZIP": "606110001",
    "PRVDR_SPCLTY": "06",
    "LINE_SRVC_CNT": "1",
    "LINE_PLACE_OF_SRVC_CD": "11",
    "LINE_1ST_EXPNS_DT": "03-May-2027",
    "HCPCS_CD": "99214",
    "HCPCS_1ST_MDFR_CD": "25",
    "HCPCS_2ND_MDFR_CD": "",
    "LINE_NCH_PMT_AMT": "90.40",
    "LINE_SBMTD_CHRG_AMT": "180",
    "LINE_ALOWD_CHRG_AMT": "113.05",
    "LINE_ICD_DGNS_CD": "E119",
}
OPTIONS = RifOptions(source="rif-file", token=lambda identifier: f"token of {identifier}")


def text_of(*lines: Mapping[str, str]) -> list[bytes]:
    """The bytes of a file, line by line; each given by what differs from LINE."""
    rows = [{**LINE, **line} for line in lines]
    return [("|".join(row) + "\n").encode() for row in (list(LINE), *(list(row.values()) for row in rows))]


def read(lines: Sequence[bytes], options: RifOptions = OPTIONS) -> list[Reading]:
    return list(read_rif(lines, "carrier.csv", options))


def claims(*lines: Mapping[str, str], options: RifOptions = OPTIONS) -> list[ClaimReceived]:
    """The claims of a file of which nothing is refused."""
    found = []
    for reading in read(text_of(*lines), options):
        assert isinstance(reading, Read)
        assert isinstance(reading.event, ClaimReceived)
        found.append(reading.event)
    return found


def claim_of(**columns: str) -> ClaimReceived:
    (claim,) = claims(columns)
    return claim


def told(readings: Sequence[Reading]) -> list[tuple[str, str]]:
    """Where each reading stood, and the claim group that was read or the reason of the refusal."""
    return [
        (r.where, r.event.claim_id if isinstance(r, Read) and isinstance(r.event, ClaimReceived) else _reason(r))
        for r in readings
    ]


def _reason(reading: Reading) -> str:
    return reading.reason if isinstance(reading, Refused) else type(reading).__name__


def test_the_lines_of_a_claim_become_one_event() -> None:
    second = {"LINE_NUM": "2", "HCPCS_CD": "93306", "HCPCS_1ST_MDFR_CD": "TC", "HCPCS_2ND_MDFR_CD": "59"}
    second |= {"PRVDR_SPCLTY": "", "LINE_SRVC_CNT": "2.5", "LINE_1ST_EXPNS_DT": "04-May-2027", "PRF_PHYSN_NPI": ""}
    second |= {
        "LINE_NCH_PMT_AMT": "",
        "LINE_SBMTD_CHRG_AMT": "-3.10",
        "LINE_ALOWD_CHRG_AMT": "0",
        "LINE_ICD_DGNS_CD": "",
    }
    (reading,) = read(text_of({}, second))
    assert isinstance(reading, Read)
    first_line = ClaimLine(
        line_number=1,
        service_date=date(2027, 5, 3),
        npi=Npi("1730184500"),
        specialty="06",
        hcpcs="99214",
        modifiers=("25",),
        place_of_service="11",
        service_zip="606110001",
        units=Decimal(1),
        charge_cents=18000,
        allowed_cents=11305,
        paid_cents=9040,
        diagnosis_pointers=(2,),
    )
    second_line = replace(
        first_line,
        line_number=2,
        service_date=date(2027, 5, 4),
        npi=None,
        specialty=None,
        hcpcs="93306",
        modifiers=("TC", "59"),
        units=Decimal("2.5"),
        charge_cents=-310,
        allowed_cents=0,
        paid_cents=None,
        diagnosis_pointers=(),
    )
    expected = ClaimReceived(
        event_id=reading.event.event_id,
        source="rif-file",
        tin=Tin("640000321"),
        claim_id="-600",
        version=202705141,
        action=ClaimAction.ORIGINAL,
        disposition=Disposition.PAID,
        claim_type=ClaimType.PROFESSIONAL,
        beneficiary="token of bene_id:-7701",
        from_date=date(2027, 5, 3),
        through_date=date(2027, 5, 4),
        diagnoses=("I5022", "E119"),
        lines=(first_line, second_line),
    )
    assert reading == Read(event=expected, time=None, where="carrier.csv:2")


def test_claims_that_follow_each_other_are_events_each_where_it_begins() -> None:
    other = {"CLM_ID": "-501", "CLM_GRP_ID": "-601"}
    assert told(read(text_of({}, {"LINE_NUM": "2"}, other))) == [("carrier.csv:2", "-600"), ("carrier.csv:4", "-601")]


def test_a_claim_and_its_correction_share_their_group_and_the_later_has_the_higher_version() -> None:
    replaced = {"FINAL_ACTION": "N"}
    final = {"CLM_ID": "-501", "NCH_WKLY_PROC_DT": "21-May-2027", "CARR_CLM_ENTRY_CD": "5"}
    assert [(c.claim_id, c.version, c.action) for c in claims(replaced, final)] == [
        ("-600", 202705140, ClaimAction.ORIGINAL),
        ("-600", 202705211, ClaimAction.ADJUSTMENT),
    ]


def test_of_two_records_of_one_week_the_final_action_has_the_higher_version() -> None:
    before, after = claims({"FINAL_ACTION": "N"}, {"CLM_ID": "-501"})
    assert (before.version, after.version) == (202705140, 202705141)


@pytest.mark.parametrize(
    ("columns", "action"),
    [
        ({}, ClaimAction.ORIGINAL),
        ({"DML_IND": ""}, ClaimAction.ORIGINAL),
        ({"DML_IND": "UPDATE"}, ClaimAction.ADJUSTMENT),
        ({"CARR_CLM_ENTRY_CD": "5"}, ClaimAction.ADJUSTMENT),
        ({"DML_IND": "DELETE"}, ClaimAction.CANCEL),
        ({"CLM_DISP_CD": "3"}, ClaimAction.CANCEL),
        ({"CLM_DISP_CD": "03"}, ClaimAction.CANCEL),
        ({"CARR_CLM_ENTRY_CD": "3"}, ClaimAction.CANCEL),
        ({"CARR_CLM_ENTRY_CD": "5", "DML_IND": "DELETE"}, ClaimAction.CANCEL),
    ],
)
def test_the_codes_of_a_record_tell_its_action(columns: dict[str, str], action: ClaimAction) -> None:
    assert claim_of(**columns).action == action


@pytest.mark.parametrize(
    ("code", "disposition"),
    [
        ("1", Disposition.PAID),
        ("9", Disposition.PAID),
        ("B", Disposition.PAID),
        ("0", Disposition.DENIED),
        ("D", Disposition.DENIED),
        ("", Disposition.DENIED),
    ],
)
def test_the_payment_denial_code_tells_whether_anybody_was_paid(code: str, disposition: Disposition) -> None:
    assert claim_of(CARR_CLM_PMT_DNL_CD=code).disposition == disposition


@pytest.mark.parametrize(
    ("code", "claim_type"), [("71", ClaimType.PROFESSIONAL), ("81", ClaimType.DME), ("82", ClaimType.DME)]
)
def test_the_claim_type_code_tells_equipment_from_professional_claims(code: str, claim_type: ClaimType) -> None:
    assert claim_of(NCH_CLM_TYPE_CD=code).claim_type == claim_type


def test_lines_of_several_tins_give_one_claim_a_tin_with_its_own_lines() -> None:
    other = {"TAX_NUM": "640000322"}
    found = claims({}, other | {"LINE_NUM": "2"}, {"LINE_NUM": "3"})
    assert [(c.tin, c.claim_id, c.version, [n.line_number for n in c.lines]) for c in found] == [
        (Tin("640000321"), "-600", 202705141, [1, 3]),
        (Tin("640000322"), "-600", 202705141, [2]),
    ]
    assert len({c.event_id for c in found}) == 2


def test_lines_without_a_tin_are_refused_and_those_of_a_tin_are_read() -> None:
    without = {"TAX_NUM": ""}
    refused, taken = read(text_of(without, {"LINE_NUM": "2"}))
    assert refused == Refused(
        reason="MISSING_TIN", where="carrier.csv:2", detail="no TAX_NUM, and no --practice was given"
    )
    assert told([taken]) == [("carrier.csv:3", "-600")]


def test_lines_without_a_tin_are_the_named_practice_s() -> None:
    options = replace(OPTIONS, tin=Tin("640000399"))
    found = claims({"TAX_NUM": ""}, {"LINE_NUM": "2"}, {"LINE_NUM": "3", "TAX_NUM": ""}, options=options)
    assert [(c.tin, [n.line_number for n in c.lines]) for c in found] == [
        (Tin("640000399"), [1, 3]),
        (Tin("640000321"), [2]),
    ]


def test_diagnoses_are_the_claim_s_in_order_each_once_then_those_of_a_line_alone() -> None:
    columns = {"PRNCPAL_DGNS_CD": "I110", "ICD_DGNS_CD1": "I110", "ICD_DGNS_CD2": "I5022"}
    first, second = columns | {"LINE_ICD_DGNS_CD": "N183"}, columns | {"LINE_NUM": "2", "LINE_ICD_DGNS_CD": "I5022"}
    (claim,) = claims(first, second)
    assert claim.diagnoses == ("I110", "I5022", "N183")
    assert [n.diagnosis_pointers for n in claim.lines] == [(3,), (2,)]


@pytest.mark.parametrize(
    ("amount", "cents"), [("0", 0), ("0.01", 1), ("1234.5", 123450), ("7.", 700), (".5", 50), ("-0.05", -5), ("", None)]
)
def test_money_is_whole_cents(amount: str, cents: int | None) -> None:
    assert claim_of(LINE_ALOWD_CHRG_AMT=amount).lines[0].allowed_cents == cents


@pytest.mark.parametrize("day", ["03-May-2027", "03-MAY-2027", "3-may-2027"])
def test_a_day_is_read_in_any_case_of_letters(day: str) -> None:
    assert claim_of(CLM_FROM_DT=day).from_date == date(2027, 5, 3)


def test_a_beneficiary_is_the_token_of_the_mbi_where_it_is_known() -> None:
    options = replace(OPTIONS, identifiers={"-7701": "1EG4TE5MK73"})
    found = claims({}, {"CLM_ID": "-501", "BENE_ID": "-7702"}, options=options)
    assert [c.beneficiary for c in found] == ["token of 1EG4TE5MK73", "token of bene_id:-7702"]
    assert "1EG4TE5MK73" not in repr(options)


def test_the_same_record_read_twice_is_the_same_event() -> None:
    assert claim_of() == claim_of()


@pytest.mark.parametrize(
    "columns",
    [{"HCPCS_CD": "99213"}, {"CLM_ID": "-501"}, {"NCH_WKLY_PROC_DT": "21-May-2027"}, {"DML_IND": "DELETE"}],
    ids=["content", "record", "version", "action"],
)
def test_a_record_that_differs_is_another_event(columns: dict[str, str]) -> None:
    assert claim_of(**columns).event_id != claim_of().event_id


@pytest.mark.parametrize(
    ("columns", "detail"),
    [
        ({"CLM_FROM_DT": "2027-05-03"}, "CLM_FROM_DT is not a date such as 30-May-2027"),
        ({"CLM_THRU_DT": "31-Jun-2027"}, "CLM_THRU_DT is not a date such as 30-May-2027"),
        ({"NCH_WKLY_PROC_DT": ""}, "NCH_WKLY_PROC_DT is not given"),
        ({"LINE_1ST_EXPNS_DT": ""}, "LINE_1ST_EXPNS_DT is not given"),
        ({"BENE_ID": ""}, "BENE_ID is not given"),
        ({"CLM_GRP_ID": ""}, "CLM_GRP_ID is not given"),
        ({"LINE_NUM": ""}, "LINE_NUM is not a whole number"),
        ({"LINE_NUM": "1.5"}, "LINE_NUM is not a whole number"),
        ({"LINE_NUM": "one"}, "LINE_NUM is not a number"),
        ({"LINE_SRVC_CNT": "NaN"}, "LINE_SRVC_CNT is not a number"),
        ({"LINE_SRVC_CNT": "1_0"}, "LINE_SRVC_CNT is not a number"),
        ({"LINE_NCH_PMT_AMT": "12,50"}, "LINE_NCH_PMT_AMT is not a number"),
        ({"LINE_NCH_PMT_AMT": "1E999999"}, "LINE_NCH_PMT_AMT is not a number"),
        ({"LINE_NCH_PMT_AMT": "9" * 16}, "LINE_NCH_PMT_AMT is not a number"),
        ({"LINE_SBMTD_CHRG_AMT": "1.005"}, "LINE_SBMTD_CHRG_AMT is not an amount in dollars and cents"),
    ],
)
def test_a_malformed_value_on_any_line_refuses_its_claim_only(columns: dict[str, str], detail: str) -> None:
    """``columns`` stand on the claim's head, and where only a line has them on its second line too."""
    before, after = {"CLM_ID": "-499"}, {"CLM_ID": "-501"}
    heads = text_of(before, columns, {"LINE_NUM": "2"}, after)
    assert told(read(heads)) == [
        ("carrier.csv:2", "-600"),
        ("carrier.csv:3", "MALFORMED_FILE"),
        ("carrier.csv:5", "-600"),
    ]
    assert [r.detail for r in read(heads) if isinstance(r, Refused)] == [detail]
    if all(column.startswith("LINE_") for column in columns):
        assert told(read(text_of(before, {}, {"LINE_NUM": "2"} | columns, after))) == told(read(heads))


def test_what_is_malformed_is_never_told() -> None:
    (refused,) = read(text_of({"CLM_FROM_DT": "1EG4TE5MK73"}))
    assert "1EG4TE5MK73" not in repr(refused)


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_line_of_too_few_or_too_many_fields_refuses_its_claim_as_a_whole(place: int) -> None:
    lines = text_of({"CLM_ID": "-499"}, {}, {"LINE_NUM": "2"}, {"LINE_NUM": "3"}, {"CLM_ID": "-501"})
    for broken, fields in ((lines[place + 1][:-8] + b"\n", 29), (lines[place + 1][:-1] + b"|more\n", 31)):
        first, refused, last = read([*lines[: place + 1], broken, *lines[place + 2 :]])
        assert refused == Refused(
            reason="MALFORMED_FILE", where=f"carrier.csv:{place + 2}", detail=f"{fields} fields, the header has 30"
        )
        assert told([first, last]) == [("carrier.csv:2", "-600"), ("carrier.csv:6", "-600")]


@pytest.mark.parametrize("broken", [b"INSERT|-7701\n", b"INSERT\n"])
def test_a_line_that_does_not_say_whose_it_is_spoils_the_claim_around_it_and_no_other(broken: bytes) -> None:
    lines = text_of({"CLM_ID": "-499"}, {}, {"LINE_NUM": "3"}, {"CLM_ID": "-501"})
    found = told(read([*lines[:3], broken, *lines[3:]]))
    assert found == [("carrier.csv:2", "-600"), ("carrier.csv:4", "MALFORMED_FILE"), ("carrier.csv:6", "-600")]


def test_a_line_without_a_claim_s_number_spoils_the_claim_around_it_and_no_other() -> None:
    lines = text_of({"CLM_ID": "-499"}, {}, {"CLM_ID": "", "LINE_NUM": "2"}, {"LINE_NUM": "3"}, {"CLM_ID": "-501"})
    found = read(lines)
    assert told(found) == [("carrier.csv:2", "-600"), ("carrier.csv:3", "MALFORMED_FILE"), ("carrier.csv:6", "-600")]
    assert [r.detail for r in found if isinstance(r, Refused)] == ["CLM_ID is not given"]


@pytest.mark.parametrize(
    "column",
    [
        "BENE_ID",
        "CLM_ID",
        "CLM_GRP_ID",
        "FINAL_ACTION",
        "CLM_FROM_DT",
        "CLM_THRU_DT",
        "NCH_WKLY_PROC_DT",
        "LINE_NUM",
        "LINE_1ST_EXPNS_DT",
    ],
)
def test_a_file_without_a_needed_column_is_refused_once(column: str) -> None:
    lines = [line.replace(f"|{column}|".encode(), b"|OTHER|") for line in text_of({}, {"LINE_NUM": "2"})]
    assert read(lines) == [
        Refused(
            reason="MISSING_COLUMN",
            where="carrier.csv:1",
            detail=f"no column {column} in its header, or another delimiter than '|'",
        )
    ]


def test_a_column_that_is_not_needed_may_be_absent() -> None:
    lines = [line.replace(b"|TAX_NUM|", b"|OTHER|") for line in text_of({})]
    (taken,) = read(lines, replace(OPTIONS, tin=Tin("640000399")))
    assert told([taken]) == [("carrier.csv:2", "-600")]


def test_a_file_of_another_kind_is_refused_and_nothing_breaks() -> None:
    assert told(read([b""])) == [("carrier.csv:1", "MISSING_COLUMN")]
    assert told(read([b"{" * 200_000])) == [("carrier.csv:1", "MALFORMED_FILE")]
    assert told(read([*text_of({})[:1], b"\xff\x00" * 100])) == [("carrier.csv:2", "MALFORMED_FILE")]


def test_a_field_that_is_too_long_to_be_one_ends_the_file_and_spoils_the_claim_before_it() -> None:
    lines = text_of({"CLM_ID": "-499"}, {}, {"LINE_NUM": "2", "HCPCS_CD": "9" * 200_000})
    assert told(read(lines)) == [("carrier.csv:2", "-600"), ("carrier.csv:4", "MALFORMED_FILE")]


def test_a_byte_order_mark_blanks_and_empty_lines_are_skipped() -> None:
    header, line = text_of({"HCPCS_CD": " 99214 "})
    (taken,) = read([b"\xef\xbb\xbf" + header, b"\n", line])
    assert isinstance(taken, Read)
    assert (taken.event, taken.where) == (claim_of(), "carrier.csv:3")


def test_a_beneficiary_file_tells_the_mbi_of_each_bene_id() -> None:
    text = [b"DML_IND|BENE_ID|MBI_NUM\n", b"INSERT|-7701|1EG4TE5MK73\n", b"INSERT|-7702|\n", b"INSERT||1EG4TE5MK74\n"]
    broken = Refused(reason="MALFORMED_FILE", where="b.csv:5", detail="2 fields, the header has 3")
    assert list(read_identifiers([*text, b"INSERT|-7703\n"], "b.csv")) == [("-7701", "1EG4TE5MK73"), broken]
    assert list(read_identifiers([b"BENE_ID,MBI_NUM\n"], "b.csv")) == [
        Refused(
            reason="MISSING_COLUMN",
            where="b.csv:1",
            detail="no column BENE_ID, MBI_NUM in its header, or another delimiter than '|'",
        )
    ]
