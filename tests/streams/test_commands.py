"""The command line on files and on a database: what it prints, what it writes, how it ends. No broker runs."""

import dataclasses
import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.database.engine import create_tables, open_engine
from infra.kafka.java import WAYS
from infra.rulebooks import DEFAULT_VINTAGE
from processors.events import Event
from processors.identity import Tin
from processors.outputs import Envelope, FindingChanged, ObligationChanged, ScoreChanged
from processors.vocabulary import Stage
from schemas.cloudevents import parse_event, render_event
from schemas.codec import decode, encode
from schemas.intake.qpp import Proof, read_qpp
from schemas.intake.reading import Reading
from schemas.records import AlertAcknowledged
from streams.admission import Rules
from streams.commands import main
from streams.feeding import FileFeed
from streams.in_process import InProcess
from streams.projection import write_rows
from tests.making import (
    AFTER,
    DUE,
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    TIN,
    TOKEN,
    YEAR,
    admissions,
    at,
    attested,
    claim,
    cost,
    listed,
    pi_set,
    quality,
    receipt,
    result,
    row,
    rulebook,
)
from tests.streams.driver import LAW

MBI = "1EG4TE5MK73"
DONE, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 3
#: One clinician's roster, evidence and results, each event with its receipt.
WORLD: tuple[tuple[str, Event], ...] = (
    (
        "2026-08-20T12:00:00+00:00",
        listed(event_id="l1", name="Ilse Ode", practice_alias="north", organization="Ode PC"),
    ),
    ("2027-06-01T12:00:00+00:00", claim(event_id="c1")),
    ("2028-02-01T15:00:00+00:00", quality(event_id="q1", stage=Stage.SENT)),
    ("2028-02-02T15:00:00+00:00", receipt(event_id="r1", receipted_at=at("2028-02-02T15:00:00+00:00"))),
    ("2028-02-03T15:00:00+00:00", pi_set(event_id="p1")),
    ("2028-02-04T15:00:00+00:00", attested(event_id="a1")),
    ("2028-08-01T12:00:00+00:00", result(event_id="d1", cost_measure=cost(), claims_measure=admissions())),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """All that it said on standard error, without the frames and line ends of a terminal."""
        return re.sub(r"[\s│╭╮╰╯─]+", " ", self.err)

    @property
    def documents(self) -> list[Any]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def account(self) -> list[tuple[str, ...]]:
        """The rows of the closing account."""
        cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in self.out.splitlines() if "│" in line]
        return [tuple(cell for cell in found if cell) for found in cells]


Asm = Callable[..., Ran]


@pytest.fixture
def asm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Asm:
    """The command line in this process, in an empty folder, with no settings but those that a test gives."""
    for name in [name for name in os.environ if name.upper().startswith("ASM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, stdin: str = "", **settings: str) -> Ran:
        with monkeypatch.context() as during:
            during.setattr(sys, "argv", ["asm", *map(str, arguments)])
            during.setattr(sys, "stdin", io.StringIO(stdin))
            for name, value in settings.items():
                during.setenv(name, value)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capsys.readouterr()
        return Ran(code=int(ended.value.code or 0), out=printed.out, err=printed.err)

    return run


def lines_of(world: Sequence[tuple[str, Event]] = WORLD) -> list[bytes]:
    return [render_event(event, at(time)) for time, event in world]


def file_of(name: str, lines: Sequence[bytes]) -> Path:
    path = Path(name)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


# asm assess


def test_assess_prints_one_object_a_participant_and_year_in_the_contract_s_shape(asm: Asm) -> None:
    ran = asm("assess", file_of("w.jsonl", lines_of()), "--json")
    (document,) = ran.documents
    assert (ran.code, ran.words.strip()) == (
        DONE,
        "7 events read, 0 refused, 0 left out at or after 2028-08-01T12:00:00.001000+00:00.",
    )
    assert {name: value for name, value in document.items() if name not in {"score", "obligations", "findings"}} == {
        "tin": TIN.digits,
        "npi": NPI,
        "performance_year": YEAR,
        "cohort": "HEART_FAILURE",
        "as_of": "2028-08-01T12:00:00.001000Z",
        "rulebook": rulebook().digest,
    }
    score = {f.name for f in fields(ScoreChanged)} - ENVELOPE
    obligation = {f.name for f in fields(ObligationChanged)} - ENVELOPE
    assert set(document["score"]) <= score
    assert {"final_score", "prepared_score", "tree", "standing", "estimate"} <= set(document["score"])
    assert all(set(owed) <= obligation for owed in document["obligations"])
    assert isinstance(document["score"]["final_score"], int | float)
    assert {owed["item"] for owed in document["obligations"]} >= {"236", "ASM_IA_1", "PROMOTING_INTEROPERABILITY"}
    assert document["findings"] == []


ENVELOPE = {"emitted_id", "revision", *(f.name for f in fields(Envelope))}


def test_any_order_files_and_repeats_of_the_same_events_print_the_same(asm: Asm) -> None:
    world = [*WORLD, ("2028-02-05T15:00:00+00:00", quality(row("999"), event_id="q9", submission_id="s9"))]
    expected = asm("assess", file_of("w.jsonl", lines_of(world)), "--json").out
    assert json.loads(expected)["findings"] != []
    lines = lines_of(world)
    for other in (lines[::-1], [*lines[3:], *lines[:3]], [*lines, *lines[::2]], [lines[4], *lines[::-1], *lines]):
        files = (file_of("a.jsonl", other[:5]), file_of("b.jsonl", other[5:]))
        assert asm("assess", *files, "--json").out == expected


def test_what_is_absent_is_left_out_and_no_null_is_printed(asm: Asm) -> None:
    ran = asm("assess", file_of("w.jsonl", lines_of(WORLD[:1])), "--json")
    assert "null" not in ran.out
    assert "npi" not in next(o for o in ran.documents[0]["obligations"] if o["item"] == "ASM_IA_1")


def test_a_practice_s_own_obligations_are_repeated_under_each_of_its_participants(asm: Asm) -> None:
    second = listed(event_id="l2", npi=OTHER_NPI)
    ran = asm("assess", file_of("w.jsonl", lines_of([WORLD[0], ("2026-08-20T13:00:00+00:00", second)])), "--json")
    assert [document["npi"] for document in ran.documents] == sorted([NPI, OTHER_NPI])
    own = [[o for o in document["obligations"] if "npi" not in o] for document in ran.documents]
    assert own[0] == own[1]
    assert [{o.get("npi") for o in d["obligations"]} - {None} for d in ran.documents] == [
        {d["npi"]} for d in ran.documents
    ]


def test_events_at_or_after_as_of_are_left_out_and_counted(asm: Asm) -> None:
    path = file_of("w.jsonl", lines_of())
    ran = asm("assess", path, "--json", "--as-of", "2028-02-02T10:00:00-05:00")
    early = asm("assess", file_of("e.jsonl", lines_of(WORLD[:3])), "--json", "--as-of", "2028-02-02T15:00:00Z")
    assert ran.out == early.out
    assert (ran.code, ran.words.strip()) == (
        DONE,
        "7 events read, 0 refused, 4 left out at or after 2028-02-02T15:00:00+00:00.",
    )
    assert [o["status"] for o in ran.documents[0]["obligations"] if o["item"] == "236"] == ["SENT"]
    just_after = asm("assess", path, "--json", "--as-of", "2028-02-02T15:00:00.001Z")
    assert [o["status"] for o in just_after.documents[0]["obligations"] if o["item"] == "236"] == ["MET"]


@pytest.mark.parametrize("instant", ["2028-02-02", "2028-02-02T15:00:00", "soon"])
def test_an_instant_without_its_offset_is_a_usage_error(instant: str, asm: Asm) -> None:
    ran = asm("assess", file_of("w.jsonl", lines_of()), "--as-of", instant)
    assert (ran.code, ran.out) == (USAGE, "")
    assert repr(instant) in ran.words


def test_a_finding_ends_with_0_and_is_told_with_its_event(asm: Asm) -> None:
    wrong = quality(row("999"), event_id="q9", submission_id="s9")
    ran = asm("assess", file_of("w.jsonl", lines_of([*WORLD[:2], ("2028-02-01T15:00:00+00:00", wrong)])), "--json")
    assert ran.code == DONE
    (document,) = ran.documents
    assert [(f["code"], f["event"]["event_id"]) for f in document["findings"]] == [("UNKNOWN_MEASURE", "q9")]
    assert {name for finding in document["findings"] for name in finding} <= {f.name for f in fields(FindingChanged)}
    assert re.search(r"^asm: finding UNKNOWN_MEASURE q9 \(registry [^)]+\): .+\.$", ran.err, re.MULTILINE)


def test_a_finding_about_nobody_on_the_roster_goes_to_standard_error_only(asm: Asm) -> None:
    ran = asm("assess", file_of("w.jsonl", lines_of(WORLD[2:3])), "--json")
    assert (ran.code, ran.out) == (DONE, "")
    assert "asm: finding NOT_ON_ROSTER q1 " in ran.err


def test_what_is_refused_ends_with_1_is_told_with_its_place_and_costs_the_others_nothing(asm: Asm) -> None:
    bad = [
        b"?",
        render_event(quality(event_id="x1", npi="1112223334"), IN_WINDOW),
        render_event(quality(row(eligible_population=1), event_id="x2"), IN_WINDOW),
        render_event(result(event_id="x3", part_b_paid_cents=10**22), IN_WINDOW),
    ]
    ran = asm("assess", file_of("w.jsonl", [*bad, *lines_of()]), "--json")
    assert ran.code == REFUSED
    assert ran.out == asm("assess", file_of("good.jsonl", lines_of()), "--json").out
    assert ran.err.splitlines() == [
        "asm: refused MALFORMED_EVENT  (w.jsonl:1): not JSON: JSON is malformed: invalid character (byte 0)",
        "asm: refused MALFORMED_EVENT x3 (w.jsonl:4): does not fit its schema (ValueError)",
        "asm: refused MALFORMED_NPI x1 (w.jsonl:2): npi: not ten digits of an NPI with a valid check digit",
        "asm: refused IMPOSSIBLE_COUNTS x2 (w.jsonl:3): measurements[236]: counts that cannot be",
        "11 events read, 4 refused, 0 left out at or after 2028-08-01T12:00:00.001000+00:00.",
    ]


def test_test_identifiers_are_let_in_only_where_the_settings_say_so(asm: Asm) -> None:
    path = file_of("w.jsonl", [render_event(listed(event_id="l1", npi="9876543210"), IN_WINDOW)])
    assert asm("assess", path, "--json").code == REFUSED
    ran = asm("assess", path, "--json", ASM_TEST_IDENTIFIERS="accept")
    assert (ran.code, [d["npi"] for d in ran.documents]) == (DONE, ["9876543210"])


def test_tables_show_a_tin_masked_and_say_that_they_are_an_estimate(asm: Asm) -> None:
    ran = asm("assess", file_of("w.jsonl", lines_of()))
    assert ran.code == DONE
    assert TIN.digits not in ran.out + ran.err
    assert TOKEN not in ran.out + ran.err
    assert f"TIN *******89 · performance year {YEAR}" in ran.out
    assert f"{NPI}" in ran.out
    assert "An estimate by asm-streams, not a determination by CMS." in ran.out


def test_unknown_fields_are_noted_once_a_file(asm: Asm) -> None:
    plain = json.loads(lines_of()[0])
    plain["data"]["zodiac"] = "Leo"
    path = file_of("w.jsonl", [json.dumps(plain).encode()] * 2)
    assert asm("assess", path, "--json").err.splitlines() == [
        "asm: w.jsonl:1: fields that the contract does not know are ignored: zodiac",
        "2 events read, 0 refused, 0 left out at or after 2026-08-20T12:00:00.001000+00:00.",
    ]


def test_files_that_are_not_there_are_a_usage_error(asm: Asm) -> None:
    assert asm("assess", "nowhere.jsonl").code == USAGE
    assert asm("assess").code == USAGE


# asm ingest


def qpp_document(**given: Any) -> dict[str, Any]:
    rate = {"eligiblePopulation": 100, "performanceMet": 70, "performanceNotMet": 30}
    dates = {"performanceStart": f"{YEAR}-01-01", "performanceEnd": f"{YEAR}-12-31"}
    measures = {
        "category": "quality",
        "submissionMethod": "registry",
        "measurements": [{"measureId": "236", "value": rate}],
    }
    activities = {"category": "ia", "measurements": [{"measureId": "ASM_IA_1", "value": True}]}
    whose = {"taxpayerIdentificationNumber": TIN.digits, "nationalProviderIdentifier": NPI, "performanceYear": YEAR}
    return whose | {"measurementSets": [measures | dates, activities | dates]} | given


def qpp_file(*documents: dict[str, Any]) -> Path:
    path = Path("s.json")
    path.write_text(json.dumps(documents or [qpp_document()]))
    return path


RIF = {
    "BENE_ID": "-7701",
    "CLM_ID": "-500",
    "CLM_GRP_ID": "-600",
    "FINAL_ACTION": "F",
    "CLM_FROM_DT": "03-May-2027",
    "CLM_THRU_DT": "03-May-2027",
    "NCH_WKLY_PROC_DT": "14-May-2027",
    "LINE_NUM": "1",
    "TAX_NUM": TIN.digits,
    "LINE_1ST_EXPNS_DT": "03-May-2027",
}
KEY = {"ASM_TOKEN_KEY": "a key of a test"}


def rif_file(**columns: str) -> Path:
    values = RIF | columns
    Path("c.csv").write_text("|".join(values) + "\n" + "|".join(values.values()) + "\n")
    Path("b.csv").write_text(f"BENE_ID|MBI_NUM\n-7701|{MBI}\n")
    return Path("c.csv")


def written(path: str = "out.jsonl") -> list[Event]:
    return [parse_event(line).event for line in Path(path).read_bytes().splitlines()]


def test_a_dry_run_checks_everything_accounts_for_it_and_writes_nothing(asm: Asm) -> None:
    path = qpp_file()
    ran = asm("ingest", "qpp", path, "--dry-run")
    assert (ran.code, ran.account) == (
        DONE,
        [("read", "2"), ("checked", "AttestationReceived", "1"), ("checked", "SubmissionReceived", "1")],
    )
    assert f"asm: s.json, set 2 (ia): the activities of NPI {NPI} go to the TIN" in ran.err
    assert list(Path().iterdir()) == [path]


def test_what_is_read_is_written_into_a_file_that_only_its_owner_can_read(asm: Asm) -> None:
    ran = asm("ingest", "qpp", qpp_file(), "--out", "out.jsonl")
    assert (ran.code, ran.account) == (
        DONE,
        [
            ("read", "2"),
            ("written to out.jsonl", "AttestationReceived", "1"),
            ("written to out.jsonl", "SubmissionReceived", "1"),
        ],
    )
    assert [(type(e).__name__, e.tin, getattr(e, "stage", None)) for e in written()] == [
        ("SubmissionReceived", TIN, Stage.PREPARED),
        ("AttestationReceived", TIN, Stage.PREPARED),
    ]
    assert stat.S_IMODE(Path("out.jsonl").stat().st_mode) == 0o600
    assert sorted(path.name for path in Path().iterdir()) == ["out.jsonl", "s.json"]


def test_what_was_written_is_what_assess_and_ingest_read(asm: Asm) -> None:
    asm("ingest", "qpp", qpp_file(), "--out", "out.jsonl")
    again = asm("ingest", "events", "out.jsonl", "--out", "again.jsonl")
    assert (again.code, written("again.jsonl")) == (DONE, written())
    ran = asm(
        "assess", file_of("l.jsonl", lines_of(WORLD[:1])), "out.jsonl", "--json", "--as-of", "2100-01-01T00:00:00Z"
    )
    (owed,) = [o for o in ran.documents[0]["obligations"] if o["item"] == "ASM_IA_1"]
    assert owed["status"] == "MISSED"


def test_what_is_refused_is_accounted_for_and_not_written(asm: Asm) -> None:
    wrong = qpp_document(nationalProviderIdentifier="1112223334")
    ran = asm("ingest", "qpp", qpp_file(wrong, qpp_document(), {}, {}), "--out", "out.jsonl")
    assert ran.code == REFUSED
    assert sorted(ran.account) == sorted(
        [
            ("read", "6"),
            ("written to out.jsonl", "AttestationReceived", "2"),
            ("written to out.jsonl", "SubmissionReceived", "1"),
            ("refused", "NOT_SUBMISSION", "2"),
            ("refused", "MALFORMED_NPI", "1"),
        ]
    )
    assert [getattr(e, "npi", None) for e in written()] == [None, NPI, None]
    assert "asm: refused MALFORMED_NPI (s.json, submission 1, set 1 (quality)): npi: not ten digits" in ran.err


def test_of_many_refusals_the_first_are_told_and_the_rest_counted(asm: Asm) -> None:
    ran = asm("ingest", "qpp", qpp_file(*[{}] * 23), "--dry-run")
    assert (ran.code, ran.account) == (REFUSED, [("read", "23"), ("refused", "NOT_SUBMISSION", "23")])
    assert (ran.err.count("asm: refused "), "asm: and 3 more refused" in ran.err) == (20, True)


def test_a_file_that_cannot_be_read_to_its_end_puts_nothing_in_its_place(
    asm: Asm, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NotedFeed(FileFeed):
        """A feed that stays at hand."""

        def __init__(self, path: Path) -> None:
            super().__init__(path)
            feeds.append(self)

    def broken(text: bytes, name: str, source: str, proof: Proof) -> Iterator[Reading]:
        yield from read_qpp(text, name, source, proof)
        raise OSError("the disk")

    feeds: list[NotedFeed] = []
    monkeypatch.setattr("streams.feeding.FileFeed", NotedFeed)
    monkeypatch.setattr("streams.commands.ingest.read_qpp", broken)
    with pytest.raises(OSError, match="the disk"):
        asm("ingest", "qpp", qpp_file(), "--out", "out.jsonl")
    assert not Path("out.jsonl").exists()
    for feed in feeds:
        feed._stream.close()


@pytest.mark.parametrize("command", [("ingest", "qpp", "s.json"), ("simulate", "--clinicians", "3")])
def test_a_folder_that_is_not_there_is_a_usage_error(command: Sequence[str], asm: Asm) -> None:
    qpp_file()
    ran = asm(*command, "--out", "nowhere/out.jsonl")
    assert (ran.code, "there is no folder nowhere" in ran.words) == (USAGE, True)


RECEIPT = ("--confirmation", "CMS-7", "--receipted-at", "2028-03-01T10:00:00Z")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--stage", "RECEIPTED"), "RECEIPTED needs --confirmation and --receipted-at"),
        (("--stage", "RECEIPTED", *RECEIPT[:2]), "RECEIPTED needs --confirmation and --receipted-at"),
        (("--stage", "RECEIPTED", *RECEIPT[2:]), "RECEIPTED needs --confirmation and --receipted-at"),
        (RECEIPT, "go with --stage RECEIPTED"),
        (("--stage", "SENT", *RECEIPT[:2]), "go with --stage RECEIPTED"),
        (("--stage", "UNKNOWN"), "the stage is PREPARED, SENT or RECEIPTED"),
        (("--stage", "RECEIPTED", *RECEIPT[:3], "2028-03-01"), "has no offset from UTC"),
    ],
)
def test_a_stage_without_its_proof_or_proof_without_its_stage_is_a_usage_error(
    options: Sequence[str], said: str, asm: Asm
) -> None:
    ran = asm("ingest", "qpp", qpp_file(), "--out", "out.jsonl", *options)
    assert (ran.code, said in ran.words, Path("out.jsonl").exists()) == (USAGE, True, False)


def test_proof_goes_into_every_event(asm: Asm) -> None:
    assert asm("ingest", "qpp", qpp_file(), "--out", "out.jsonl", "--stage", "RECEIPTED", *RECEIPT).code == DONE
    assert [tuple(getattr(e, name) for name in ("stage", "confirmation", "receipted_at")) for e in written()] == [
        (Stage.RECEIPTED, "CMS-7", at("2028-03-01T10:00:00+00:00"))
    ] * 2


def test_claims_are_not_read_without_the_key_of_the_tokens(asm: Asm) -> None:
    ran = asm("ingest", "rif", rif_file(), "--out", "out.jsonl")
    assert (ran.code, "ASM_TOKEN_KEY is not set" in ran.words, Path("out.jsonl").exists()) == (USAGE, True, False)


def test_no_identifier_of_a_beneficiary_leaves_in_clear(asm: Asm) -> None:
    path = rif_file()
    ran = asm("ingest", "rif", path, "--beneficiaries", "b.csv", "--out", "out.jsonl", **KEY)
    assert (ran.code, ran.account) == (DONE, [("read", "1"), ("written to out.jsonl", "ClaimReceived", "1")])
    said = Path("out.jsonl").read_text() + ran.out + ran.err
    assert [word for word in (MBI, "-7701", KEY["ASM_TOKEN_KEY"]) if word in said] == []
    known = [getattr(e, "beneficiary", "") for e in written()]
    asm("ingest", "rif", path, "--out", "out.jsonl", **KEY)
    unknown = [getattr(e, "beneficiary", "") for e in written()]
    asm("ingest", "rif", path, "--out", "out.jsonl", **{**KEY, "ASM_TOKEN_KEY_VERSION": "2"})
    other = [getattr(e, "beneficiary", "") for e in written()]
    assert [token[:3] for token in (*known, *unknown, *other)] == ["b1_", "b1_", "b2_"]
    assert known != unknown


def test_claims_without_a_tin_are_refused_unless_a_practice_is_named(asm: Asm) -> None:
    path = rif_file(TAX_NUM="")
    ran = asm("ingest", "rif", path, "--out", "out.jsonl", **KEY)
    assert (ran.code, ran.account) == (REFUSED, [("read", "1"), ("refused", "MISSING_TIN", "1")])
    fill(Path("asm-streams.db"))
    named = asm("ingest", "rif", path, "--practice", "north", "--out", "out.jsonl", **KEY)
    assert (named.code, [e.tin for e in written()]) == (DONE, [TIN])
    unknown = asm("ingest", "rif", path, "--practice", "south", "--dry-run", **KEY)
    assert (unknown.code, "'south' is the alias of no practices on the roster" in unknown.words) == (USAGE, True)


def test_a_roster_is_joined_to_its_tins(asm: Asm) -> None:
    Path("p.csv").write_text(
        "NPI,LAST_NAME,ASM_COHORT,ASM_CY27_PARTICIPANT,ASM_CY27_SMALLPRACTICE\n"
        f"{NPI},Ode,Heart Failure,Y,N\n{OTHER_NPI},Ny,Heart Failure,Y,N\n"
    )
    Path("t.csv").write_text(f"npi,tin,practice_alias\n{NPI},{TIN.digits},north\n,{TIN.digits},x\n")
    command = ("ingest", "participants", "p.csv", "--tins", "t.csv", "--list", "PRELIMINARY", "--out", "out.jsonl")
    ran = asm(*command, "--published-on", "2026-08-15")
    assert (ran.code, ran.account[:2], sorted(ran.account[2:])) == (
        REFUSED,
        [("read", "3"), ("written to out.jsonl", "ParticipantListed", "1")],
        [("refused", "MALFORMED_FILE", "1"), ("refused", "MISSING_TIN", "1")],
    )
    names = ("npi", "tin", "performance_year", "list", "practice_alias", "published_on")
    assert [tuple(str(getattr(event, name)) for name in names) for event in written()] == [
        (NPI, "*******89", "2027", "PRELIMINARY", "north", "2026-08-15")
    ]
    first = written()
    Path("p.csv").write_text(Path("p.csv").read_text().replace("Ny", "Nyx"))
    asm(*command, "--published-on", "2026-08-15")
    assert [e.event_id for e in written()] != [e.event_id for e in first]


def test_without_a_broker_nothing_is_sent_and_the_ways_to_one_are_told(asm: Asm) -> None:
    ran = asm("ingest", "qpp", qpp_file())
    assert (ran.code, ran.out) == (UNAVAILABLE, "")
    assert ran.err == f"asm: No broker: none runs from .kafka, and ASM_KAFKA_BOOTSTRAP is not set. {WAYS}\n"
    assert all(way in WAYS for way in ("asm broker up", "ASM_KAFKA_BOOTSTRAP", "docker compose up"))


def test_the_program_as_a_process_ends_as_its_commands_do(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASM_")}
    (tmp_path / "w.jsonl").write_bytes(lines_of()[0])
    ran = subprocess.run(
        [sys.executable, "-m", "streams", "ingest", "events", "w.jsonl"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.startswith("asm: No broker: ")) == (UNAVAILABLE, "", True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASM_LOG_LEVEL", "loud", "asm: ASM_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'\n"),
        ("ASM_VINTAGE", "cy1", f"asm: there is no vintage 'cy1'; there are {DEFAULT_VINTAGE}\n"),
    ],
)
def test_settings_that_cannot_be_are_a_usage_error_in_one_sentence(name: str, value: str, said: str, asm: Asm) -> None:
    ran = asm("assess", file_of("w.jsonl", lines_of()), **{name: value})
    assert (ran.code, ran.out, ran.err) == (USAGE, "", said)


# asm status, asm missing


def fill(path: Path, until: datetime = AFTER, more: Sequence[tuple[str, Event]] = ()) -> None:
    """Make a database of what is said of one clinician who reports one measure, and a wrong one."""
    system = InProcess(LAW, Rules(partitions=1))
    wrong = quality(row("999"), event_id="q2", submission_id="s2")
    events = ((WORLD[0][0], WORLD[0][1]), ("2028-02-01", quality(event_id="q1")), ("2028-02-02", wrong))
    for time, event in (*events, *more):
        assert system.send(event, at(time)) is None
    system.play_ticks(until)
    engine = open_engine(f"sqlite:///{path.absolute()}")
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, [decode(encode(output)) for output in system.outputs])
    engine.dispose()


SIMULATED = {"ASM_CLOCK": "events"}


@pytest.mark.parametrize("who", [NPI, "north"])
def test_status_shows_a_clinician_with_every_point_and_what_is_wrong(who: str, asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    ran = asm("status", who, **SIMULATED)
    assert (ran.code, ran.err) == (DONE, "")
    assert ran.out.startswith(f"Ode PC (north) · performance year {YEAR}\nDue 2028-03-31 20:00 EDT: 0.0 days ago")
    assert [
        word
        for word in (NPI, "Ilse Ode", "UNKNOWN_MEASURE", "Improvement activities -20.00", "MISSED")
        if word not in ran.out
    ] == []
    assert TIN.digits not in ran.out


def test_status_shows_a_clinician_under_two_tins_under_each(asm: Asm) -> None:
    there = {"tin": Tin("987654321"), "name": "Ilse Ode", "organization": "Other PC", "practice_alias": "south"}
    fill(Path("asm-streams.db"), more=[("2028-02-03", listed(event_id="l9", **there))])
    shown = asm("status", NPI, **SIMULATED).out
    headings = [line for line in shown.splitlines() if f"performance year {YEAR}" in line]
    assert headings == [f"{name} · performance year {YEAR}" for name in ("Ode PC (north)", "Other PC (south)")]
    here, _, other = shown.partition(headings[1])
    assert [text.count("Final score") for text in (here, other)] == [1, 1]
    assert [text.count("MET") for text in (here, other)] == [1, 0]
    assert [asm("status", alias, **SIMULATED).out.count("performance year") for alias in ("north", "south")] == [1, 1]


def test_status_reads_a_tin_from_standard_input(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    ran = asm("status", "-", "--json", stdin=f"{TIN.digits}\n")
    assert (ran.code, ran.err) == (DONE, "")
    assert ran.out == asm("status", NPI, "--json").out


def test_status_prints_one_document_with_the_tin_masked(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    ran = asm("status", NPI, "--json")
    (document,) = ran.documents
    assert {name: len(value) if isinstance(value, list) else value for name, value in document.items()} == {
        "performance_year": YEAR,
        "scores": 1,
        "obligations": len(document["obligations"]),
        "findings": 1,
        "exposure": 2,
    }
    assert {part["tin"] for kind in ("scores", "obligations", "findings") for part in document[kind]} == {"*******89"}
    assert [word for word in (TIN.digits, "emitted_id", "null") if word in ran.out] == []
    assert [(f["code"], f["event_id"]) for f in document["findings"]] == [("UNKNOWN_MEASURE", "q2")]
    assert [o["status"] for o in document["obligations"] if o["item"] == "236"] == ["MET"]


def test_explain_tells_each_change_of_a_score_with_its_cause_and_the_parts_it_moved(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    ((told,),) = asm("explain", NPI, "--json").documents
    changes = [(c["revision"], c["cause"]["type"], [m["code"] for m in c["moved"]]) for c in told["changes"]]
    assert changes == [
        (1, "ParticipantListed", []),
        (2, "SubmissionReceived", ["quality", "236", "complex_patients"]),
        (3, "ClockTicked", []),
    ]
    assert (told["changes"][1]["cause"]["event_id"], told["npi"], told["tin"]) == ("q1", NPI, "*******89")
    shown = asm("explain", NPI).out
    assert [
        w for w in ("How it came to this", "eligible_population 100", "PEERS_HIGH", "Ilse Ode") if w not in shown
    ] == []


def test_next_ranks_what_is_left_by_cliff_points_and_time(asm: Asm) -> None:
    fill(Path("asm-streams.db"), until=at("2028-03-20"))
    (ranked,) = asm("next", NPI, "--json", **SIMULATED).documents
    items = ["005", "008", "377", "ASM_IA_1", "ASM_IA_2", "PROMOTING_INTEROPERABILITY"]
    checklist = sorted(row.item_id for row in LAW.rulebooks[YEAR].compliance.readiness)
    assert [(row["item"], row["points_at_stake"]) for row in ranked] == [
        *((item, 10) for item in items),
        *((item, 0) for item in checklist),
    ]
    scored = ranked[: len(items)]
    assert {row["next_milestone"] for row in scored} == {"DUE"}
    assert {row["days_left"] for row in scored} == {14}
    (board,) = asm("missing", "--json", **SIMULATED).documents
    told = {row["item"]: row["sentence"] for row in board["missing"]}
    assert {row["item"]: row["sentence"] for row in ranked} == told
    assert told["005"] == (
        f"Ilse Ode, NPI {NPI}, Ode PC (north): Measure 005: ACE inhibitor, ARB or ARNI therapy for LVSD is not "
        "submitted. 10 points at stake for 1 clinician; 14 days left. "
        "Report it, and have it receipted before the deadline."
    )
    assert asm("next", NPI, **SIMULATED).out.startswith("What to do first")


def test_after_the_deadline_nothing_is_left_to_do(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    assert asm("next", NPI, "--json", **SIMULATED).documents == [[]]
    assert asm("next", NPI, **SIMULATED).out.startswith("Nothing is left to do.")


def test_brackets_in_names_are_shown_as_they_are(asm: Asm) -> None:
    system = InProcess(LAW, Rules(partitions=1))
    assert (
        system.send(listed(name="Ada [/] [red]Ny", organization="[/b] :heart:", practice_alias="n"), IN_WINDOW) is None
    )
    system.play_ticks(AFTER)
    engine = open_engine("sqlite:///asm-streams.db")
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, [decode(encode(output)) for output in system.outputs])
    engine.dispose()
    assert "Ada [/] [red]Ny" in asm("missing", **SIMULATED).out
    assert asm("status", NPI, **SIMULATED).out.startswith("[/b] :heart: (n)")
    assert asm("explain", NPI).out.startswith("Ada [/] [red]Ny (NPI")


def test_a_cohort_or_a_span_that_cannot_be_is_a_usage_error(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    ran = asm("missing", "--cohort", "heart_failure")
    assert (ran.code, "HEART_FAILURE, LOW_BACK_PAIN" in ran.err) == (USAGE, True)
    assert asm("missing", "--within", "99999999999").code == USAGE


def test_a_file_that_is_no_database_is_told(asm: Asm) -> None:
    Path("asm-streams.db").write_text("this is a letter, not a database; " * 50)
    ran = asm("missing")
    assert (ran.code, "does not answer" in ran.err, "Traceback" in ran.err) == (UNAVAILABLE, True, False)


def test_an_empty_token_key_is_none(asm: Asm) -> None:
    Path("c.csv").write_text("BENE_ID|CLM_ID\n")
    ran = asm("ingest", "rif", "c.csv", "--dry-run", ASM_TOKEN_KEY="")
    assert (ran.code, "ASM_TOKEN_KEY is not set" in ran.err) == (USAGE, True)


def test_instants_at_the_edge_of_the_calendar_cost_nobody_else_anything(asm: Asm) -> None:
    good = lines_of()[0]
    early = good.replace(WORLD[0][0].encode(), b"0001-01-01T00:00:00+14:00", 1)
    path = file_of("w.jsonl", [early.replace(b"Z", b"", 1) if early.count(b"+14:00Z") else early, good])
    assert asm("assess", path).code in {DONE, REFUSED}
    late = render_event(listed(event_id="late"), datetime.max.replace(tzinfo=AFTER.tzinfo))
    assert asm("assess", file_of("l.jsonl", [late])).code == DONE


def test_who_is_not_on_the_roster_is_told_without_a_tin(asm: Asm) -> None:
    fill(Path("asm-streams.db"))
    for arguments, stdin, said in (
        ((OTHER_NPI,), "", f"Nobody on the roster is {OTHER_NPI}."),
        ((NPI, "--year", "2028"), "", f"Nobody on the roster is {NPI} in 2028."),
        (("-",), "987654321\n", "Nobody on the roster is that TIN."),
        (("-",), "", "Nobody on the roster is that TIN."),
    ):
        ran = asm("status", *arguments, stdin=stdin)
        assert (ran.code, ran.out, ran.err) == (REFUSED, "", f"asm: {said}\n")


def test_missing_lists_what_is_not_submitted_with_what_it_costs(asm: Asm) -> None:
    fill(Path("asm-streams.db"), until=at("2028-03-28T00:00:00+00:00"))
    ran = asm("missing", **SIMULATED)
    assert (ran.code, ran.err) == (DONE, "")
    found = asm("missing", "--json", **SIMULATED).documents[0]["missing"]
    due = [m for m in found if "due_at" in m]
    firing = [m for m in due if m["alert"] == "FIRING"]
    assert ran.out.startswith(
        f"{len(due)} items of 1 practices are not submitted; {len(firing)} of them alert. "
        f"{len(found) - len(due)} items without a due date are open (readiness, notices).\nMissing as of 2028-03-"
    )
    assert TIN.digits not in ran.out
    assert ran.out.endswith("An estimate by asm-streams, not a determination by CMS.\n")


def test_missing_prints_one_document_with_the_tin_masked(asm: Asm) -> None:
    fill(Path("asm-streams.db"), until=at("2028-03-28T00:00:00+00:00"))
    (document,) = asm("missing", "--json", **SIMULATED).documents
    assert set(document) == {"as_of", "missing"}
    assert document["as_of"] < DUE.isoformat()
    assert {m["tin"] for m in document["missing"]} == {"*******89"}
    assert {m["item"] for m in document["missing"]} >= {"ASM_IA_1", "ASM_IA_2", "PROMOTING_INTEROPERABILITY"}
    assert "236" not in {m["item"] for m in document["missing"]}
    due = [m.get("due_at") for m in document["missing"]]
    dated = [d for d in due if d is not None]
    assert due == [*sorted(dated), *(None for row in LAW.rulebooks[YEAR].compliance.readiness)]


def test_missing_is_narrowed_by_days_cohort_and_rows(asm: Asm) -> None:
    fill(Path("asm-streams.db"), until=at("2028-03-28T00:00:00+00:00"))
    every = asm("missing", "--json", **SIMULATED).documents[0]["missing"]
    assert asm("missing", "--json", "--within", "30", **SIMULATED).documents[0]["missing"] == [
        m for m in every if "due_at" in m
    ]
    assert asm("missing", "--json", "--within", "1", **SIMULATED).documents[0]["missing"] == []
    assert asm("missing", "--json", "--cohort", "LOW_BACK_PAIN", **SIMULATED).documents[0]["missing"] == []
    assert asm("missing", "--cohort", "LOW_BACK_PAIN", **SIMULATED).out.startswith("Nothing is missing.\n")
    shown = asm("missing", "--limit", "1", **SIMULATED).out
    assert len(every) > 1
    assert shown.count("│ 2028-03-31 20:00 EDT │") == 1
    assert f"… and {len(every) - 1} more (--limit, or --json for all)" in shown


@pytest.mark.parametrize("command", [("status", NPI), ("missing",), ("status", "-")])
def test_without_a_projection_the_way_to_one_is_told(command: Sequence[str], asm: Asm) -> None:
    ran = asm(*command, stdin=TIN.digits)
    assert (ran.code, ran.out) == (UNAVAILABLE, "")
    assert re.fullmatch(r"asm: sqlite:///asm-streams\.db [^\n]+ run `asm project`[^\n]*\.\n", ran.err)
    assert list(Path().iterdir()) == []


def test_an_address_of_no_database_is_told(asm: Asm) -> None:
    ran = asm("missing", ASM_DATABASE_URL="mysql://h/d")
    assert (ran.code, ran.words.startswith("asm: ASM_DATABASE_URL: mysql is not supported")) == (UNAVAILABLE, True)


# asm simulate


def test_the_same_seed_simulates_the_same_bytes_and_another_others(asm: Asm) -> None:
    first, again, other = (asm("simulate", "--clinicians", 3, "--seed", seed) for seed in (7, 7, 8))
    assert (first.code, first.err) == (DONE, "")
    assert first.out == again.out
    assert set(first.out.splitlines()).isdisjoint(other.out.splitlines())


def test_a_simulated_world_is_written_into_a_file_and_its_events_can_be_read(asm: Asm) -> None:
    ran = asm("simulate", "--clinicians", 3, "--seed", 7, "--out", "w.jsonl")
    assert Path("w.jsonl").read_text() == asm("simulate", "--clinicians", 3, "--seed", 7).out
    events = Path("w.jsonl").read_bytes().splitlines()
    assert (ran.code, ran.out) == (DONE, "")
    assert re.fullmatch(
        rf"asm: {len(events)} events of 3 clinicians, received from 20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d\.\n", ran.err
    )
    assert asm("assess", "w.jsonl", "--json").documents != []


def test_a_year_that_the_rulebook_does_not_have_is_a_usage_error(asm: Asm) -> None:
    ran = asm("simulate", "--year", "1999")
    assert (ran.code, ran.out, f"the rulebook {DEFAULT_VINTAGE} has {YEAR}, " in ran.words) == (USAGE, "", True)


def test_a_simulated_world_is_sent_only_on_a_simulated_clock(asm: Asm) -> None:
    ran = asm("simulate", "--clinicians", 3, "--send")
    assert (ran.code, "--send needs ASM_CLOCK=events" in ran.words) == (USAGE, True)
    assert asm("simulate", "--clinicians", 3, "--send", **SIMULATED).code == UNAVAILABLE


def test_without_arguments_the_commands_are_listed(asm: Asm) -> None:
    ran = asm()
    commands = ("assess", "ingest", "status", "missing", "simulate", "worker", "project", "broker", "topics", "demo")
    assert [command for command in commands if command not in ran.out + ran.err] == []


# asm alerts


def fired(asm: Asm) -> list[dict[str, Any]]:
    """Make a database two weeks before the deadline; return the alerts that are open."""
    fill(Path("asm-streams.db"), until=at("2028-03-20"))
    (listed_,) = asm("alerts", "list", "--json", **SIMULATED).documents
    alerts: list[dict[str, Any]] = listed_["alerts"]
    return alerts


def test_the_open_alerts_are_listed_with_the_sentence_and_by_practice_stage_and_cohort(asm: Asm) -> None:
    alerts = fired(asm)
    board = asm("missing", "--json", **SIMULATED).documents[0]["missing"]
    assert alerts == [m for m in board if m["alert"] == "FIRING"]
    assert {a["stage"] for a in alerts} == {"T_14"}
    found = {
        option: len(asm("alerts", "list", "--json", *option, **SIMULATED).documents[0]["alerts"])
        for option in (
            ("--practice", "north"),
            ("--practice", "south"),
            ("--stage", "T_14"),
            ("--stage", "T_7"),
            ("--cohort", "HEART_FAILURE"),
            ("--cohort", "LOW_BACK_PAIN"),
        )
    }
    assert list(found.values()) == [len(alerts), 0] * 3
    shown = asm("alerts", "list", "--limit", "1", **SIMULATED).out
    assert shown.startswith(f"{len(alerts)} open alerts as of 2028-03-17 20:00 EDT")
    assert f"… and {len(alerts) - 1} more" in shown


def test_who_takes_care_of_an_alert_is_listed_until_that_ends(asm: Asm) -> None:
    alerts = fired(asm)
    cares = [
        AlertAcknowledged(alert_id=a["alert_id"], until=at(until), by="R. Moss", reason="Monday", instant=at(instant))
        for a, until, instant in zip(alerts, ("2028-03-22", "2028-03-01"), ("2028-03-02", "2028-03-02"), strict=False)
    ]
    first = dataclasses.replace(cares[0], until=at("2028-03-30"), by="nobody", instant=at("2028-03-01"))
    engine = open_engine(f"sqlite:///{Path('asm-streams.db').absolute()}")
    for said in (*cares, first):
        with engine.begin() as connection:
            write_rows(connection, [decode(encode(said))])
    engine.dispose()
    (told,) = asm("alerts", "list", "--json", **SIMULATED).documents
    assert [a["acknowledgement"] for a in told["alerts"] if "acknowledgement" in a] == [
        {
            "alert_id": alerts[0]["alert_id"],
            "until": "2028-03-22T00:00:00Z",
            "by": "R. Moss",
            "reason": "Monday",
            "instant": "2028-03-02T00:00:00Z",
        }
    ]
    assert "R. Moss until" in asm("alerts", "list", **SIMULATED).out


def test_only_an_open_alert_can_be_acknowledged_and_only_until_an_instant_to_come(asm: Asm) -> None:
    alert_id = fired(asm)[0]["alert_id"]
    options = ("--reason", "Monday", "--until")
    unknown = asm("alerts", "ack", "nothing", *options, "2028-03-22T00:00:00Z", **SIMULATED)
    past = asm("alerts", "ack", alert_id, *options, "2028-03-18T00:00:00Z", **SIMULATED)
    local = asm("alerts", "ack", alert_id, *options, "2028-03-22T00:00:00", **SIMULATED)
    assert (unknown.code, unknown.err) == (
        REFUSED,
        "asm: No open alert is nothing: `asm alerts list` names them.\n",
    )
    assert (past.code, "has passed" in past.words, local.code, "no offset" in local.words) == (USAGE, True, USAGE, True)


def test_a_receiver_needs_an_address_that_its_kind_can_have(asm: Asm) -> None:
    none = asm("alerts", "deliver", "--to", "webhook")
    wrong = asm("alerts", "deliver", "--to", "webhook", "swordfish", ASM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert (none.code, "ASM_ALERTS_URL" in none.words) == (USAGE, True)
    assert (wrong.code, "not one of HTTP" in wrong.err, "swordfish" in wrong.err) == (UNAVAILABLE, True, False)
