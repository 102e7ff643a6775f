"""What the world does in one seed: when the wall moves, what the feeds send, and what befalls the workers meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from aiokafka import TopicPartition

from processors.events import ClaimReceived, Event
from processors.rulebook import Rulebook
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import encode
from schemas.partitioning import partition_of
from schemas.topics import contract
from streams.admission import milliseconds
from streams.rows import Row
from tests.replay.broker import INBOUND

_MINUTE = timedelta(minutes=1)
HAPPENINGS = ("nothing", "nothing", "rebalance", "planned stop", "kill", "freeze", "outage")
_CLAIMS_MOST, _OTHERS_MOST = 12, 10


@dataclass(frozen=True, slots=True)
class Sent:
    """A record of a feed, and where it goes."""

    tp: TopicPartition
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The wall moves to an instant, the feeds send, and something happens to the workers."""

    instant: datetime
    sent: tuple[Sent, ...]
    happening: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All phases; the wall ends long after the last deadline."""

    seed: int
    partitions: int
    clock: str
    phases: tuple[Phase, ...]
    end: datetime


def written(seed: int, rulebooks: Mapping[int, Rulebook]) -> Script:
    """Write the script of a seed."""
    chance = Random(seed)  # noqa: S311 - a world, not a secret
    partitions = chance.randrange(2, 5)
    years = sorted(chance.sample([y for y in rulebooks if y + 1 in rulebooks][:3], chance.choice((1, 1, 1, 2))))
    told = sorted(
        (t for year in years for t in _told(chance, rulebooks[year], len(years))), key=lambda t: t.received_at
    )
    instants = _instants(chance, [rulebooks[year] for year in years], told)
    phases, after = [], told[0].received_at - timedelta(days=1)
    for instant in instants:
        due = [t for t in told if after < t.received_at <= instant]
        sent = [_sent(t.event, partitions, _between(after, instant, chance)) for t in due]
        sent += _strange(chance, sent, partitions)
        happening = chance.choice(HAPPENINGS)
        phases.append(Phase(instant=instant, sent=_timed(sent), happening=happening, slot=chance.randrange(2)))
        after = instant
    clock = chance.choice(("wall", "wall", "events"))
    end = instants[-1] + timedelta(days=1)
    return Script(seed=seed, partitions=partitions, clock=clock, phases=tuple(phases), end=end)


def _told(chance: Random, rulebook: Rulebook, years: int) -> list[Timed[Any]]:
    """A small world: a few events of one to three clinicians, so that a run takes a tenth of a second."""
    told = simulate(chance.randrange(1 << 30), chance.randrange(1, 4), rulebook)
    claims = [t for t in told if isinstance(t.event, ClaimReceived)]
    others = [t for t in told if not isinstance(t.event, ClaimReceived)]
    picked = [
        *chance.sample(claims, min(len(claims), _CLAIMS_MOST // years)),
        *chance.sample(others, min(len(others), _OTHERS_MOST // years)),
    ]
    repeated = [
        Timed(t.received_at + timedelta(days=chance.choice((0, 1, 40))), t.event)
        for t in picked
        if chance.random() < 0.3
    ]
    return picked + repeated


def _instants(chance: Random, rulebooks: Sequence[Rulebook], told: Sequence[Timed[Any]]) -> list[datetime]:
    """The deadline of each year, always, just before and just after; some other turns of the calendar, and two days."""
    found = {chance.choice(told).received_at.replace(second=0, microsecond=0) + _MINUTE for _ in range(2)}
    for rulebook in rulebooks:
        due = rulebook.submission.due_instant
        found |= set(chance.sample(list(turns(due)), 2))
        found |= {due - timedelta(seconds=chance.choice((0.2, 1, 59, 90))), due + chance.choice((0, 1, 3)) * _MINUTE}
        found.add(due + timedelta(days=20))
    return sorted(found)


def turns(due: datetime) -> Iterator[datetime]:
    """Yield turns of the calendar before a deadline: the year's end, leap day, summer time."""
    year = due.year
    yield datetime(year - 1, 12, 31, 23, 59, 59, tzinfo=UTC)
    yield datetime(year, 1, 1, 5, tzinfo=UTC)  # midnight in the East
    if year % 4 == 0:
        yield datetime(year, 2, 29, 4, 59, 59, tzinfo=UTC)
        yield datetime(year, 2, 29, 23, 59, tzinfo=UTC)
    march = datetime(year, 3, 1, tzinfo=UTC)
    second_sunday = march + timedelta(days=(6 - march.weekday()) % 7 + 7)
    yield second_sunday + timedelta(hours=6, minutes=59, seconds=59)
    yield second_sunday + timedelta(hours=7)
    yield due - timedelta(days=1)


def _between(after: datetime, instant: datetime, chance: Random) -> int:
    """When something is received between two instants of the clock, in milliseconds."""
    return milliseconds(after) + chance.randrange(max(1, milliseconds(instant) - milliseconds(after)))


def _sent(event: Event, partitions: int, timestamp: int) -> Sent:
    """The event's record."""
    key = event.tin.digits.encode()
    topic = contract().topic_of(type(event).__name__)
    row = Row(key=key, value=encode(event), timestamp=timestamp)
    return Sent(TopicPartition(topic, partition_of(key, partitions)), row)


def _strange(chance: Random, sent: Sequence[Sent], partitions: int) -> list[Sent]:
    """What no rulebook could accept: bytes of nobody, a key that is not the body's, another partition."""
    if not sent or chance.random() < 0.6:
        return []
    tp, row = chance.choice(sent).tp, chance.choice(sent).row
    strange = (
        Sent(tp, Row(key=row.key, value=chance.randbytes(20), timestamp=row.timestamp)),
        Sent(tp, Row(key=row.key, value=None, timestamp=row.timestamp)),
        Sent(tp, Row(key=b"123456789", value=row.value, timestamp=row.timestamp)),
        Sent(TopicPartition(tp.topic, (tp.partition + 1) % partitions), row),
        Sent(TopicPartition(INBOUND[0], tp.partition), row),
    )
    return [chance.choice(strange)]


def _timed(sent: Sequence[Sent]) -> tuple[Sent, ...]:
    """In the order of their receipt."""
    return tuple(sorted(sent, key=lambda s: s.row.timestamp or 0))
