"""The port: nothing listens unless asked, and what it answers is right for whoever restarts or routes by it."""

import json
import socket
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from infra.errors import Unavailable
from infra.http_port import Pages, http_port
from infra.progress import Holding, Progress
from infra.settings import Settings


class Dial:
    """A clock that a test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def settings(**given: Any) -> Settings:
    return Settings.model_validate(given)


def test_nothing_listens_unless_a_port_is_asked_for() -> None:
    with http_port(settings()) as port:
        assert port is None


def test_it_listens_on_the_loopback_alone() -> None:
    with http_port(settings(http_port=0), Pages(Progress(), CollectorRegistry())) as port:
        assert port is not None
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        outside = socket.gethostbyname(socket.gethostname())
        if not outside.startswith("127."):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((outside, port), timeout=2)


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with http_port(settings(http_port=0)) as port:
        second = http_port(settings(http_port=port))
        with pytest.raises(Unavailable, match="set ASM_HTTP_PORT to a free port"):
            second.__enter__()


def test_health_is_refused_when_the_loop_has_not_turned_for_two_minutes() -> None:
    dial = Dial()
    with http_port(settings(http_port=0), Pages(Progress(now=dial), CollectorRegistry())) as port:
        answers = []
        for dial.seconds in (119.0, 121.0):
            answer = httpx.get(f"http://127.0.0.1:{port}/healthz")
            answers.append((answer.status_code, answer.json()))
    assert answers == [(200, {"lives": True, "loop_seconds": 119.0}), (503, {"lives": False, "loop_seconds": 121.0})]


def test_readiness_is_refused_until_every_partition_is_worked_on() -> None:
    progress = Progress()
    progress.expect("assessment")
    progress.hold("assessment", 0, Holding.TAKING_OVER)
    progress.assigned("assessment")
    with http_port(settings(http_port=0), Pages(progress, CollectorRegistry())) as port:
        before = httpx.get(f"http://127.0.0.1:{port}/readyz")
        progress.hold("assessment", 0, Holding.WORKING)
        after = httpx.get(f"http://127.0.0.1:{port}/readyz")
    assert (before.status_code, after.status_code) == (503, 200)
    assert [answer.json()["partitions"][0]["state"] for answer in (before, after)] == ["taking over", "working"]


def test_metrics_are_in_prometheus_form_and_what_is_not_there_is_told() -> None:
    with http_port(settings(http_port=0), Pages(Progress(), CollectorRegistry())) as port:
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics")
        other = httpx.get(f"http://127.0.0.1:{port}/table")
    assert (metrics.status_code, metrics.headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert (other.status_code, json.loads(other.text)) == (404, {"pages": ["/metrics", "/healthz", "/readyz"]})
