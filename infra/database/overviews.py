"""Overviews: feeds with what was refused and found wrong, the cohorts' scores, the system's own health."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from infra.database.tables import Finding, Health, Obligation, ReadPosition, Refusal, Score, Standing

_DONE = "asm.operations.v1"


class OfAFeed(NamedTuple):
    """How many times a feed got a code, when last, and one text as an example."""

    source: str | None
    code: str
    times: int
    latest: datetime
    example: str


def refusals_by_feed(session: Session) -> list[OfAFeed]:
    """Return of each feed and reason what was refused, the most frequent first."""
    count, latest = func.count(), func.max(col(Refusal.received_at))
    wanted = select(col(Refusal.source), col(Refusal.reason), count, latest, func.min(col(Refusal.detail)))
    rows = session.execute(
        wanted.group_by(col(Refusal.source), col(Refusal.reason)).order_by(count.desc(), col(Refusal.reason))
    )
    return [OfAFeed(*row) for row in rows]


def findings_by_feed(session: Session, tins: frozenset[str] | None) -> list[OfAFeed]:
    """Return of each feed and code the findings that hold, the most frequent first; of some TINs, None: of all."""
    count, latest = func.count(), func.max(col(Finding.as_of))
    wanted = select(col(Finding.event_source), col(Finding.code), count, latest, func.min(col(Finding.message)))
    wanted = wanted.where(col(Finding.state) == "OPEN")
    if tins is not None:
        wanted = wanted.where(col(Finding.tin).in_(tins))
    rows = session.execute(
        wanted.group_by(col(Finding.event_source), col(Finding.code)).order_by(count.desc(), col(Finding.code))
    )
    return [OfAFeed(*row) for row in rows]


def final_scores(session: Session, tins: frozenset[str] | None) -> list[tuple[str, int, Decimal]]:
    """Return cohort, year and final score of whoever has one, of some TINs."""
    wanted = select(col(Score.cohort), col(Score.performance_year), col(Score.final_score)).where(
        col(Score.final_score).is_not(None)
    )
    if tins is not None:
        wanted = wanted.where(col(Score.tin).in_(tins))
    return [(cohort, year, final) for cohort, year, final in session.execute(wanted) if final is not None]


def health(session: Session) -> Sequence[Health]:
    """Return what was last said of the system itself: what fires first, then the newest."""
    return session.scalars(select(Health).order_by(col(Health.state) != "FIRING", col(Health.since).desc())).all()


def standings(session: Session) -> Sequence[Standing]:
    """Return where every cohort stands, as last said."""
    return session.scalars(select(Standing).order_by(col(Standing.performance_year), col(Standing.cohort))).all()


def newest(session: Session, tins: frozenset[str] | None) -> tuple[int, ...]:
    """Return numbers that change whenever anything is said: of some TINs, or None, of anything at all.

    What somebody does, such as reading, is nothing that is said: who reads anew what was read would never end.
    """
    if tins is None:
        said = select(func.sum(col(ReadPosition.next_offset))).where(~col(ReadPosition.topic).endswith(_DONE))
        return (session.scalar(said) or 0,)
    told: list[int] = []
    for table in (Score, Obligation, Finding):
        counted = select(func.count(), func.sum(col(table.revision))).where(col(table.tin).in_(tins))
        told += [number or 0 for number in session.execute(counted).one()]
    return tuple(told)
