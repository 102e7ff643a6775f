"""What the system said at an instant, from the command line: as it was announced, under the rulebook of then."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from infra.database.engine import create_tables, open_engine
from infra.rulebooks import DEFAULT_VINTAGE, read_rulebooks
from processors.events import Event
from processors.obligations import SETTLED
from processors.outputs import Envelope, FindingChanged, ObligationChanged, ScoreChanged
from processors.rulebook import FILES
from processors.standings import Provenance, SeenScore, standing_of_cohort
from schemas.codec import decode, encode
from streams.assessment import Law
from streams.projection import rows_of, write_rows
from streams.wording import as_json, masked
from tests.infra.test_instants import MOMENT, outputs
from tests.making import NPI, OTHER_NPI, TIN, YEAR, at, listed, quality, row, rulebook
from tests.streams.driver import LAW
from tests.streams.test_commands import DONE, REFUSED, USAGE, WORLD, Asm, Ran, asm, file_of, lines_of

__all__ = ["asm"]
DATABASE = Path("asm-streams.db")
#: Two clinicians, of whom one is renamed; a submission that is wrong and then corrected, another withdrawn evidence.
STORY: tuple[tuple[str, Event], ...] = (
    *WORLD[:1],
    ("2026-08-21T12:00:00+00:00", listed(event_id="l2", npi=OTHER_NPI, name="Bo Vik", practice_alias="north")),
    *WORLD[1:],
    ("2028-02-05T15:00:00+00:00", quality(row("999"), event_id="q8", submission_id="s8")),
    ("2028-02-09T15:00:00+00:00", quality(row("008"), event_id="q9", submission_id="s8", revision=2)),
    (
        "2028-02-12T09:00:00+00:00",
        listed(event_id="l3", name="Ilse Ode-Ny", practice_alias="south", organization="Ode and Ny PC"),
    ),
)


def told(story: Sequence[tuple[str, Event]] = STORY, law: Law = LAW) -> list[Any]:
    """All that is said of the story, as a reader of the topics has it."""
    world = sorted(((at(time), event) for time, event in story), key=lambda timed: timed[0])
    return [decode(encode(output)) for output in outputs(world, law)]


TOLD = told()
EDGES = sorted({said.as_of for said in TOLD})


def fill(said: Sequence[Any] = TOLD) -> None:
    engine = open_engine(f"sqlite:///{DATABASE.absolute()}")
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, said)
    engine.dispose()


def announced(kind: type[Any], key: str, instant: datetime) -> list[dict[str, Any]]:
    """The latest outputs of a kind by an instant, as JSON prints their values."""
    latest: dict[Any, Any] = {}
    for said in TOLD:
        if isinstance(said, kind) and said.as_of <= instant:
            shown = rows_of(said)[0][1]
            if shown["revision"] > latest.get(shown[key], {"revision": 0})["revision"]:
                latest[shown[key]] = shown
    return [printed(shown) for _, shown in sorted(latest.items())]


def printed(shown: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in shown.items() if name not in {"emitted_id", "tin"}}
    document: dict[str, Any] = json.loads(as_json({"tin": masked(shown["tin"]), **kept}))
    return document


def printed_row(said: Any) -> dict[str, Any]:
    """An output as JSON shows its row, in the order of the columns' names."""
    table, shown = rows_of(said)[0]
    order = [column.name for column in SQLModel.metadata.tables[str(table.__tablename__)].c]
    return printed({name: shown[name] for name in order})


def said_by(asm: Asm, instant: datetime, *arguments: str, command: str = "status") -> Ran:
    return asm(command, *arguments, "--as-of", instant.isoformat())


@pytest.mark.parametrize("edge", EDGES)
def test_status_shows_at_every_instant_the_values_that_were_announced(edge: datetime, asm: Asm) -> None:
    fill()
    for instant in (edge - MOMENT, edge, edge + MOMENT):
        ran = asm("status", "-", "--json", "--as-of", instant.isoformat(), stdin=TIN.digits)
        scores = announced(ScoreChanged, "npi", instant)
        if not scores:
            assert (ran.code, ran.out) == (REFUSED, "")
            continue
        (document,) = ran.documents
        assert sorted(document["scores"], key=lambda s: s["npi"]) == scores
        obligations = announced(ObligationChanged, "obligation_id", instant)
        assert sorted(document["obligations"], key=lambda o: o["obligation_id"]) == obligations
        findings = [f for f in announced(FindingChanged, "finding_id", instant) if f["state"] == "OPEN"]
        assert sorted(document["findings"], key=lambda f: f["finding_id"]) == findings


@pytest.mark.parametrize("command", ["status", "explain", "next"])
def test_an_instant_far_ahead_is_the_present(command: str, asm: Asm) -> None:
    fill()
    there = said_by(asm, at("2099-01-01"), NPI, "--json", command=command)
    assert (there.code, there.out) == (DONE, asm(command, NPI, "--json").out)


def test_the_board_far_ahead_has_the_items_of_the_present(asm: Asm) -> None:
    fill()
    (there,) = said_by(asm, at("2099-01-01"), "--json", command="missing").documents
    (here,) = asm("missing", "--json").documents
    there, here = ([{n: v for n, v in m.items() if n != "sentence"} for m in d["missing"]] for d in (there, here))
    assert there == here != []


def test_days_are_counted_from_the_instant(asm: Asm) -> None:
    fill()
    instant = at("2028-03-20T00:00:00+00:00")
    ran = said_by(asm, instant, NPI)
    assert "Due 2028-03-31 20:00 EDT: in 12.0 days" in ran.out
    assert ran.out.startswith("What was said by 2028-03-19 20:00 EDT\n")
    (board,) = said_by(asm, instant, "--json", command="missing").documents
    assert board["as_of"] == "2028-03-20T00:00:00Z"
    assert {"12 days left" in m["sentence"] for m in board["missing"] if m.get("points_at_stake")} == {True}
    within = [
        said_by(asm, instant, "--within", days, "--json", command="missing").documents[0] for days in ("12", "11")
    ]
    assert [bool(document["missing"]) for document in within] == [True, False]
    (ranked,) = said_by(asm, instant, NPI, "--json", command="next").documents
    assert {r["days_left"] for r in ranked if r.get("next_milestone") == "DUE"} == {12}


def test_names_and_aliases_are_those_of_the_instant(asm: Asm) -> None:
    fill()
    before, after = at("2028-02-12T08:59:59+00:00"), at("2028-02-12T09:00:00+00:00")
    named = [[s["name"] for s in said_by(asm, i, NPI, "--json").documents[0]["scores"]] for i in (before, after)]
    assert named == [["Ilse Ode"], ["Ilse Ode-Ny"]]
    assert [said_by(asm, i, "south").code for i in (before, after)] == [REFUSED, DONE]
    assert [len(said_by(asm, i, "north", "--json").documents[0]["scores"]) for i in (before, after)] == [2, 1]


def test_each_row_names_its_rulebook_whose_text_is_shown_by_its_digest(asm: Asm) -> None:
    fill()
    ran = said_by(asm, at("2028-02-06"), NPI)
    law = f"{rulebook().vintage} {rulebook().digest[:12]}"
    squeezed = "".join(ran.out.split())
    (document,) = said_by(asm, at("2028-02-06"), NPI, "--json").documents
    rows = [*document["scores"], *document["obligations"], *document["findings"]]
    assert ran.out.count("rulebook") == 3
    assert squeezed.count(rulebook().digest[:4]) >= len(rows) > 10
    assert {(r["vintage"], r["rulebook"]) for r in rows} == {(rulebook().vintage, rulebook().digest)}
    assert asm("rules", "show", "--digest", law.split()[1]).out.strip() == rulebook().text


def test_explain_tells_the_changes_up_to_the_instant(asm: Asm) -> None:
    fill()
    ((told_then,),) = said_by(asm, at("2028-02-03T15:00:00+00:00"), NPI, "--json", command="explain").documents
    ((told_now,),) = asm("explain", NPI, "--json").documents
    known = [c for c in told_now["changes"] if c["as_of"] <= "2028-02-03T15:00:00Z"]
    assert (told_then["changes"], told_then["revision"]) == (known, known[-1]["revision"])
    assert len(known) < len(told_now["changes"])
    assert (
        f"under {rulebook().vintage} {rulebook().digest[:12]}"
        in said_by(asm, at("2028-02-04"), NPI, command="explain").out
    )


@pytest.mark.parametrize("command", ["status", "explain", "next", "missing"])
@pytest.mark.parametrize("instant", ["2028-02-02", "2028-02-02T15:00:00", "soon"])
def test_an_instant_without_its_offset_is_a_usage_error(instant: str, command: str, asm: Asm) -> None:
    fill()
    ran = asm(command, *([] if command == "missing" else [NPI]), "--as-of", instant)
    assert (ran.code, ran.out, repr(instant) in ran.words) == (USAGE, "", True)


def test_before_anything_was_said_nothing_is_shown(asm: Asm) -> None:
    fill()
    early = EDGES[0] - MOMENT
    when = early.isoformat()
    assert [(r.code, r.out, r.err) for r in (said_by(asm, early, NPI), said_by(asm, early, command="missing"))] == [
        (REFUSED, "", f"asm: Nothing was said of {NPI} by {when}.\n"),
        (REFUSED, "", f"asm: Nothing was said of anybody by {when}.\n"),
    ]
    of_a_tin = asm("status", "-", "--as-of", when, "--year", str(YEAR), stdin=TIN.digits)
    assert of_a_tin.err == f"asm: Nothing was said of that TIN in {YEAR} by {when}.\n"
    assert asm("explain", "eligibility", NPI, "--as-of", when).code == USAGE


def test_what_it_may_earn_is_by_the_standing_of_then(asm: Asm) -> None:
    scores = [
        SeenScore(cohort="HEART_FAILURE", revision=1, final_score=Decimal(n % 100), part_b_paid_cents=5)
        for n in range(2080)
    ]
    early, late = at("2028-02-05"), at("2028-02-20")
    first = standing_of_cohort(
        scores, "HEART_FAILURE", rulebook(), Provenance(as_of=early, engine=1, generation="live")
    )
    first = replace(first, revision=1)
    few = replace(first, revision=2, as_of=late, size_seen=5, midpoint=None, scaling_factor=None)
    fill([*TOLD, *(decode(encode(standing)) for standing in (first, few))])
    shown = [said_by(asm, i, NPI, "--json").documents[0]["exposure"][0] for i in (early - MOMENT, early, late)]
    assert [(e["basis"], e.get("size_seen")) for e in shown] == [("SCENARIO", None), ("COHORT", 2080), ("SCENARIO", 5)]


@pytest.fixture
def invented(tmp_path: Path) -> Path:
    """A vintage of its own in a folder, under which a measure needs fewer reported cases."""
    folder = tmp_path / "invented"
    folder.mkdir()
    shipped = files("processors.rulebook").joinpath(DEFAULT_VINTAGE)
    for name in FILES:
        text = shipped.joinpath(name).read_text().replace(DEFAULT_VINTAGE, "cy2099_invented")
        (folder / name).write_text(text.replace("value    = 0.75", "value    = 0.05"))
    return folder


def test_where_the_rulebook_of_then_is_found_nowhere_the_money_is_left_out_with_a_sentence(
    asm: Asm, invented: Path
) -> None:
    books = read_rulebooks(invented)
    fill(told(law=Law(rulebooks=books)))
    ran = said_by(asm, at("2028-02-06"), NPI, "--json")
    assert (ran.code, ran.documents[0]["exposure"]) == (DONE, [])
    assert ran.documents[0]["scores"][0]["rulebook"] == books[YEAR].digest
    assert ran.err.startswith(f"asm: What it may earn or cost is left out: the rulebook {books[YEAR].digest} is not")


# asm assess --as-of, --rulebook


def as_assessed(document: dict[str, Any]) -> dict[str, Any]:
    """What is said of a thing: not when and why, nor the TIN (it may be masked), nor what was said before."""
    apart = {*(f.name for f in fields(Envelope)), "emitted_id", "revision", "tin", "moved", "previous"}
    return {n: value for n, value in document.items() if n not in apart and not n.startswith("cause_")}


def by_id(obligations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Obligations by their id; the stage of a settled one rises without being announced."""
    return {o["obligation_id"]: as_assessed(o | {"stage": ""} if o["status"] in SETTLED else o) for o in obligations}


@pytest.mark.parametrize("instant", [*EDGES[::3], *(edge + timedelta(days=1) for edge in EDGES[::4])])
def test_assessing_the_admitted_events_as_of_an_instant_is_what_the_system_said_then(
    instant: datetime, asm: Asm
) -> None:
    fill()
    path = file_of("w.jsonl", lines_of([(t, e) for t, e in STORY if at(t) <= instant]))
    (said,) = asm("status", "-", "--as-of", instant.isoformat(), "--json", stdin=TIN.digits).documents
    digest = said["scores"][0]["rulebook"]
    ran = asm("assess", path, "--json", "--rulebook", digest, "--as-of", (instant + MOMENT).isoformat())
    assert [d["npi"] for d in ran.documents] == sorted(score["npi"] for score in said["scores"])
    for document in ran.documents:
        assert document["rulebook"] == digest
        (score,) = (s for s in said["scores"] if s["npi"] == document["npi"])
        assert as_assessed(score) == as_assessed(document["score"])
        obligations = [o for o in said["obligations"] if o.get("npi") in {None, document["npi"]}]
        assert by_id(obligations) == by_id(document["obligations"])


def test_a_vintage_of_yours_or_its_digest_decides_the_years_that_it_has(asm: Asm, invented: Path) -> None:
    few = quality(row("236", performance_met=5, performance_not_met=5), event_id="q1")
    path = file_of("w.jsonl", lines_of([WORLD[0], ("2028-02-01T15:00:00+00:00", few)]))
    shipped, yours = asm("assess", path, "--json"), asm("assess", path, "--json", "--rulebook", invented)
    digests = [ran.documents[0]["rulebook"] for ran in (shipped, yours)]
    assert digests == [rulebook().digest, read_rulebooks(invented)[YEAR].digest]
    assert shipped.documents[0]["score"]["tree"] != yours.documents[0]["score"]["tree"]
    for name in (DEFAULT_VINTAGE, rulebook().digest, rulebook().digest[:8]):
        assert asm("assess", path, "--json", "--rulebook", name).out == shipped.out


def test_a_rulebook_that_is_none_or_one_of_two_for_a_year_is_a_usage_error(asm: Asm, invented: Path) -> None:
    path = file_of("w.jsonl", lines_of())
    for name in ("cy1999", rulebook().digest[:7], rulebook().digest + "0"):
        assert asm("assess", path, "--rulebook", name).code == USAGE
    both = asm("assess", path, "--rulebook", invented, "--rulebook", rulebook().digest)
    assert (both.code, f"two rulebooks of {YEAR}" in both.words) == (USAGE, True)
