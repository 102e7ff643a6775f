"""What was said at an instant: as the topics have it, and under a rulebook that the cluster remembers."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from infra.database.engine import create_tables, open_engine
from infra.rulebooks import DEFAULT_VINTAGE, read_rulebooks
from processors.rulebook import FILES
from processors.simulated_world import Timed
from streams.assessment import Law
from streams.projection import write_rows
from streams.rulebook_texts import RULEBOOKS
from tests.integration.system import System
from tests.making import NPI, YEAR, at, listed, quality
from tests.streams.test_as_of import printed_row, told
from tests.streams.test_commands import WORLD, lines_of

pytestmark = pytest.mark.integration
BEFORE, AFTER = at("2028-02-01T15:00:00+00:00"), at("2028-02-10T15:00:00+00:00")


def asked(system: System, *arguments: str) -> Any:
    ran = system.run(*arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    return json.loads(ran.stdout)


def rows(system: System) -> list[str]:
    """What was last announced of each thing, as JSON shows it."""
    return in_order([printed_row(said) for said in (*system.scores().values(), *system.obligations().values())])


def in_order(documents: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(document, sort_keys=True) for document in documents)


def test_what_was_announced_first_is_told_again_after_it_changed(system: System) -> None:
    system.worker()
    system.send([Timed(at("2027-01-05"), listed(event_id="l1", practice_alias="north"))])
    system.set_clock(BEFORE)
    system.await_tick(BEFORE)
    before = rows(system)
    system.set_clock(at("2028-02-04"))  # what comes now is said as of this tick
    system.await_tick(at("2028-02-04"))
    system.send([Timed(at("2028-02-05"), quality(event_id="q1"))])
    system.set_clock(AFTER)
    system.await_tick(AFTER)
    after = rows(system)
    assert system.run("project", "--once").returncode == 0
    then = asked(system, "status", NPI, "--json", "--as-of", "2028-02-03T23:59:59.999Z")
    now = asked(system, "status", NPI, "--json")
    for document, known in ((then, before), (now, after)):
        assert in_order([*document["scores"], *document["obligations"]]) == known
    assert before != after


def dearer(folder: Path) -> Path:
    """A vintage that does not ship, under which more may be lost."""
    folder.mkdir()
    for name in FILES:
        text = files("processors.rulebook").joinpath(DEFAULT_VINTAGE, name).read_text()
        text = text.replace(DEFAULT_VINTAGE, "cy2099_invented").replace(
            "2027 = { value = 0.09", "2027 = { value = 0.08"
        )
        (folder / name).write_text(text)
    return folder


def test_the_rulebook_of_then_is_had_from_the_cluster_by_its_digest(system: System) -> None:
    books = read_rulebooks(dearer(system.folder / "dearer"))
    then = books[YEAR]
    system.send_bytes(RULEBOOKS, then.digest.encode(), then.text.encode(), BEFORE)
    system.send([])  # it is delivered
    engine = open_engine(system.environment["ASM_DATABASE_URL"])
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, told(WORLD, Law(rulebooks=books)))
    engine.dispose()
    document = asked(system, "status", NPI, "--json", "--as-of", AFTER.isoformat())
    assert {row["rulebook"] for kind in ("scores", "obligations") for row in document[kind]} == {then.digest}
    assert [(e["performance_year"], e["risk_level"]) for e in document["exposure"]] == [(YEAR, 0.08), (YEAR + 1, 0.09)]
    shown = system.run("rules", "show", "--digest", then.digest[:8])
    assert (shown.returncode, shown.stdout.strip()) == (0, then.text)
    path = system.folder / "w.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines_of()))
    ran = system.run("assess", str(path), "--json", "--rulebook", then.digest[:8], "--as-of", AFTER.isoformat())
    assert (ran.returncode, json.loads(ran.stdout)["rulebook"]) == (0, then.digest)
    assert json.loads(ran.stdout)["score"]["tree"] == document["scores"][0]["tree"]
    unknown = system.run("assess", str(path), "--rulebook", "00000000")
    assert (unknown.returncode, "digest 00000000" in " ".join(unknown.stderr.replace("│", " ").split())) == (2, True)
