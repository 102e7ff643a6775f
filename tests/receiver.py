"""Somebody who is told over HTTP: keeps what arrives, and answers as a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Request:
    """What arrived, and how it was answered."""

    path: str
    headers: dict[str, str]
    document: Any
    status: int = 0


@dataclass(slots=True)
class Told:
    """The requests in the order of their arrival, and how they are answered: with ``status`` once ``open`` is set."""

    url: str
    port: int
    requests: list[Request] = field(default_factory=list)
    status: int = 200
    open: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> list[Any]:
        """The documents that arrived at a path."""
        return [r.document for r in self.requests if r.path == path]


@contextmanager
def receiver(port: int = 0) -> Iterator[Told]:
    """Yield a receiver that listens on the loopback until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, json.loads(body))
            told.requests.append(request)
            told.open.wait(30)
            request.status = told.status
            self.send_response(request.status)
            self.end_headers()
            self.wfile.write(b"as the test says")

        def do_GET(self) -> None:
            """There is nothing to see here."""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever asked may have been killed meanwhile."""

    server = Server(("127.0.0.1", port), Handler)
    told = Told(f"http://127.0.0.1:{server.server_port}", server.server_port)
    told.open.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        told.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
