"""Following only the alerts comes to what saying everything comes to."""

import pytest

from processors.simulation import simulate
from schemas.plain import to_json
from streams.admission import Rules
from streams.assessment import Assessor
from streams.following import FollowingAssessor
from streams.in_process import InProcess, views
from tests.making import YEAR, at
from tests.streams.driver import LAW


def told(kind: type[Assessor], seed: int, until: str) -> list[object]:
    """Scores, obligations with their alerts, and findings of a simulated world, as of an instant."""
    system = InProcess(LAW, Rules(partitions=1), kind)
    for timed in simulate(seed, 10, LAW.rulebooks[YEAR]):
        if timed.received_at < at(until):
            system.send(timed.event, timed.received_at)
    system.play_ticks(at(until))
    system.tick(at(until))
    return [
        (to_json(scores), to_json(obligations), to_json(assessment.findings))
        for year, assessment in system.years()
        for scores, obligations in [views(year, assessment)]
    ]


@pytest.mark.parametrize("until", ["2027-10-20", "2028-03-10", "2028-04-15"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_end_is_the_same_whether_everything_before_was_said_or_only_its_alerts_followed(
    seed: int, until: str
) -> None:
    assert told(FollowingAssessor, seed, until) == told(Assessor, seed, until)
