"""One run: a broker and a deployment of its own, a world played under faults, and the verdict."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.database.engine import create_tables, open_engine
from infra.kafka.broker import EmbeddedBroker
from processors.events import Event
from processors.simulated_world import Timed
from streams.projection import Projector
from tests.faults.chaos import Chaos, Plan
from tests.faults.oracles import Verdict, judge
from tests.integration.system import System
from tests.making import at

END = at("2028-04-20")


def run(
    world: Sequence[Timed[Event]], plan: Plan, broker: EmbeddedBroker, folder: Path
) -> tuple[Verdict, Counter[str], list[Any]]:
    """Play a world under a plan; return the verdict, what was done, and how the programs ended."""
    address = broker.up().bootstrap
    system = System(address, "faults.", folder)
    try:
        system.apply_topics()
        chaos = Chaos(system, broker, plan)
        chaos.play(world, END)
        codes = chaos.stop()
        engine = open_engine(f"sqlite:///{folder}/asm.db")
        create_tables(engine)
        Projector(system.connection, engine).run(once=True)
        verdict = judge(system, engine)
        engine.dispose()
    finally:
        system.end()
        broker.down()
    return verdict, chaos.done, codes
