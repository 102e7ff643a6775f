"""Recalculation on a real Kafka: a generation beside the live one, promoted and rolled back, and nothing left of it."""

import json
from typing import Any

import pytest
from kafka import KafkaAdminClient

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.outputs import ObligationChanged, ScoreChanged
from processors.simulation import simulate
from schemas.plain import to_avro
from schemas.state import pack
from streams.generations import of_generation, own_topics
from streams.groups import assessment_group
from streams.laws import kept
from tests.integration.system import System
from tests.making import YEAR, at
from tests.streams.laws import QUALITY, write_rulebooks

pytestmark = pytest.mark.integration
END = at("2028-04-20")
_OF_THE_RUN = ("emitted_id", "revision", "cause", "as_of", "rulebook", "generation", "previous", "moved", "alert_id")
CASES = (QUALITY, "case_minimum", "value    = 20", "value    = 60")


def facts_of(system: System, generation: str) -> list[object]:
    """The facts that a generation keeps, as bytes, and the ledgers."""
    found: list[object] = []
    for state in kept(system.connection, generation).states.values():
        for year in state.years():
            found.append(pack(year.facts.practice))
            found += [pack(facts) for _, facts in sorted(year.facts.clinicians.items())]
        found += [state.ledger(*key).ledger for key in state.ledger_keys()]
    return found


def said(outputs: list[Any]) -> dict[object, dict[str, Any]]:
    """What was last said of each score and obligation, apart from when and in which run."""
    last: dict[object, dict[str, Any]] = {}
    for output in outputs:
        if isinstance(output, ScoreChanged):
            key: object = (output.tin.digits, output.npi, output.performance_year)
        elif isinstance(output, ObligationChanged):
            key = output.obligation_id
        else:
            continue
        last[key] = {name: value for name, value in to_avro(output).items() if name not in _OF_THE_RUN}
    return last


def outputs_of(system: System, generation: str = "live") -> list[Any]:
    beside = system.of_generation(generation)
    return [output for name in ("asm.scores.v1", "asm.compliance.v1") for output in beside.outputs(name)]


def topics_and_groups(system: System, generation: str) -> tuple[set[str], bool]:
    client = KafkaAdminClient(bootstrap_servers=system.connection.bootstrap)
    try:
        topics = set(client.list_topics()) & set(own_topics(system.connection, generation))
        group = assessment_group(of_generation(system.connection, generation).settings)
        return topics, any(found["group_id"] == group for found in client.list_groups())
    finally:
        client.close()


def test_a_law_is_looked_at_promoted_and_taken_back_and_nothing_is_left_of_its_generation(system: System) -> None:
    system.send(simulate(7, 30, load_rulebooks(DEFAULT_VINTAGE)[YEAR]))
    system.set_clock(END)
    system.worker("--no-supervise")
    system.await_tick(END)
    before = said(outputs_of(system))
    folder = str(write_rulebooks(system.folder / "cases", CASES))

    quick = system.run("replay", "start", "cases", "--rulebook", folder, "--reason", "a correction")
    full = system.run("replay", "start", "cases-full", "--full", "--rulebook", folder, "--reason", "the same")
    assert (quick.returncode, full.returncode) == (0, 0), quick.stderr + full.stderr
    assert "cases begins with the present facts (QUICK)" in quick.stderr
    assert "cases-full begins with the journal (FULL): it was asked for." in full.stderr
    assert facts_of(system, "cases") == facts_of(system, "cases-full") == facts_of(system, "live")
    under_it = said(outputs_of(system, "cases"))
    assert under_it == said(outputs_of(system, "cases-full")) != before

    promoted = system.run("replay", "promote", "cases", "--reason", "a correction", "--by", "ops")
    assert promoted.returncode == 0, promoted.stderr
    assert said(outputs_of(system)) == under_it
    told = json.loads(system.run("replay", "list", "--json").stdout)
    (done,) = told["recalculations"]
    movers = sum(before[key].get("final_score") != now.get("final_score") for key, now in under_it.items())
    assert movers > 0
    assert (done["movers"], done["partitions_done"], done["by"]) == (movers, 4, "ops")
    assert [g["state"] for g in told["generations"]] == ["IN FORCE", "CAUGHT UP"]

    back = system.run("replay", "rollback", "--reason", "it was no correction")
    assert back.returncode == 0, back.stderr
    assert said(outputs_of(system)) == before

    for name in ("cases", "cases-full"):
        assert system.run("replay", "abandon", name, "--reason", "seen").returncode == 0
        assert topics_and_groups(system, name) == (set(), False)
