"""The broker, its clock, the topics and the schema ids."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.topics import admin, check_topics
from schemas.topics import contract
from streams.doctor.checks import MONITORING, Check, Verdict, fine

_MOST_TOLD = 3


def broker(connection: Connection) -> Check:
    """See whether the cluster answers, with how many brokers, and of which version.

    :raises Unavailable: it does not.
    """
    with admin(connection) as client:
        brokers = client.describe_cluster()["brokers"]
        version = client.get_broker_version_data(brokers[0]["broker_id"]).broker_version
    known = ".".join(map(str, version))
    return fine("broker", f"{connection.bootstrap} answers: {len(brokers)} broker(s), as new as Kafka {known} or newer")


def topics(connection: Connection) -> Check:
    """Compare the topics with the contract."""
    deviations = check_topics(connection)
    if not deviations:
        return fine("topics", f"{len(contract().topics)} topics are as declared")
    told = "; ".join(f"{d.topic} {d.what}" for d in deviations[:_MOST_TOLD])
    more = f"; and {len(deviations) - _MOST_TOLD} more" if len(deviations) > _MOST_TOLD else ""
    return Check(
        name="topics",
        verdict=Verdict.FAIL,
        seen=told + more,
        remedy="Run `asm topics apply`; what it leaves must be mended by hand."
        if any(d.mendable for d in deviations)
        else "It cannot be mended in place: see `asm topics check`.",
        page=f"{MONITORING}#topics-otherwise-than-declared",
        details=[{"topic": d.topic, "what": d.what, "mendable": d.mendable} for d in deviations],
    )


def schema_ids() -> Check:
    """Compare the schema ids of topics.toml with the schemas that this release has."""
    declared = set(contract().schema_ids)
    there = {
        f"{folder.name}/{file.name.removesuffix('.avsc')}"
        for folder in files("schemas").iterdir()
        if folder.is_dir() and folder.name != "examples"
        for file in folder.iterdir()
        if file.name.endswith(".avsc")
    }
    if declared == there:
        return fine("schema ids", f"{len(declared)} ids, a schema for each")
    return Check(
        name="schema ids",
        verdict=Verdict.FAIL,
        seen=f"without a schema: {sorted(declared - there)}; without an id: {sorted(there - declared)}",
        remedy="This installation is damaged: install the release again.",
    )


def clock(connection: Connection, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Check:
    """Compare this machine's clock with that of the cluster's controller, which the state of its quorum tells."""
    try:
        with admin(connection) as client:
            before = now()
            quorum = client.describe_metadata_quorum()
            after = now()
        told = _controllers_clock(quorum)
    except (Unavailable, LookupError, TypeError) as error:
        return Check(name="clock", verdict=Verdict.UNKNOWN, seen=f"the cluster does not tell ({type(error).__name__})")
    doubt = (after - before) / 2
    return judged_skew(before + doubt - told, doubt, connection.settings.clock_margin_seconds)


def judged_skew(skew: timedelta, doubt: timedelta, margin_seconds: float) -> Check:
    """Judge by how much this machine's clock is ahead of the cluster's, known but for ``doubt``."""
    seconds = skew.total_seconds()
    certain = max(0.0, abs(seconds) - doubt.total_seconds())
    seen = f"this machine is {abs(seconds):.3f} s {'ahead of' if seconds > 0 else 'behind'} the cluster"
    seen += f" (± {doubt.total_seconds():.3f} s; allowed {margin_seconds:g} s)"
    if certain <= margin_seconds:
        return fine("clock", seen)
    ahead = "What arrives just before a minute may miss that minute's tick." if seconds > 0 else "Ticks are late."
    return Check(
        name="clock",
        verdict=Verdict.FAIL if seconds > 0 else Verdict.WARN,
        seen=f"{seen}. {ahead}",
        remedy="Mend the clock (NTP) of the machine that is wrong.",
        page=f"{MONITORING}#clocks-disagree",
    )


def _controllers_clock(quorum: Mapping[str, Any]) -> datetime:
    """Return what time the leader of the quorum had as it answered: it gives its own as its last fetch."""
    partition = quorum["topics"][0]["partitions"][0]
    leader = next(v for v in partition["current_voters"] if v["replica_id"] == partition["leader_id"])
    return datetime.fromtimestamp(leader["last_fetch_timestamp"] / 1000, UTC)
