"""Asking a console as one person does, without a server."""

from typing import Any

from starlette.testclient import TestClient

from streams.console.app import create_app
from tests.streams.console.serving import Made


def client_of(made: Made, name: str | None = None) -> TestClient:
    """A client with somebody's token; without a name nobody's."""
    client = TestClient(create_app(made.console), follow_redirects=False)
    if name is not None:
        client.headers["authorization"] = f"Bearer {made.tokens[name]}"
    return client


def answer(client: TestClient, path: str) -> Any:
    """The JSON of an answer that is given."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.json()
