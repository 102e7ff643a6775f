"""The workers: their groups, how far each partition is, the watermark, and whether the state fits this release."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import TopicPartition

from infra.kafka.connection import Connection
from infra.kafka.groups import members
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import JOURNAL, topic_names
from infra.rulebooks import load_rulebooks
from schemas.state import PartitionMark, unpack
from streams.admitting import admitted_topics
from streams.assessment import Law
from streams.doctor.checks import MONITORING, OPERATIONS, Check, Verdict, fine
from streams.doctor.readers import Positions, Reading, Waiting, group_positions, look
from streams.groups import admission_group, assessment_group
from streams.lost_places import lost_places
from streams.state import MARK_KEY, STATE

_TAIL = 500
_MUCH_LAG = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The mark of a partition's state, and when it was written."""

    partition: int
    mark: PartitionMark
    written_at: datetime


def groups(connection: Connection) -> dict[str, tuple[str, Sequence[str]]]:
    """Return the group and the topics, as they are called on the cluster, of each stage."""
    settings, names = connection.settings, topic_names(connection.settings)
    return {
        "admission": (admission_group(settings), [names.of(name) for name in admitted_topics()]),
        "assessment": (assessment_group(settings), [names.of(JOURNAL)]),
    }


def stage(connection: Connection, name: str, last_progress: datetime | None) -> Check:
    """See how far a stage of the workers is.

    :raises Unavailable: the cluster does not answer, or has not one of the topics.
    """
    group, topics = groups(connection)[name]
    reading = look(connection, topics, group_positions(connection, group))
    return judged_reading(name, reading, members(connection, group), last_progress)


def log(connection: Connection) -> Check:
    """See whether the inbound topics still have what admission is to read next.

    :raises Unavailable: the cluster does not answer.
    """
    places = lost_places(connection)
    told = ", ".join(place.in_words() for place in places[:3])
    if not places:
        return fine("log", "what admission is to read next is there")
    return Check(
        name="log",
        verdict=Verdict.FAIL,
        seen=f"{len(places)} partitions lost what was to be read: {told}",
        remedy="`asm topics lost` shows what is gone; a person must decide.",
        page=f"{OPERATIONS}/log-lost.md",
    )


def judged_reading(name: str, reading: Reading, workers: int, last_progress: datetime | None) -> Check:
    """Judge how far a stage is, which so many workers run."""
    last = f", last progress {show_ago(last_progress)}" if last_progress else ""
    seen = f"{workers} member(s), lag {reading.lag}{last}"
    details = _details(reading)
    if workers == 0:
        return Check(
            name=name,
            verdict=Verdict.FAIL,
            seen=f"nobody works: {seen}",
            remedy="Start `asm worker`; its log says why it ended.",
            page=f"{MONITORING}#a-process-is-down",
            details=details,
        )
    if reading.stalled:
        return Check(
            name=name,
            verdict=Verdict.FAIL,
            seen=f"{seen}; no progress in {told_waiting(reading.stalled)}",
            remedy="See the worker's log for partition_failed; find open transactions of feeds.",
            page=f"{MONITORING}#no-progress",
            details=details,
        )
    if reading.lag > _MUCH_LAG:
        return Check(
            name=name,
            verdict=Verdict.WARN,
            seen=f"{seen}; it moves",
            remedy="Wait, or start more workers.",
            page=f"{MONITORING}#lag",
            details=details,
        )
    return fine(name, seen + ("; it moves" if reading.waiting else ""), details)


def marks(connection: Connection) -> list[Marked]:
    """Return the last mark of each partition's state.

    :raises Unavailable: the cluster does not answer, or has not the topic.
    """
    found: dict[int, Marked] = {}
    with reader(connection, topic_names(connection.settings).of(STATE)) as consumer:
        assigned = list(consumer.assignment())
        begins = consumer.beginning_offsets(assigned)
        for tp, end in consumer.end_offsets(assigned).items():
            consumer.seek(tp, max(begins[tp], end - _TAIL))
        for record in records_to_end(consumer):
            if record.key == MARK_KEY and record.value is not None:
                written_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
                mark = unpack(record.value, PartitionMark)
                found[record.partition] = Marked(partition=record.partition, mark=mark, written_at=written_at)
    return [found[partition] for partition in sorted(found)]


def watermark(connection: Connection, found: Sequence[Marked], partitions: int, now: datetime) -> Check:
    """See how old the last tick of each partition is."""
    settings = connection.settings
    as_of = {m.partition: m.mark.as_of for m in found}
    silent = [p for p in range(partitions) if as_of.get(p) is None]
    told = [instant for instant in as_of.values() if instant is not None]
    details = [{"partition": p, "as_of": as_of.get(p)} for p in range(partitions)]
    if silent:
        return Check(
            name="watermark",
            verdict=Verdict.FAIL if settings.clock == "wall" and told else Verdict.WARN,
            seen=f"partitions that never ticked: {_listed(silent)}",
            remedy="No deadline fires there. Start `asm worker`, or set the simulated clock.",
            page=f"{OPERATIONS}/watermark.md",
            details=details,
        )
    if settings.clock == "events":
        return fine("watermark", f"simulated, from {min(told).isoformat()} to {max(told).isoformat()}", details)
    limit = timedelta(seconds=settings.watermark_limit_seconds)
    late = [p for p, instant in sorted(as_of.items()) if instant is not None and now - instant > limit]
    oldest = int((now - min(told)).total_seconds())
    if not late:
        return fine("watermark", f"the oldest tick is {oldest} s old (limit {limit.total_seconds():g} s)", details)
    return Check(
        name="watermark",
        verdict=Verdict.FAIL,
        seen=f"the clock stands still in partitions {_listed(late)}, the oldest tick is {oldest} s old",
        remedy="Nothing false is said, but deadlines that pass there are not announced.",
        page=f"{OPERATIONS}/watermark.md",
        details=details,
    )


def state(connection: Connection, found: Sequence[Marked]) -> Check:
    """See whether the state is of this release, of these rulebooks, and as far as the group has committed."""
    settings = connection.settings
    fresh = Law(rulebooks=load_rulebooks(settings.vintage, settings.areas_file)).fresh_mark()
    if not found:
        return Check(name="state", verdict=Verdict.UNKNOWN, seen=f"generation {settings.generation} has none yet")
    engines = {m.mark.engine for m in found}
    details = [
        {"partition": m.partition, "applied": m.mark.applied, "engine": m.mark.engine, "written_at": m.written_at}
        for m in found
    ]
    if engines != {fresh.engine}:
        trouble = f"it is of engine version {_listed(sorted(engines))}, this release is version {fresh.engine}"
    elif any(not m.mark.promoted and dict(m.mark.rulebooks) != dict(fresh.rulebooks) for m in found):
        trouble = f"it was made under other rulebooks than those of vintage {settings.vintage} here"
    elif unfit := _unfit(connection, found):
        trouble = f"it does not fit what the group has committed, in partitions {_listed(unfit)}"
    else:
        promoted = sorted({m.mark.promoted for m in found} - {""})
        law = f", under the law of {', '.join(promoted)}" if promoted else ""
        told = f"generation {settings.generation}, engine {fresh.engine}, {len(found)} partitions{law}"
        return fine("state", told, details)
    return Check(
        name="state",
        verdict=Verdict.FAIL,
        seen=f"generation {settings.generation}: {trouble}",
        remedy="Workers refuse it. Fold the journal anew: `asm replay start NAME --follow`, then promote it.",
        page=f"{OPERATIONS}/recalculation.md",
        details=details,
    )


def _unfit(connection: Connection, found: Iterable[Marked]) -> list[int]:
    """Return the partitions whose state and committed offset do not belong together, as seen twice."""
    group, (journal,) = groups(connection)["assessment"]
    committed: Positions = group_positions(connection, group)()
    wrong = [m for m in found if committed.get(TopicPartition(journal, m.partition)) not in {m.mark.applied + 1, None}]
    if not wrong:
        return []
    now = {m.partition: m.mark.applied for m in marks(connection)}
    committed = group_positions(connection, group)()
    return [
        m.partition
        for m in wrong
        if now.get(m.partition) == m.mark.applied
        and committed.get(TopicPartition(journal, m.partition)) != m.mark.applied + 1
    ]


def _details(reading: Reading) -> list[dict[str, Any]]:
    """Return how far each partition is, in which something was committed or waits."""
    waiting = {w.tp: w for w in reading.waiting}
    found = []
    for tp in sorted({*reading.positions, *waiting}):
        told = {"topic": tp.topic, "partition": tp.partition, "next_offset": reading.positions.get(tp, 0), "lag": 0}
        w = waiting.get(tp)
        found.append(told if w is None else told | {"lag": w.lag, "since": w.since, "moved": w.moved})
    return found


def told_waiting(waiting: Sequence[Waiting]) -> str:
    """Say where something waits, the first few."""
    told = [f"{w.topic}/{w.partition} at {w.next_offset} (lag {w.lag})" for w in waiting[:3]]
    return ", ".join(told) + (f" and {len(waiting) - 3} more" if len(waiting) > 3 else "")


def show_ago(instant: datetime) -> str:
    """Say how long ago an instant was."""
    seconds = (datetime.now(UTC) - instant).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(0, round(seconds))} s ago"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
