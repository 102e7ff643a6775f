"""What the doctor makes of what it sees: verdict, remedy, page. No broker runs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from pydantic import SecretStr

from infra.database.engine import create_tables, open_engine
from infra.kafka.connection import Connection
from infra.settings import Settings
from processors.engine import ENGINE
from schemas.state import PartitionMark
from streams.doctor import partitions
from streams.doctor.checks import Check, Verdict, fine
from streams.doctor.cluster import judged_skew, schema_ids
from streams.doctor.examination import examine, exit_code
from streams.doctor.partitions import Marked, judged_reading, show_ago, state, watermark
from streams.doctor.readers import Reading, Waiting
from streams.doctor.view import database, judged_room
from tests.infra.test_monitoring import anchor_of
from tests.making import at
from tests.streams.driver import LAW

ROOT = Path(__file__).parents[2]
NOW = at("2027-07-01T12:00:00Z")
CLAIMS = TopicPartition("asm.claims.v1", 2)


def connection(**settings: Any) -> Connection:
    wanted = Settings.model_validate({"kafka_bootstrap": "127.0.0.1:9"} | settings)
    return Connection("127.0.0.1:9", embedded=False, settings=wanted)


def waiting(*, lag: int = 20, moved: bool) -> Reading:
    w = Waiting(topic=CLAIMS.topic, partition=2, next_offset=10, lag=lag, since=NOW, moved=moved)
    return Reading(positions={CLAIMS: 10}, waiting=(w,))


def marked(partition: int, **changes: Any) -> Marked:
    mark = PartitionMark(applied=7, as_of=NOW, engine=ENGINE, rulebooks=LAW.fresh_mark().rulebooks)
    return Marked(partition=partition, mark=replace(mark, **changes), written_at=NOW)


def told(check: Check) -> tuple[Verdict, str]:
    return check.verdict, check.seen


def test_a_stage_that_has_read_all_is_well() -> None:
    check = judged_reading("admission", Reading(positions={CLAIMS: 10}, waiting=()), 2, None)
    assert told(check) == (Verdict.OK, "2 member(s), lag 0")
    assert list(check.details) == [{"topic": "asm.claims.v1", "partition": 2, "next_offset": 10, "lag": 0}]


def test_a_stage_that_moves_is_well_and_one_that_does_not_has_failed() -> None:
    moves = judged_reading("admission", waiting(moved=True), 1, None)
    stands = judged_reading("admission", waiting(moved=False), 1, None)
    assert told(moves) == (Verdict.OK, "1 member(s), lag 20; it moves")
    assert told(stands) == (
        Verdict.FAIL,
        "1 member(s), lag 20; no progress in asm.claims.v1/2 at 10 (lag 20)",
    )
    assert list(stands.details) == [
        {
            "topic": "asm.claims.v1",
            "partition": 2,
            "next_offset": 10,
            "lag": 20,
            "since": NOW,
            "moved": False,
        }
    ]


def test_much_that_waits_is_a_warning_while_it_moves() -> None:
    verdicts = [
        judged_reading("admission", waiting(lag=lag, moved=True), 1, None).verdict for lag in (100_000, 100_001)
    ]
    assert verdicts == [Verdict.OK, Verdict.WARN]


def test_a_stage_that_nobody_runs_has_failed_though_nothing_waits() -> None:
    check = judged_reading("assessment", Reading(positions={}, waiting=()), 0, None)
    assert told(check) == (Verdict.FAIL, "nobody works: 0 member(s), lag 0")


def test_a_clock_that_is_ahead_fails_one_that_is_behind_warns_and_what_is_in_doubt_does_not_count() -> None:
    second, doubt = timedelta(seconds=1), timedelta(milliseconds=200)
    verdicts = [
        judged_skew(skew, doubt, 1.0).verdict for skew in (1.2 * second, 1.3 * second, -1.2 * second, -1.3 * second)
    ]
    assert verdicts == [Verdict.OK, Verdict.FAIL, Verdict.OK, Verdict.WARN]
    assert judged_skew(-1.5 * second, doubt, 1.0).seen == (
        "this machine is 1.500 s behind the cluster (± 0.200 s; allowed 1 s). Ticks are late."
    )


def test_a_tick_that_is_older_than_the_limit_has_failed() -> None:
    seen = [marked(0), marked(1, as_of=NOW - timedelta(seconds=301))]
    assert told(watermark(connection(), seen[:1], 1, NOW)) == (
        Verdict.OK,
        "the oldest tick is 0 s old (limit 300 s)",
    )
    assert told(watermark(connection(), seen, 2, NOW)) == (
        Verdict.FAIL,
        "the clock stands still in partitions 1, the oldest tick is 301 s old",
    )


def test_a_partition_that_never_ticked_has_failed_once_others_have() -> None:
    assert told(watermark(connection(), [marked(0)], 2, NOW)) == (
        Verdict.FAIL,
        "partitions that never ticked: 1",
    )
    assert watermark(connection(), [], 2, NOW).verdict is Verdict.WARN


def test_a_simulated_clock_is_never_late() -> None:
    check = watermark(connection(clock="events"), [marked(0)], 1, NOW + timedelta(days=400))
    assert told(check) == (
        Verdict.OK,
        "simulated, from 2027-07-01T12:00:00+00:00 to 2027-07-01T12:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({"engine": ENGINE - 1}, f"it is of engine version {ENGINE - 1}, this release is version {ENGINE}"),
        ({"rulebooks": {}}, "it was made under other rulebooks than those of vintage cy2026_final here"),
    ],
)
def test_state_that_workers_would_refuse_has_failed(changes: Mapping[str, Any], trouble: str) -> None:
    check = state(connection(), [marked(0), marked(1, **changes)])
    assert told(check)[0] is Verdict.FAIL
    assert trouble.split(",", maxsplit=1)[0] in check.seen


@pytest.mark.parametrize(("committed", "verdict"), [(8, Verdict.OK), (9, Verdict.FAIL), (None, Verdict.OK)])
def test_state_that_does_not_fit_what_the_group_committed_has_failed(
    committed: int | None, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = {} if committed is None else {TopicPartition("asm.journal.v1", 0): committed}
    monkeypatch.setattr(partitions, "group_positions", lambda *_: lambda: positions)
    monkeypatch.setattr(partitions, "marks", lambda _: [marked(0)])
    assert state(connection(), [marked(0)]).verdict is verdict


def test_a_disk_warns_under_a_tenth_and_fails_under_a_fiftieth() -> None:
    verdicts = [judged_room("disk", "/", free, 1000).verdict for free in (100, 99, 20, 19)]
    assert verdicts == [Verdict.OK, Verdict.WARN, Verdict.WARN, Verdict.FAIL]


def test_every_schema_of_this_release_has_its_id() -> None:
    assert schema_ids().verdict is Verdict.OK


def test_a_view_of_this_release_is_well_and_one_that_is_not_there_is_no_machine_that_is_down(tmp_path: Path) -> None:
    settings = Settings(database_url=SecretStr(f"sqlite:///{tmp_path}/view.db"))
    before = database(settings)
    engine = open_engine(settings.database_url.get_secret_value())
    create_tables(engine)
    engine.dispose()
    assert (before.verdict, before.unreachable, database(settings).verdict) == (Verdict.FAIL, False, Verdict.OK)


def test_the_exit_code_tells_a_machine_that_is_away_from_a_check_that_failed() -> None:
    well, warned = fine("a", "."), Check(name="b", verdict=Verdict.WARN, seen=".")
    failed = Check(name="c", verdict=Verdict.FAIL, seen=".")
    away = Check(name="d", verdict=Verdict.FAIL, seen=".", unreachable=True)
    assert [exit_code(checks) for checks in ([well, warned], [well, failed], [failed, away])] == [0, 1, 3]


def test_without_a_broker_the_rest_is_looked_at_all_the_same(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"kafka_bootstrap": "127.0.0.1:9", "database_url": f"sqlite:///{tmp_path}/none.db"}
    )
    checks = list(examine(settings))
    of_the_cluster = [
        "topics",
        "clock",
        "log",
        "admission",
        "assessment",
        "watermark",
        "state",
        "projection",
        "refusals",
    ]
    assert {check.name: check.verdict.value for check in checks} == dict.fromkeys(of_the_cluster, "unknown") | {
        "schema ids": "ok",
        "broker": "fail",
        "database": "fail",
        "disk of the view": "ok",
    }
    assert exit_code(checks) == 3


def test_every_page_that_is_named_is_there() -> None:
    named = {
        line.split('"')[1]
        .replace("{MONITORING}", "docs/operations/monitoring.md")
        .replace("{OPERATIONS}", "docs/operations")
        for path in sorted((ROOT / "streams" / "doctor").glob("*.py"))
        for line in path.read_text().splitlines()
        if 'f"{MONITORING}#' in line or 'f"{OPERATIONS}/' in line
    }
    assert len(named) > 8
    missing = set()
    for page, _, anchor in (name.partition("#") for name in named):
        headings = {anchor_of(h.lstrip("# ")) for h in (ROOT / page).read_text().splitlines() if h.startswith("#")}
        if anchor and anchor not in headings:
            missing.add(f"{page}#{anchor}")
    assert missing == set()


def test_how_long_ago_is_told_in_the_unit_that_fits() -> None:
    told_ago = [show_ago(datetime.now(UTC) - timedelta(seconds=s)) for s in (5, 130, 7300, 200_000)]
    assert told_ago == ["5 s ago", "2 min ago", "2 h ago", "2 d ago"]
