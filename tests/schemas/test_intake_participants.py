"""CMS's participants file and the file that joins it to TINs: who is listed, and what is refused, where and why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from processors.events import ParticipantListed
from processors.identity import Npi, Tin
from processors.vocabulary import ParticipantList
from schemas.intake.participants import ListOptions, Practice, read_participants, read_practices
from schemas.intake.reading import Read, Reading, Refused

NPI, OTHER = Npi("1730184500"), Npi("1730184518")
NORTH = Practice(Tin("640000321"), "north-heart")
SOUTH = Practice(Tin("640000322"), None)
OPTIONS = ListOptions(
    source="cms-participants", list=ParticipantList.FINAL, list_id="2026-08", published_on=date(2026, 8, 15)
)
PERSON: Mapping[str, str] = {
    "NPI": NPI,
    "FIRST_NAME": "Ilse",
    "LAST_NAME": "Ode",
    "STATE": "IL",
    "ASM_COHORT": "Heart Failure",
    "ORGANIZATION_LEGAL_NAME": '"Ode Heart, PC"',
    "ASM_CY27_PARTICIPANT": "Y",
    "ASM_CY27_SMALLPRACTICE": "N",
    "ASM_CY28_PARTICIPANT": "",
    "ASM_CY28_SMALLPRACTICE": "",
}


def text_of(*people: Mapping[str, str]) -> list[bytes]:
    """The bytes of a file, line by line; each person given by what differs from PERSON."""
    rows = [list(PERSON), *(list({**PERSON, **person}.values()) for person in people)]
    return [(",".join(row) + "\r\n").encode() for row in rows]


def read(*people: Mapping[str, str], options: ListOptions = OPTIONS) -> list[Reading]:
    return list(read_participants(text_of(*people), "list.csv", {NPI: [NORTH], OTHER: [NORTH, SOUTH]}, options))


def listed(*people: Mapping[str, str], options: ListOptions = OPTIONS) -> list[ParticipantListed]:
    """The events of a file of which nothing is refused."""
    found = []
    for reading in read(*people, options=options):
        assert isinstance(reading, Read)
        assert isinstance(reading.event, ParticipantListed)
        found.append(reading.event)
    return found


def test_a_clinician_is_listed_with_all_that_the_files_say() -> None:
    (reading,) = read({})
    expected = ParticipantListed(
        event_id=reading.event.event_id if isinstance(reading, Read) else "",
        source="cms-participants",
        tin=Tin("640000321"),
        npi=NPI,
        performance_year=2027,
        cohort="HEART_FAILURE",
        eligible=True,
        small_practice=False,
        list=ParticipantList.FINAL,
        list_id="2026-08",
        published_on=date(2026, 8, 15),
        name="Ilse Ode",
        organization="Ode Heart, PC",
        practice_alias="north-heart",
    )
    assert reading == Read(event=expected, time=None, where="list.csv:2")


def test_a_clinician_is_listed_for_each_year_that_names_them_with_its_own_size() -> None:
    years = {"ASM_CY28_PARTICIPANT": "Y", "ASM_CY28_SMALLPRACTICE": "Y"}
    assert [(e.performance_year, e.small_practice) for e in listed(years)] == [(2027, False), (2028, True)]
    assert [e.performance_year for e in listed(years | {"ASM_CY27_PARTICIPANT": "N"})] == [2028]
    assert listed({"ASM_CY27_PARTICIPANT": ""}) == []


@pytest.mark.parametrize("flag", ["Y", "y", "Yes", "TRUE", "1", "x"])
def test_a_yes_is_read_however_it_is_written(flag: str) -> None:
    flags = {"ASM_CY27_PARTICIPANT": flag, "ASM_CY27_SMALLPRACTICE": flag}
    assert [e.small_practice for e in listed(flags)] == [True]


@pytest.mark.parametrize("flag", ["N", "no", "False", "0"])
def test_a_no_is_read_however_it_is_written(flag: str) -> None:
    assert listed({"ASM_CY27_PARTICIPANT": flag}) == []
    assert [e.small_practice for e in listed({"ASM_CY27_SMALLPRACTICE": flag})] == [False]


def test_a_practice_of_which_nothing_is_said_is_not_small() -> None:
    assert [e.small_practice for e in listed({"ASM_CY27_SMALLPRACTICE": ""})] == [False]


@pytest.mark.parametrize("column", ["ASM_CY27_PARTICIPANT", "ASM_CY27_SMALLPRACTICE"])
def test_a_flag_that_is_neither_yes_nor_no_refuses_its_year_only(column: str) -> None:
    first, second = read({column: "maybe", "ASM_CY28_PARTICIPANT": "Y"})
    assert first == Refused(
        reason="MALFORMED_FILE",
        where="list.csv:2",
        detail="participant or small practice of 2027 is neither yes nor no",
    )
    assert isinstance(second, Read)
    assert isinstance(second.event, ParticipantListed)
    assert second.event.performance_year == 2028


@pytest.mark.parametrize(
    ("text", "cohort"),
    [
        ("Heart Failure", "HEART_FAILURE"),
        ("HEART_FAILURE", "HEART_FAILURE"),
        ("Low Back Pain", "LOW_BACK_PAIN"),
        ("low-back  pain", "LOW_BACK_PAIN"),
        ("", ""),
    ],
)
def test_a_cohort_is_the_contract_s_word_for_it(text: str, cohort: str) -> None:
    assert [e.cohort for e in listed({"ASM_COHORT": text})] == [cohort]


def test_a_clinician_under_several_tins_is_listed_under_each() -> None:
    found = listed({"NPI": OTHER})
    assert [(e.tin, e.practice_alias) for e in found] == [(NORTH.tin, "north-heart"), (SOUTH.tin, None)]
    one_name = {NPI: [NORTH, replace(SOUTH, alias=NORTH.alias)]}
    readings = read_participants(text_of({}), "list.csv", one_name, OPTIONS)
    assert len({r.event.event_id for r in readings if isinstance(r, Read)}) == 2


def test_what_cannot_be_joined_is_refused_and_costs_the_others_nothing() -> None:
    assert [r if isinstance(r, Refused) else r.where for r in read({"NPI": "1730184526"}, {"NPI": ""}, {})] == [
        Refused(reason="MISSING_TIN", where="list.csv:2", detail="no TIN is known for NPI 1730184526"),
        Refused(reason="MISSING_TIN", where="list.csv:3", detail="no NPI"),
        "list.csv:4",
    ]


def test_names_that_are_absent_are_left_out() -> None:
    nobody = {"FIRST_NAME": "", "LAST_NAME": "", "ORGANIZATION_LEGAL_NAME": ""}
    assert [(e.name, e.organization) for e in listed(nobody, {"FIRST_NAME": ""})] == [
        (None, None),
        ("Ode", "Ode Heart, PC"),
    ]


def test_the_same_list_read_twice_is_the_same_events() -> None:
    assert listed({}) == listed({})


@pytest.mark.parametrize(
    ("person", "options"),
    [
        ({"LAST_NAME": "Od"}, OPTIONS),
        ({}, replace(OPTIONS, list_id="2026-11")),
        ({}, replace(OPTIONS, source="other")),
    ],
    ids=["line", "list", "source"],
)
def test_another_line_or_list_is_another_event(person: dict[str, str], options: ListOptions) -> None:
    (first,), (second,) = listed({}), listed(person, options=options)
    assert first.event_id != second.event_id


def test_the_joining_file_tells_the_tins_of_an_npi_and_what_people_call_them() -> None:
    text = [
        b"npi,tin,practice_alias\n",
        b"1730184500,640000321,north-heart\n",
        b"1730184500,640000322,\n",
        b",640000323,x\n",
        b"1730184518,,x\n",
        b"1730184518\n",
    ]
    assert list(read_practices(text, "tins.csv")) == [
        (NPI, NORTH),
        (NPI, SOUTH),
        Refused(reason="MALFORMED_FILE", where="tins.csv:4", detail="NPI or TIN is empty"),
        Refused(reason="MALFORMED_FILE", where="tins.csv:5", detail="NPI or TIN is empty"),
        Refused(reason="MALFORMED_FILE", where="tins.csv:6", detail="1 fields, the header has 3"),
    ]


def test_files_without_the_columns_that_are_needed_are_refused_once() -> None:
    assert list(read_practices([b"npi;tin\n", b"1;2\n"], "tins.csv")) == [
        Refused(
            reason="MISSING_COLUMN",
            where="tins.csv:1",
            detail="no column NPI, TIN in its header, or another delimiter than ','",
        )
    ]
    lines = [line.replace(b"ASM_COHORT", b"COHORT") for line in text_of({}, {})]
    assert list(read_participants(lines, "list.csv", {NPI: [NORTH]}, OPTIONS)) == [
        Refused(
            reason="MISSING_COLUMN",
            where="list.csv:1",
            detail="no column ASM_COHORT in its header, or another delimiter than ','",
        )
    ]


def test_a_malformed_line_costs_the_others_nothing() -> None:
    lines = text_of({}, {}, {})
    lines[2] = b"1730184500,Ilse\r\n"
    found = list(read_participants(lines, "list.csv", {NPI: [NORTH]}, OPTIONS))
    assert [r if isinstance(r, Refused) else r.where for r in found] == [
        "list.csv:2",
        Refused(reason="MALFORMED_FILE", where="list.csv:3", detail="2 fields, the header has 10"),
        "list.csv:4",
    ]
