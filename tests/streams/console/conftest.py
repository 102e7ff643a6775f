"""A simulated view that is made once, and consoles on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.simulated_view import simulated_view
from tests.streams.console.serving import opened


@pytest.fixture(scope="session")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A view of sixty clinicians of eight practices, a week before the deadline."""
    engine = opened(Path(tmp_path_factory.mktemp("view")) / "view.db")
    simulated_view(engine, 60)
    yield engine
    engine.dispose()
