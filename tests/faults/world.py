"""A simulated year, made larger by claims: repeats, corrections, reordering and poison are part of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.events import ClaimReceived, Event
from processors.simulated_world import Timed
from processors.simulation import simulate

BOOKS = load_rulebooks(DEFAULT_VINTAGE)
_REPEATED_PERCENT = 2


def large_world(seed: int, clinicians: int, claims_factor: int) -> list[Timed[Event]]:
    """Return a world whose claims come ``claims_factor`` times, each time as other claims, in the order of receipt."""
    chance = Random(seed)  # noqa: S311 - a world, not a secret
    told = simulate(seed, clinicians, BOOKS[min(BOOKS)])
    more = [t for t in told if isinstance(t.event, ClaimReceived) for t in _alike(t, claims_factor, chance)]
    again = [_later(t, chance) for t in more if chance.randrange(100) < _REPEATED_PERCENT]
    return sorted([*told, *more, *again], key=lambda t: (t.received_at, t.event.source, t.event.event_id))


def _alike(timed: Timed[Event], factor: int, chance: Random) -> Iterator[Timed[Event]]:
    event = timed.event
    assert isinstance(event, ClaimReceived)
    for number in range(1, factor):
        other = replace(event, claim_id=f"{event.claim_id}-{number}", event_id=f"{event.event_id}-{number}")
        yield Timed(timed.received_at + timedelta(minutes=chance.randrange(6000)), other)


def _later(timed: Timed[Event], chance: Random) -> Timed[Event]:
    return Timed(timed.received_at + timedelta(hours=chance.randrange(1, 90)), timed.event)
