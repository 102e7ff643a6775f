"""A worker whose clients wait for ever, while the cluster answers, begins again."""

from infra.kafka.connection import Connection
from infra.progress import Holding, Progress
from infra.settings import Settings
from streams.cluster_watch import ClusterWatch


def ends_after(looks: list[list[str]]) -> list[int]:
    """With which codes the process is ended by what is seen at each look."""
    ended: list[int] = []
    settings = Settings.model_validate({"kafka_bootstrap": "127.0.0.1:9"})
    watch = ClusterWatch(Connection("127.0.0.1:9", embedded=True, settings=settings), ended.append)
    for not_joined in looks:
        watch.note(not_joined)
    return ended


def test_a_stage_that_joins_nothing_for_a_minute_ends_the_process_to_begin_again() -> None:
    assert ends_after([["assessment"]] * 11) == []
    assert ends_after([["assessment"]] * 12) == [75]


def test_a_stage_that_joined_meanwhile_is_waited_for_anew() -> None:
    assert ends_after([["assessment"]] * 11 + [[]] + [["assessment"]] * 11) == []


def test_a_stage_has_not_joined_before_it_is_assigned_unless_it_is_taking_over() -> None:
    progress = Progress()
    progress.expect("admission")
    progress.expect("assessment")
    assert progress.not_joined() == ["admission", "assessment"]
    progress.hold("assessment", 1, Holding.TAKING_OVER)
    assert progress.not_joined() == ["admission"]
    progress.assigned("admission")
    assert progress.not_joined() == []
