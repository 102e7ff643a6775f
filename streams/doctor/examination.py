"""All checks in order; what one needs that does not answer leaves it unknown, and the others go on."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from infra.errors import LogLost, Unavailable
from infra.kafka.connection import Connection, connect
from infra.kafka.topics import journal_partitions
from infra.settings import Settings
from streams.doctor import cluster, partitions, view
from streams.doctor.checks import MONITORING, OPERATIONS, Check, Verdict, not_looked_at

_OF_THE_CLUSTER = ("topics", "clock", "log", "admission", "assessment", "watermark", "state", "projection", "refusals")


def examine(settings: Settings) -> Iterator[Check]:
    """Yield each check as it ends."""
    yield cluster.schema_ids()
    connection, told = _reached(settings)
    yield told
    database = view.database(settings)
    yield database
    if connection is None:
        yield from (not_looked_at(name, "the broker does not answer") for name in _OF_THE_CLUSTER)
    else:
        yield from _examine_cluster(connection, database)
    yield from view.disks(settings, embedded=settings.kafka_bootstrap is None)


def exit_code(checks: Sequence[Check]) -> int:
    """Return 3 where a machine cannot be reached, 1 where a check failed, else 0."""
    if any(check.unreachable for check in checks):
        return 3
    return int(any(check.verdict is Verdict.FAIL for check in checks))


def _reached(settings: Settings) -> tuple[Connection | None, Check]:
    try:
        connection = connect(settings)
        return connection, cluster.broker(connection)
    except Unavailable as error:
        remedy = "Start the broker (`asm broker up`), or mend ASM_KAFKA_BOOTSTRAP."
        page = f"{MONITORING}#the-broker-does-not-answer"
        return None, Check(
            name="broker", verdict=Verdict.FAIL, seen=str(error), remedy=remedy, page=page, unreachable=True
        )


def _examine_cluster(connection: Connection, database: Check) -> Iterator[Check]:
    yield from _tried("topics", lambda: cluster.topics(connection))
    yield from _tried("clock", lambda: cluster.clock(connection))
    yield from _tried("log", lambda: partitions.log(connection))
    try:
        marks = partitions.marks(connection)
        count = journal_partitions(connection)
    except Unavailable as error:
        yield from (not_looked_at(name, str(error)) for name in _OF_THE_CLUSTER[3:])
        return
    last = max((mark.written_at for mark in marks), default=None)
    yield from _tried("admission", lambda: partitions.stage(connection, "admission", None))
    yield from _tried("assessment", lambda: partitions.stage(connection, "assessment", last))
    yield partitions.watermark(connection, marks, count, datetime.now(UTC))
    yield from _tried("state", lambda: partitions.state(connection, marks))
    if database.verdict is Verdict.OK:
        yield from _tried("projection", lambda: view.projection(connection))
    else:
        yield not_looked_at("projection", "the database has nothing to read")
    yield from _tried("refusals", lambda: view.refusals(connection, datetime.now(UTC)))


def _tried(name: str, check: Callable[[], Check]) -> Iterator[Check]:
    try:
        yield check()
    except Unavailable as error:
        yield not_looked_at(name, str(error))
    except LogLost as error:
        yield Check(name=name, verdict=Verdict.FAIL, seen=str(error), page=f"{OPERATIONS}/log-lost.md")
