"""Generations as they would stand on the cluster, folded in one process: a law, and the state of one partition."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.events import BatchClosed, ClockTicked, Event
from processors.rulebook import Rulebook
from processors.simulated_world import Timed
from schemas.fingerprint import observe
from streams.assessment import Assessor, Entry
from streams.law import Law
from streams.laws import Kept
from streams.state import PartitionState, load_state
from tests.making import IN_WINDOW
from tests.streams.laws import QUALITY

PRESENT = load_rulebooks(DEFAULT_VINTAGE)
BENCHMARKS, SUBMISSION = "512_725_benchmarks.toml", "512_720_data_submission.toml"
ACTIVITIES, PAYMENT = "512_735_improvement_activities.toml", "512_750_payment.toml"
P236 = "[4.76, 45.28, 55.56, 61.54, 65.61, 68.98, 72, 75, 78.7, 84.04, 98.18]"
P236_CORRECTED = "[4.76, 55.28, 65.56, 71.54, 75.61, 78.98, 82, 85, 88.7, 94.04, 98.18]"
BENCHMARK_CORRECTED = (BENCHMARKS, '"236/ECQM"', P236, P236_CORRECTED)
COMPLETENESS_CORRECTED = (QUALITY, "data_completeness_min", "value    = 0.75", "value    = 0.60")
ELEMENTS_COST = (ACTIVITIES, "missing_elements_cost_points", "value    = false", "value    = true")
MORE_ELEMENTS = (ACTIVITIES, "activities", '"COORDINATION"], elements_min = 3', '"COORDINATION"], elements_min = 4')


def timed(*events: Event, received_at: datetime = IN_WINDOW) -> list[Timed[Any]]:
    """Events as received at one instant."""
    return [Timed(received_at, event) for event in events]


def generation(
    world: Iterable[Timed[Any]],
    as_of: datetime,
    law: Mapping[int, Rulebook] = PRESENT,
    name: str = "live",
) -> Kept:
    """What a generation keeps after some events and a tick, as it is read from its records."""
    known = Law(rulebooks=law, generation=name)
    assessor = Assessor(PartitionState(known.fresh_mark()), known)
    told: list[Timed[Any]] = list(world)
    first = min((t.received_at for t in told), default=as_of).replace(second=0, microsecond=0)
    assessor.apply([Entry(offset=0, content=ClockTicked(as_of=first))])
    for offset, each in enumerate(told, 1):
        origin = f"asm.test.v1/0/{offset}"
        assessor.apply([Entry(offset=offset, content=observe(each.event, each.received_at, origin))])
    assessor.apply([Entry(offset=len(told) + 1, content=BatchClosed())])
    while (due := assessor.state.next_due()) is not None and due <= as_of:
        assessor.apply([Entry(offset=len(told) + 2, content=ClockTicked(as_of=due))])
    assessor.apply([Entry(offset=len(told) + 2, content=ClockTicked(as_of=as_of))])
    return Kept(law=known, states={0: load_state(assessor.take_effects().state, known.fresh_mark())})
