"""The board: what is not settled, whom it concerns, page by page; and the practices as readers name them.

A reader who may not see every practice gives the TINs that may be seen; nothing of another is selected or counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlmodel import Session, col, or_

from infra.database.tables import Obligation, Score

UNSETTLED = ("OPEN", "PREPARED", "SENT", "AT_RISK", "UNPROVEN", "MISSED", "LATE")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An obligation that is not settled, with the names of whom it concerns."""

    obligation: Obligation
    name: str | None
    organization: str | None
    practice_alias: str | None
    cohort: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """A TIN as its newest roster names it, and how many clinicians of which cohorts it has then."""

    tin: str
    performance_year: int
    alias: str | None
    organization: str | None
    clinicians: int
    cohorts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which items are meant: all that fit everything given; ``tins`` None is every practice.

    ``text`` is a part of a clinician's or organization's name, or a whole NPI or practice alias.
    """

    until: datetime | None = None
    since: datetime | None = None
    cohort: str | None = None
    year: int | None = None
    tins: frozenset[str] | None = None
    stage: str | None = None
    alert: str | None = None
    least_points: Decimal | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the items come to: how many, how many of them alert, of how many practices, the soonest due."""

    items: int
    firing: int
    practices: int
    undated: int
    soonest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What is not settled at a practice: how many items, how many alert, the most points that one may cost."""

    items: int
    firing: int
    points_at_stake: Decimal


def totals(session: Session, wanted: Wanted) -> Totals:
    """Count the items that are meant."""
    firing = func.sum(case((col(Obligation.alert) == "FIRING", 1), else_=0))
    undated = func.sum(case((col(Obligation.due_at).is_(None), 1), else_=0))
    soonest = func.min(col(Obligation.due_at))
    counted = select(func.count(), firing, func.count(func.distinct(col(Obligation.tin))), undated, soonest)
    items, fired, tins, without, first = session.execute(counted.where(*_conditions(wanted))).one()
    return Totals(items=items, firing=fired or 0, practices=tins, undated=without or 0, soonest=first)


def board(session: Session, wanted: Wanted, limit: int | None = None, offset: int = 0) -> Iterator[Missing]:
    """Yield the items that are meant: soonest due, then who alerts, then the costliest.

    What has no due date, such as the readiness checklist, comes last. A TIN's own item is named by its practice.
    """
    ordered = select(col(Obligation.obligation_id)).where(*_conditions(wanted)).order_by(*_order())
    ids = session.scalars(ordered.limit(limit).offset(offset)).all()
    for start in range(0, len(ids), _AT_ONCE):
        yield from _rows(session, ids[start : start + _AT_ONCE])


def practices(session: Session, tins: Iterable[str] | None = None) -> list[Practice]:
    """Return practices by name, each once, as the newest year on the roster names it; None: all of them."""
    counted = select(
        col(Score.tin),
        col(Score.performance_year),
        func.min(Score.practice_alias),
        func.min(Score.organization),
        func.count(),
        func.min(Score.cohort),
        func.max(Score.cohort),
    ).group_by(col(Score.tin), col(Score.performance_year))
    if tins is not None:
        counted = counted.where(col(Score.tin).in_(list(tins)))
    newest: dict[str, Practice] = {}
    for tin, year, alias, organization, count, first, last in session.execute(counted):
        if tin not in newest or newest[tin].performance_year < year:
            cohorts = (first,) if first == last else (first, last)
            newest[tin] = Practice(
                tin=tin,
                performance_year=year,
                alias=alias,
                organization=organization,
                clinicians=count,
                cohorts=cohorts,
            )
    return sorted(newest.values(), key=lambda p: (p.organization or p.alias or "", p.tin))


def open_by_practice(session: Session, tins: Iterable[str] | None) -> dict[str, Open]:
    """Count what is not settled by TIN."""
    counted = select(
        col(Obligation.tin),
        func.count(),
        func.sum(case((col(Obligation.alert) == "FIRING", 1), else_=0)),
        func.max(col(Obligation.points_at_stake)),
    ).where(col(Obligation.status).in_(UNSETTLED))
    if tins is not None:
        counted = counted.where(col(Obligation.tin).in_(list(tins)))
    rows = session.execute(counted.group_by(col(Obligation.tin)))
    return {tin: Open(items=items, firing=firing, points_at_stake=most) for tin, items, firing, most in rows}


def tins_with_alias(session: Session, aliases: Iterable[str]) -> frozenset[str]:
    """Return the TINs that the newest roster names by one of some aliases."""
    wanted = list(aliases)
    candidates = session.scalars(select(col(Score.tin)).where(col(Score.practice_alias).in_(wanted)).distinct()).all()
    return frozenset(p.tin for p in practices(session, candidates) if p.alias in wanted)


def _rows(session: Session, ids: Sequence[str]) -> Iterator[Missing]:
    """Yield some items in the order of their ids."""
    same = (col(Score.tin) == Obligation.tin) & (col(Score.performance_year) == Obligation.performance_year)
    told = select(Obligation, col(Score.name), col(Score.cohort)).join(
        Score, same & (col(Score.npi) == Obligation.npi), isouter=True
    )
    found = {row[0].obligation_id: row for row in session.execute(told.where(col(Obligation.obligation_id).in_(ids)))}
    named = _names(session, {row[0].tin for row in found.values()})
    for obligation, name, cohort in (found[each] for each in ids if each in found):
        organization, alias, first_cohort = named.get((obligation.tin, obligation.performance_year), (None, None, None))
        yield Missing(
            obligation=obligation,
            name=name,
            organization=organization,
            practice_alias=alias,
            cohort=first_cohort if cohort is None else cohort,
        )


def _names(session: Session, tins: Iterable[str]) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Return organization, alias and a cohort of each TIN and year."""
    named = select(
        col(Score.tin),
        col(Score.performance_year),
        func.min(Score.organization),
        func.min(Score.practice_alias),
        func.min(Score.cohort),
    ).where(col(Score.tin).in_(list(tins)))
    rows = session.execute(named.group_by(col(Score.tin), col(Score.performance_year)))
    return {(tin, year): tuple(names) for tin, year, *names in rows}


def _order() -> tuple[ColumnElement[Any], ...]:
    return (
        col(Obligation.due_at).is_(None),
        col(Obligation.due_at).asc(),
        col(Obligation.alert) != "FIRING",
        col(Obligation.points_at_stake).desc(),
        col(Obligation.obligation_id).asc(),
    )


def _concerns(who: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that an item is of a clinician, or of a TIN with a clinician, of whom something is so."""
    same = (col(Score.tin) == Obligation.tin) & (col(Score.performance_year) == Obligation.performance_year)
    theirs = or_(col(Obligation.npi).is_(None), col(Score.npi) == Obligation.npi)
    return exists().where(same, theirs, who)


def _of_named(text: str) -> ColumnElement[bool]:
    """Say that an item is of a clinician, or of a TIN with a clinician, who is named so: asked once, not by item."""
    named = or_(
        col(Score.npi) == text,
        col(Score.practice_alias) == text,
        col(Score.name).icontains(text, autoescape=True),
        col(Score.organization).icontains(text, autoescape=True),
    )
    theirs = col(Obligation.npi).in_(select(col(Score.npi)).where(named))
    of_the_tin = col(Obligation.npi).is_(None) & col(Obligation.tin).in_(select(col(Score.tin)).where(named))
    return or_(theirs, of_the_tin)


#: What each thing that may be wanted asks of an item; what is not wanted asks nothing.
_ASKED: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "until": lambda until: col(Obligation.due_at) <= until,
    "since": lambda since: col(Obligation.due_at) > since,
    "cohort": lambda cohort: _concerns(col(Score.cohort) == cohort),
    "year": lambda year: col(Obligation.performance_year) == year,
    "tins": lambda tins: col(Obligation.tin).in_(tins),
    "stage": lambda stage: col(Obligation.stage) == stage,
    "alert": lambda alert: col(Obligation.alert) == alert,
    "least_points": lambda least: col(Obligation.points_at_stake) >= least,
    "text": _of_named,
}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    asked = [ask(value) for name, ask in _ASKED.items() if (value := getattr(wanted, name)) is not None]
    return [col(Obligation.status).in_(UNSETTLED), *asked]
