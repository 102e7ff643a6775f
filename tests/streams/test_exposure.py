"""What is shown of the payment factor: by named assumptions, or by the cohort once enough of it is seen."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session

from infra.database.engine import create_tables, open_engine
from infra.database.questions import participants
from processors.outputs import StandingChanged
from processors.payment import Standings, adjustment_factor
from processors.standings import Provenance, SeenScore, standing_of_cohort
from schemas.codec import decode, encode
from streams.admission import Rules
from streams.commands.exposure import exposure_table
from streams.exposure import exposures
from streams.in_process import InProcess
from streams.projection import write_rows
from tests.making import DUE, NPI, at, attested, listed, pi_set, quality, result
from tests.streams.driver import LAW

HF, PAID = "HEART_FAILURE", 12_345_678
BOOK = LAW.rulebooks[2027]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """The view of one clinician of 2027 whose payments CMS gave."""
    system = InProcess(LAW, Rules(partitions=1))
    events = (
        ("2026-09-01", listed(event_id="l1")),
        ("2028-02-01", quality(event_id="q1")),
        ("2028-02-02", pi_set(event_id="p1")),
        ("2028-02-03", attested(event_id="a1")),
        ("2028-02-04", result(event_id="r1", part_b_paid_cents=PAID)),
    )
    for time, event in events:
        assert system.send(event, at(time)) is None
    system.play_ticks(at("2028-02-10"))
    engine = open_engine(f"sqlite:///{tmp_path / 'view.db'}")
    create_tables(engine)
    with engine.begin() as connection:
        write_rows(connection, [decode(encode(output)) for output in system.outputs])
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def stand(session: Session, seen: int, **changes: object) -> StandingChanged:
    scores = [SeenScore(cohort=HF, revision=1, final_score=Decimal(n % 100), part_b_paid_cents=5) for n in range(seen)]
    standing = standing_of_cohort(scores, HF, BOOK, Provenance(as_of=DUE, engine=1, generation="live"))
    standing = replace(standing, **changes)  # type: ignore[arg-type]
    write_rows(session.connection(), [decode(encode(standing))])
    return decode(encode(standing))  # type: ignore[no-any-return]


def exposed(session: Session) -> list[dict[str, object]]:
    return exposures(session, participants(session, NPI, 2027), LAW.rulebooks)


def test_without_enough_of_the_cohort_the_named_assumptions_are_shown_for_two_years(session: Session) -> None:
    stand(session, 2079)
    this, following = exposed(session)
    names = [scenario.name for scenario in BOOK.payment.scenarios]
    assert (this["basis"], [r["name"] for r in this["ranges"]]) == ("SCENARIO", names)  # type: ignore[attr-defined]
    assert (this["performance_year"], this["payment_year"], this["size_seen"], this["size_listed"]) == (
        2027,
        2029,
        2079,
        2600,
    )
    assert (following["performance_year"], following["payment_year"], following["ranges"]) == (2028, 2030, [])
    assert (following["risk_level"], following["part_b_paid_cents"]) == (Decimal("0.09"), PAID)


def test_with_enough_of_the_cohort_its_own_figures_are_used_and_dollars_told(session: Session) -> None:
    standing = stand(session, 2080)
    (score,) = participants(session, NPI, 2027)
    assert (standing.midpoint, standing.scaling_factor) != (None, None)
    figures = Standings(midpoint=standing.midpoint or Decimal(), scaling_factor=standing.scaling_factor)
    low, high = (
        adjustment_factor(s, figures, BOOK.payment) or Decimal()
        for s in (score.lowest_reachable, score.highest_reachable)
    )
    assert exposed(session)[0] == {
        "npi": NPI,
        "performance_year": 2027,
        "payment_year": 2029,
        "risk_level": Decimal("0.09"),
        "basis": "COHORT",
        "depends_on": "It depends on everybody else in the cohort.",
        "size_seen": 2080,
        "size_listed": 2600,
        "part_b_paid_cents": PAID,
        "ranges": [
            {
                "name": "COHORT",
                "low_factor": low,
                "high_factor": high,
                "low_cents": round(low * PAID),
                "high_cents": round(high * PAID),
                "above_risk_level": high > Decimal("0.09"),
            }
        ],
    }


def test_a_cohort_whose_figures_are_suppressed_or_tell_no_factor_falls_back_on_assumptions(session: Session) -> None:
    stand(session, 2080, midpoint=None, scaling_factor=None, revision=1)
    assert exposed(session)[0]["basis"] == "SCENARIO"
    stand(session, 2080, scaling_factor=None, revision=2)
    assert exposed(session)[0]["basis"] == "SCENARIO"


def test_the_table_names_the_basis_the_years_and_the_dollars(session: Session) -> None:
    stand(session, 2600)
    drawn = exposure_table(exposed(session))
    first, second = ([str(text) for text in cells] for cells in zip(*(c.cells for c in drawn.columns), strict=True))
    assert (first[:3], first[5][0]) == ([NPI, "2027 → 2029", "COHORT (COHORT)"], "-")
    assert second == [NPI, "2028 → 2030", "not scored yet", "-9.00 %", "–", "–", "–"]
