"""The port on which a process tells of itself: ``/metrics``, ``/healthz``, ``/readyz``. Nothing listens unless asked.

``/healthz`` answers 503 when the process's loop has not turned for two minutes: it lives, and does nothing.
``/readyz`` answers 503 while a stage waits for its partitions or a partition is taken over.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from infra.errors import Unavailable
from infra.log import Log
from infra.metrics import INSTRUMENTS, Metrics
from infra.progress import PROGRESS, Progress
from infra.settings import Settings

_DEAF_SECONDS = 120.0
_OK, _NOT_READY, _NOT_FOUND = "200 OK", "503 Service Unavailable", "404 Not Found"
Respond = Callable[[str, list[tuple[str, str]]], object]


class _Quiet(WSGIRequestHandler):
    """Writes no line a request: a probe asks every few seconds."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Pages:
    """What is answered, as a WSGI application."""

    def __init__(self, progress: Progress = PROGRESS, registry: CollectorRegistry = INSTRUMENTS.registry) -> None:
        self._progress = progress
        self._metrics: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)

    def __call__(self, request: Mapping[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer one request."""
        path = request.get("PATH_INFO")
        if path == "/metrics":
            return self._metrics(request, respond)
        if path == "/healthz":
            seconds = self._progress.seconds_since_beat()
            lives = seconds < _DEAF_SECONDS
            return _answer(respond, _OK if lives else _NOT_READY, {"lives": lives, "loop_seconds": round(seconds, 1)})
        if path == "/readyz":
            document = self._progress.document()
            return _answer(respond, _OK if document["ready"] else _NOT_READY, document)
        return _answer(respond, _NOT_FOUND, {"pages": ["/metrics", "/healthz", "/readyz"]})


def _answer(respond: Respond, status: str, document: Mapping[str, object]) -> Iterable[bytes]:
    respond(status, [("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")])
    return [json.dumps(document).encode() + b"\n"]


@contextmanager
def http_port(settings: Settings, pages: Pages | None = None) -> Iterator[int | None]:
    """Answer on the configured port as long as the context lasts; yield the port, None where none is asked for.

    :raises Unavailable: the port is taken, or the address is not this machine's.
    """
    if settings.http_port is None:
        yield None
        return
    host = settings.http_host
    try:
        server = make_server(host, settings.http_port, pages or Pages(), ThreadingWSGIServer, _Quiet)
    except OSError as error:
        raise Unavailable(
            f"Nothing can listen on {host}:{settings.http_port} ({error.strerror}): set ASM_HTTP_PORT to a free port, "
            "another one for each process of a machine, and ASM_HTTP_HOST to an address of this machine."
        ) from error
    Thread(target=server.serve_forever, daemon=True, name="http-port").start()
    Log().info("http_listening", host=host, port=server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def telling(settings: Settings, program: str) -> Iterator[None]:
    """Name this program in the metrics, and answer on the configured port as long as the context lasts.

    :raises Unavailable: the port cannot be had.
    """
    PROGRESS.simulated = settings.clock == "events"
    Metrics().set(
        "asm_program_info",
        1,
        program=program,
        version=version("asm-streams"),
        generation=settings.generation,
        vintage=settings.vintage,
        clock=settings.clock,
    )
    with http_port(settings):
        yield
