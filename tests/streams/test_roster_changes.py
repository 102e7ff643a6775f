"""The final list beside the roster that is known: who is removed, new, in another cohort, and what is said of it."""

from pathlib import Path

import pytest

from infra.database.engine import create_tables, open_engine
from processors.events import ParticipantListed, ParticipantRemoved
from processors.identity import Npi
from schemas.cloudevents import parse_event
from schemas.codec import decode, encode
from streams.admission import Rules
from streams.in_process import InProcess
from streams.projection import write_rows
from tests.making import NPI, OTHER_NPI, TIN, at, listed
from tests.streams.driver import LAW
from tests.streams.test_commands import DONE, REFUSED, USAGE, Asm, asm

__all__ = ["asm"]
THIRD, FOURTH, FIFTH = (Npi(npi) for npi in ("1003000001", "1003000019", "1003000027"))
HEAD = "NPI,LAST_NAME,ASM_COHORT,ASM_CY27_PARTICIPANT,ASM_CY27_SMALLPRACTICE\n"
COMMAND = ("ingest", "participants", "final.csv", "--tins", "tins.csv", "--final")
OUT = ("--out", "out.jsonl")


def roster() -> None:
    """A view of four clinicians on the preliminary list, and the files of the final one."""
    system = InProcess(LAW, Rules(partitions=1, accept_test_identifiers=True))
    for number, npi in enumerate((NPI, OTHER_NPI, THIRD, FOURTH)):
        event = listed(event_id=f"l{number}", npi=npi, name=f"Dr {number}", practice_alias="north")
        assert system.send(event, at("2026-08-01")) is None
    system.play_ticks(at("2026-09-01"))
    engine = open_engine(f"sqlite:///{Path('asm-streams.db').absolute()}")
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, [decode(encode(output)) for output in system.outputs])
    engine.dispose()
    Path("final.csv").write_text(
        f"{HEAD}{NPI},Ode,Heart Failure,Yes,No\n{THIRD},Mo,Low Back Pain,Yes,No\n"
        f"{FOURTH},Ny,Heart Failure,Perhaps,No\n{FIFTH},New,Heart Failure,Yes,No\n"
    )
    joined = "".join(f"{npi},{TIN.digits},north\n" for npi in (NPI, OTHER_NPI, THIRD, FOURTH, FIFTH))
    Path("tins.csv").write_text(f"npi,tin,practice_alias\n{joined}")


def said() -> list[object]:
    return [parse_event(line).event for line in Path("out.jsonl").read_bytes().splitlines()]


def test_the_final_list_is_compared_with_the_roster_and_whose_line_is_refused_is_not_taken_for_removed(
    asm: Asm,
) -> None:
    roster()
    ran = asm(*COMMAND, "--dry-run", ASM_TEST_IDENTIFIERS="accept")
    assert ran.code == REFUSED
    assert "The list beside the roster: 4 changed, 1 unchanged" in ran.out
    table = [[cell.strip() for cell in line.split("│")[1:-1]] for line in ran.out.splitlines() if "│ 2027" in line]
    assert table == [
        ["removed", "2027", "north", "Dr 1", OTHER_NPI],
        ["new on this list", "2027", "north", "New", FIFTH],
        ["other cohort", "2027", "north", "Mo", THIRD],
        ["refused line", "2027", "north", "Dr 3", FOURTH],
    ]


@pytest.mark.parametrize("remove", [False, True])
def test_who_is_not_on_the_final_list_is_said_to_be_removed_only_where_that_is_asked_for(
    asm: Asm, *, remove: bool
) -> None:
    roster()
    asm(*COMMAND, *OUT, *(["--remove"] if remove else []), "--list-id", "F27", ASM_TEST_IDENTIFIERS="accept")
    found = said()
    assert sorted(e.npi for e in found if isinstance(e, ParticipantListed)) == sorted([NPI, THIRD, FIFTH])
    gone = [(e.npi, e.list_id, e.reason) for e in found if isinstance(e, ParticipantRemoved)]
    assert gone == ([(OTHER_NPI, "F27", "NOT_ON_FINAL_LIST")] if remove else [])


def test_the_same_removal_has_the_same_id_each_time(asm: Asm) -> None:
    roster()
    told = []
    for _ in range(2):
        asm(*COMMAND, *OUT, "--remove", ASM_TEST_IDENTIFIERS="accept")
        told.append([e.event_id for e in said() if isinstance(e, ParticipantRemoved)])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--list", "PRELIMINARY"), "contradict each other"),
        ((), ""),
    ],
)
def test_final_and_preliminary_contradict_each_other(asm: Asm, options: tuple[str, ...], words: str) -> None:
    roster()
    ran = asm(*COMMAND, *options, "--dry-run", ASM_TEST_IDENTIFIERS="accept")
    assert (ran.code == USAGE, words in ran.err) == (bool(options), True)


def test_removals_are_said_of_a_final_list_only(asm: Asm) -> None:
    roster()
    ran = asm(*COMMAND[:-1], "--remove")
    assert (ran.code, "--remove goes with --final" in ran.words) == (USAGE, True)


def test_a_whole_list_that_changes_nothing_says_so(asm: Asm) -> None:
    roster()
    lines = "".join(f"{npi},Ode,Heart Failure,Yes,No\n" for npi in (NPI, OTHER_NPI, THIRD, FOURTH))
    Path("final.csv").write_text(HEAD + lines)
    ran = asm(*COMMAND, "--dry-run", ASM_TEST_IDENTIFIERS="accept")
    assert (ran.code, "0 changed, 4 unchanged" in ran.out) == (DONE, True)
