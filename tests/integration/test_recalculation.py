"""Recalculation on a real Kafka: a generation beside the live one, promoted and rolled back, and nothing left of it."""

import itertools
import json
import sqlite3
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from infra.kafka.groups import committed_offsets
from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.engine import ENGINE
from processors.outputs import ObligationChanged, ScoreChanged
from processors.simulation import simulate
from schemas.codec import decode, encode
from schemas.plain import to_avro
from schemas.recalculations import PartitionRecalculated, RecalculationCompleted, RecalculationStarted
from schemas.state import pack
from streams.assessment import Assessor
from streams.generations import of_generation, own_topics
from streams.groups import assessment_group
from streams.in_process import views
from streams.laws import kept
from streams.state import MARK_KEY, STATE
from tests.integration.system import System, await_that
from tests.integration.test_worker import assert_each_revision_once
from tests.making import YEAR, at
from tests.streams.laws import EPISODES, QUALITY, write_rulebooks

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


def killed_and_run_again(system: System, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Start a generation with a pace at which it takes a while, kill it in the midst of the journal, go on."""
    begun = system.start("replay", "start", *command, "--per-second", "200")
    group = assessment_group(of_generation(system.connection, command[0]).settings)
    await_that(lambda: bool(committed_offsets(system.connection, group)), 60, "it has committed something")
    begun.kill()
    assert "cases-full begins with the journal (FULL): it was asked for." in begun.log.read_text()
    return system.run("replay", "start", command[0])


def test_a_generation_as_of_an_instant_ends_there_and_says_what_was_said_by_then(system: System) -> None:
    world = simulate(7, 12, load_rulebooks(DEFAULT_VINTAGE)[YEAR])
    instants = [at("2027-09-01"), at("2028-02-01"), END]
    system.worker("--no-supervise")
    for since, until in itertools.pairwise([at("2020-01-01"), *instants]):
        system.send(timed for timed in world if since <= timed.received_at < until)
        system.set_clock(until)
        system.await_tick(until)
    told = system.run("replay", "start", "past", "--as-of", "2028-02-01T12:00:00Z", "--reason", "a look back")
    assert told.returncode == 0, told.stderr
    by_then = [output for output in outputs_of(system) if output.as_of <= instants[1]]
    assert said(outputs_of(system, "past")) == said(by_then) != said(outputs_of(system))
    assert state_of(system, "past") == "ENDED"
    refused = system.run("replay", "promote", "past", "--reason", "r")
    assert (refused.returncode, "it says what was, not what is" in refused.stderr) == (1, True)


def test_a_law_is_looked_at_promoted_and_taken_back_and_nothing_is_left_of_its_generation(system: System) -> None:
    system.send(simulate(7, 30, load_rulebooks(DEFAULT_VINTAGE)[YEAR]))
    system.set_clock(END)
    system.worker("--no-supervise")
    system.await_tick(END)
    before = said(outputs_of(system))
    folder = str(write_rulebooks(system.folder / "cases", CASES))

    quick = system.run("replay", "start", "cases", "--rulebook", folder, "--reason", "a correction")
    full = killed_and_run_again(system, ["cases-full", "--full", "--rulebook", folder, "--reason", "the same"])
    assert (quick.returncode, full.returncode) == (0, 0), quick.stderr + full.stderr
    assert "cases begins with the present facts (QUICK)" in quick.stderr
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


def meaning(system: System) -> dict[object, object]:
    """What the state of the live generation means under the law that it is in: what must have been said last."""
    found = kept(system.connection, "live")
    told: list[Any] = []
    for state in found.states.values():
        assessor = Assessor(state, found.law)
        for year in state.years():
            scores, obligations = views(year, assessor.assessment_of(year))
            told += [decode(encode(output)) for output in (*scores, *obligations)]
    return figures(told)


def figures(outputs: list[Any]) -> dict[object, object]:
    """The figures that were said last: what of an output does not depend on when it was said."""
    names = ("final_score", "prepared_score", "highest_reachable", "item", "status", "points_at_stake", "missing")
    return {key: [now.get(name) for name in names] for key, now in said(outputs).items()}


def operations(system: System, kind: type[Any]) -> list[Any]:
    return [o for o in system.outputs("asm.operations.v1") if isinstance(o, kind)]


class Reader(threading.Thread):
    """Reads again and again under which rulebooks the SQL view shows those who move, each time in one query."""

    def __init__(self, system: System, movers: list[str]) -> None:
        super().__init__(daemon=True)
        self._url = system.environment["ASM_DATABASE_URL"].removeprefix("sqlite:///")
        self._movers = movers
        self.over = threading.Event()
        self.seen: list[tuple[str, ...]] = []

    def run(self) -> None:
        marks = ",".join("?" * len(self._movers))
        query = f"select distinct rulebook from score where performance_year = {YEAR} and npi in ({marks}) order by 1"  # noqa: S608
        with closing(sqlite3.connect(self._url)) as sql:
            while not self.over.is_set():
                found = tuple(row[0] for row in sql.execute(query, self._movers))
                if not self.seen or self.seen[-1] != found:
                    self.seen.append(found)


def test_a_promotion_among_events_and_kills_is_done_once_and_the_view_switches_at_once(
    system: System,
) -> None:
    world = simulate(8, 40, load_rulebooks(DEFAULT_VINTAGE)[YEAR])
    early = [timed for timed in world if timed.received_at < at("2028-03-20")]
    late = [timed for timed in world if timed.received_at >= at("2028-03-20")]
    system.send(early)
    system.set_clock(at("2028-03-20"))
    worker = system.worker("--no-supervise")
    system.start("project")
    system.await_tick(at("2028-03-20"))
    folder = str(write_rulebooks(system.folder / "cases", CASES))
    assert system.run("replay", "start", "cases", "--rulebook", folder, "--reason", "r").returncode == 0
    movers: list[str] = sorted(
        {o.npi for o in outputs_of(system, "cases") if isinstance(o, ScoreChanged)} & differing(system)
    )
    await_that(lambda: set(in_the_view(system, movers)) == set(movers), 60, "the view shows everybody")
    reader = Reader(system, movers)
    reader.start()

    command = system.start("replay", "promote", "cases", "--reason", "r")
    await_that(lambda: bool(operations(system, RecalculationStarted)), 60, "the promotion began")
    command.kill()
    worker.kill()
    system.send(late)
    system.set_clock(END)
    system.worker("--no-supervise")
    again = system.run("replay", "promote", "cases", "--reason", "r")
    assert again.returncode == 0, again.stderr
    system.await_tick(END)

    (started,), (completed,) = operations(system, RecalculationStarted), operations(system, RecalculationCompleted)
    done = operations(system, PartitionRecalculated)
    assert (completed.recalculation, sorted(d.partition for d in done)) == (started.recalculation, [0, 1, 2, 3])
    assert figures(outputs_of(system)) == meaning(system)
    assert_each_revision_once(system)
    digest = started.after[str(YEAR)]
    await_that(lambda: bool(reader.seen) and reader.seen[-1] == (digest,), 60, "the view has switched")
    reader.over.set()
    reader.join()
    assert reader.seen == [(started.before[str(YEAR)],), (digest,)]


def differing(system: System) -> set[str]:
    """The clinicians of whose scores the two generations say something else."""
    before, after = said(outputs_of(system)), said(outputs_of(system, "cases"))
    return {now["npi"] for key, now in after.items() if "npi" in now and "tree" in now and before.get(key) != now}


def in_the_view(system: System, npis: list[str]) -> list[str]:
    with closing(sqlite3.connect(system.environment["ASM_DATABASE_URL"].removeprefix("sqlite:///"))) as sql:
        try:
            rows = sql.execute("select npi from score where performance_year = ?", (YEAR,))
            return [npi for (npi,) in rows if npi in npis]
        except sqlite3.OperationalError:
            return []


WIDER = (EPISODES, "diagnoses", '"I50", ', '"I50", "I42", ')


def state_of(system: System, name: str) -> str:
    told = json.loads(system.run("replay", "list", "--json").stdout)
    return next((g["state"] for g in told["generations"] if g["generation"] == name), "")


def test_where_the_fold_is_another_the_facts_are_handed_over_and_so_they_are_to_a_new_engine_version(
    system: System,
) -> None:
    system.send(simulate(9, 12, load_rulebooks(DEFAULT_VINTAGE)[YEAR]))
    system.set_clock(END)
    worker = system.worker("--no-supervise")
    system.await_tick(END)
    folder = str(write_rulebooks(system.folder / "wider", WIDER))
    beside = system.start("replay", "start", "wider", "--follow", "--rulebook", folder, "--reason", "r")
    await_that(lambda: state_of(system, "wider") == "CAUGHT UP", 60, "it has caught up")
    assert "the rulebooks keep other lines of claims" in beside.log.read_text()
    promoted = system.run("replay", "promote", "wider", "--reason", "r")
    assert promoted.returncode == 0, promoted.stderr
    assert facts_of(system, "live") == facts_of(system, "wider")
    assert figures(outputs_of(system)) == meaning(system)
    assert beside.stop() == 0

    assert worker.stop() == 0
    before = figures(outputs_of(system))
    make_older(system)
    refused = system.run("worker", "--no-supervise")
    assert (refused.returncode, "asm replay start NAME" in refused.stderr) == (1, True)
    system.worker("--no-supervise", "--only", "admission")
    newer = system.start("replay", "start", "newer", "--follow", "--reason", "a new release")
    await_that(lambda: state_of(system, "newer") == "CAUGHT UP", 60, "it has caught up")
    command = system.start("replay", "promote", "newer", "--reason", "a new release")
    system.worker("--no-supervise", "--only", "assessment")
    assert command.process.wait(60) == 0, command.log.read_text()
    assert {mark.engine for mark in system.marks().values()} == {ENGINE}
    assert facts_of(system, "live") == facts_of(system, "newer")
    assert {mark.promoted for mark in system.marks().values()} == {"newer"}
    assert figures(outputs_of(system)) == meaning(system) == before
    assert_each_revision_once(system)
    assert newer.stop() == 0


def make_older(system: System) -> None:
    """Make the state one of an earlier engine version."""
    producer = KafkaProducer(bootstrap_servers=system.connection.bootstrap, acks="all")
    for partition, mark in system.marks().items():
        older = pack(replace(mark, engine=ENGINE - 1))
        producer.send(system.names.of(STATE), key=MARK_KEY, value=older, partition=partition)
    producer.flush()
    producer.close()
