"""A stalled clock on a real Kafka: said on the health topic by the projector's process, by nobody's worker."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.codec import decode
from schemas.records import HealthChanged
from streams.watermark_watch import WatermarkWatch
from tests.integration.system import PARTITIONS, System, await_that

pytestmark = pytest.mark.integration


def words(system: System) -> list[tuple[str, str]]:
    said: list[HealthChanged] = [decode(record.value) for record in system.read("asm.health.v1")]
    return sorted((word.name, word.state.value) for word in said)


def test_a_clock_that_stands_still_is_said_and_so_that_it_goes_again(system: System) -> None:
    wall = system.on_the_wall()
    wall.apply_topics()
    worker = wall.worker()
    ahead = timedelta()
    with WatermarkWatch(wall.connection, lambda: datetime.now(UTC) + ahead) as watch:
        await_that(lambda: len(wall.marks()) == PARTITIONS, 60, "a tick in each partition")
        watch.look()
        assert words(wall) == []
        ahead = timedelta(minutes=10)
        watch.look()
        assert words(wall) == [(str(p), "FIRING") for p in range(PARTITIONS)]
    worker.kill()
    with WatermarkWatch(wall.connection, lambda: datetime.now(UTC) + ahead) as watch:
        watch.look()
        assert len(words(wall)) == PARTITIONS
        ahead = timedelta()

        def resolved() -> bool:
            watch.look()
            return len(words(wall)) == 2 * PARTITIONS

        await_that(resolved, 30, "the clocks' going again")
    assert [state for _, state in words(wall)] == ["FIRING", "RESOLVED"] * PARTITIONS


def test_the_projector_watches_the_clocks(system: System) -> None:
    wall = system.on_the_wall()
    wall.apply_topics()
    projector = wall.start("project", ASM_WATERMARK_LIMIT_SECONDS="1")
    await_that(lambda: projector.says("watermark_stalled") == PARTITIONS, 30, "a word of each partition")
    assert words(wall) == [(str(p), "FIRING") for p in range(PARTITIONS)]
    assert projector.stop() == 0
