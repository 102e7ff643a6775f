"""A simulated view that is made once, and consoles on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from infra.database.tables import Finding, Score
from tests.simulated_view import simulated_view
from tests.streams.console.serving import opened


@pytest.fixture(scope="session")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A view of sixty clinicians of eight practices, a week before the deadline."""
    engine = opened(Path(tmp_path_factory.mktemp("view")) / "view.db")
    simulated_view(engine, 60)
    with Session(engine) as session:
        for alias in ("prairie-spine-3", "prairie-spine-4"):
            session.add(wrong(session, alias))
        session.commit()
    yield engine
    engine.dispose()


def wrong(session: Session, alias: str) -> Finding:
    """A finding about a practice, from a feed of its own."""
    score = session.exec(select(Score).where(Score.practice_alias == alias)).all()[0]
    said = {name: getattr(score, name) for name in ("tin", "performance_year", "as_of", "rulebook", "vintage")}
    return Finding(
        **said,
        finding_id=f"f-{alias}",
        npi=None,
        revision=1,
        emitted_id="e",
        cause_type="SubmissionReceived",
        cause_source="s",
        cause_event_id="c",
        cause_journal_offset=1,
        engine=1,
        generation="live",
        event_source=f"ehr-of-{alias}",
        event_id=f"e-{alias}",
        event_origin="asm.submissions.v1/0/1",
        code="UNKNOWN_MEASURE",
        field=None,
        message="The measure is not one of ASM's.",
        state="OPEN",
        cites=[],
    )
