"""The questions that people ask of the projection: who is it, where does it stand, what is missing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy import select as raw_select
from sqlmodel import Session, col, or_, select

from infra.database.board import Missing, Wanted, board
from infra.database.tables import Acknowledgement, Finding, Obligation, Refusal, Score, ScoreHistory, Standing


def participants(session: Session, who: str, year: int | None) -> Sequence[Score]:
    """Return the scores of an NPI, of a practice by its alias, or of a TIN; by year, name, then practice."""
    wanted = select(Score).where(or_(Score.npi == who, Score.practice_alias == who, Score.tin == who))
    if year is not None:
        wanted = wanted.where(Score.performance_year == year)
    order = (Score.performance_year, Score.name, Score.npi, Score.practice_alias, Score.tin)
    return session.exec(wanted.order_by(*(col(column) for column in order))).all()


def roster_of(session: Session, tins: Sequence[str], years: Sequence[int]) -> Sequence[Score]:
    """Return the scores of all clinicians under some TINs in some years."""
    wanted = select(Score).where(col(Score.tin).in_(tins), col(Score.performance_year).in_(years))
    return session.exec(wanted).all()


def who_is_who(session: Session) -> Sequence[Any]:
    """Return TIN, NPI, cohort and names of every participant, without the scores, which are long."""
    columns = (Score.tin, Score.npi, Score.cohort, Score.name, Score.organization, Score.practice_alias)
    return session.execute(raw_select(*(col(column) for column in columns))).all()


def obligations(session: Session, tin: str, npis: Sequence[str], year: int) -> Sequence[Obligation]:
    """Return a TIN's own obligations and those of clinicians, the most costly first."""
    wanted = (
        select(Obligation)
        .where(Obligation.tin == tin, Obligation.performance_year == year)
        .where(or_(col(Obligation.npi).is_(None), col(Obligation.npi).in_(npis)))
        .order_by(col(Obligation.npi).is_not(None), col(Obligation.npi), col(Obligation.category), col(Obligation.item))
    )
    return session.exec(wanted).all()


def open_findings(session: Session, tin: str, npis: Sequence[str], year: int) -> Sequence[Finding]:
    """Return the findings that hold, of a TIN as such and of clinicians."""
    wanted = (
        select(Finding)
        .where(Finding.tin == tin, Finding.state == "OPEN")
        .where(or_(col(Finding.performance_year).is_(None), Finding.performance_year == year))
        .where(or_(col(Finding.npi).is_(None), col(Finding.npi).in_(npis)))
        .order_by(col(Finding.code), col(Finding.event_source), col(Finding.event_id))
    )
    return session.exec(wanted).all()


def missing(session: Session, until: datetime | None, since: datetime | None, cohort: str | None) -> list[Missing]:
    """Return what is not settled and due at an instant up to ``until`` and after ``since``: soonest, then costliest.

    What has no due date is left out where an instant is given.
    """
    return list(board(session, Wanted(until=until, since=since, cohort=cohort)))


def score_history(session: Session, score: Score) -> Sequence[ScoreHistory]:
    """Return every score that was announced of a participant and year, from the first to the one given."""
    wanted = select(ScoreHistory).where(
        ScoreHistory.tin == score.tin,
        ScoreHistory.npi == score.npi,
        ScoreHistory.performance_year == score.performance_year,
        ScoreHistory.revision <= score.revision,
    )
    return session.exec(wanted.order_by(col(ScoreHistory.revision))).all()


def standing_of(session: Session, cohort: str, year: int) -> Standing | None:
    """Return where a cohort stands in a year, as last said."""
    return session.get(Standing, (cohort, year))


def latest_as_of(session: Session) -> datetime | None:
    """Return the latest instant that anything was said as of."""
    return said_as_of(session, None)


def said_as_of(session: Session, tins: frozenset[str] | None) -> datetime | None:
    """Return the latest instant that anything was said as of, of some TINs; None: of all."""
    told: list[datetime | None] = []
    for table in (Score, Obligation):
        wanted = select(func.max(table.as_of))
        told.append(session.exec(wanted if tins is None else wanted.where(col(table.tin).in_(tins))).one())
    return max((instant for instant in told if instant is not None), default=None)


def refusals_by_reason(session: Session) -> list[tuple[str, int, str]]:
    """Return how many records were refused for each reason, and one detail as an example."""
    count = func.count()
    wanted = select(Refusal.reason, count, func.min(Refusal.detail)).group_by(col(Refusal.reason))
    return list(session.exec(wanted.order_by(count.desc(), col(Refusal.reason))))


def open_alerts(session: Session, cohort: str | None) -> list[Missing]:
    """Return what alerts and is not settled: soonest due, then costliest."""
    return [m for m in missing(session, None, None, cohort) if m.obligation.alert == "FIRING"]


def acknowledgements(session: Session, now: datetime) -> dict[str, Acknowledgement]:
    """Return the acknowledgements that have not ended at an instant, by alert."""
    found = session.exec(select(Acknowledgement).where(col(Acknowledgement.until) > now)).all()
    return {care.alert_id: care for care in found}
