"""What the board and the overviews ask, on SQLite and on PostgreSQL: what counts, what filters, what is hidden."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from infra.database import overviews
from infra.database.board import Wanted, board, open_by_practice, practices, tins_with_alias, totals
from infra.database.engine import create_tables, open_engine
from tests.infra.test_database import SAID, write
from tests.making import DUE, TIN

HERE, ELSEWHERE = frozenset({TIN.digits}), frozenset({"987654321"})


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    """A session on what was said of one clinician before the deadline."""
    engine: Engine = open_engine(database_url)
    create_tables(engine)
    write(engine, [o for o in SAID if o.as_of < DUE])
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_totals_count_what_the_board_lists(session: Session) -> None:
    found = list(board(session, Wanted()))
    counted = totals(session, Wanted())
    assert (counted.items, counted.practices, counted.soonest) == (len(found), 1, DUE)
    assert counted.firing == sum(m.obligation.alert == "FIRING" for m in found) > 0
    assert counted.undated == sum(m.obligation.due_at is None for m in found) > 0
    pages = [list(board(session, Wanted(), 3, offset)) for offset in range(0, len(found), 3)]
    assert [m.obligation.obligation_id for page in pages for m in page] == [m.obligation.obligation_id for m in found]


@pytest.mark.parametrize(
    ("wanted", "some"),
    [
        (Wanted(tins=HERE), True),
        (Wanted(tins=ELSEWHERE), False),
        (Wanted(tins=frozenset()), False),
        (Wanted(text="aDA"), True),
        (Wanted(text="orth"), True),
        (Wanted(text="a%y"), False),
        (Wanted(text="northside"), True),
        (Wanted(alert="FIRING"), True),
        (Wanted(stage="NONE"), False),
        (Wanted(least_points=Decimal(1000)), False),
        (Wanted(year=1), False),
        (Wanted(cohort="HEART_FAILURE"), True),
    ],
)
def test_a_filter_lets_through_what_it_names(session: Session, wanted: Wanted, some: bool) -> None:
    found = list(board(session, wanted))
    assert (totals(session, wanted).items, bool(found)) == (len(found), some)


def test_a_practice_is_named_by_its_newest_roster(session: Session) -> None:
    (found,) = practices(session)
    assert (found.tin, found.alias, found.organization, found.clinicians) == (TIN.digits, "northside", "North", 1)
    assert tins_with_alias(session, ["northside", "other"]) == HERE
    assert tins_with_alias(session, ["other"]) == frozenset()
    assert practices(session, ELSEWHERE) == []
    assert open_by_practice(session, None)[TIN.digits].items == totals(session, Wanted()).items
    assert open_by_practice(session, ELSEWHERE) == {}


def test_overviews_tell_of_who_may_be_seen(session: Session) -> None:
    (wrong,) = overviews.findings_by_feed(session, None)
    assert (wrong.code, wrong.times) == ("UNKNOWN_MEASURE", 1)
    assert overviews.findings_by_feed(session, HERE) == [wrong]
    assert overviews.findings_by_feed(session, ELSEWHERE) == []
    ((cohort, year, _),) = overviews.final_scores(session, HERE)
    assert (cohort, year) == ("HEART_FAILURE", 2027)
    assert overviews.final_scores(session, ELSEWHERE) == []
    assert overviews.newest(session, ELSEWHERE) == (0, 0, 0, 0, 0, 0)
    assert min(overviews.newest(session, HERE)) > 0
    assert overviews.newest(session, None) == (0,)
