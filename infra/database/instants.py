"""The view as it stood at an instant: the same questions, asked of what had been said by then.

``*_history`` keeps every revision with the instant that it was said as of. In a session of an instant the names of the
tables of what was last said stand for views of the history, so whoever asks, asks of that instant, and none can forget
to. The views are the connection's own and end with it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, Engine, Select, Table, exists, select
from sqlmodel import Session, SQLModel

from infra.database import tables

_KEPT_IN: Mapping[type[SQLModel], type[SQLModel]] = MappingProxyType(
    {
        tables.Score: tables.ScoreHistory,
        tables.Obligation: tables.ObligationHistory,
        tables.Finding: tables.FindingHistory,
        tables.Standing: tables.StandingHistory,
    }
)
_INSTANT = "said by"


@contextmanager
def session_of(engine: Engine, instant: datetime | None) -> Iterator[Session]:
    """Yield a session on what had been said by an instant (UTC); None: on what was last said.

    Of each thing the highest revision counts that was said as of an instant up to that one; a thing of which nothing
    had been said is not there. Scores, obligations, findings and standings are so; other tables have no history.
    """
    if instant is None:
        with Session(engine) as session:
            yield session
        return
    with engine.connect() as connection:
        connection.detach()  # it is closed afterwards, and with it go the views
        for said, history in _KEPT_IN.items():
            _stand_for(connection, _table(said), _said_by(_table(said), _table(history), instant))
        with Session(connection, info={_INSTANT: instant}) as session:
            yield session


def instant_of(session: Session) -> datetime | None:
    """Return the instant of a session; None: the present."""
    found: datetime | None = session.info.get(_INSTANT)
    return found


def _said_by(said: Table, history: Table, instant: datetime) -> Select[tuple[object, ...]]:
    """Return of each thing the row of the highest revision up to an instant."""
    later = history.alias("later")
    same = [later.c[key.name] == history.c[key.name] for key in said.primary_key]
    newer = exists().where(*same, later.c.revision > history.c.revision, later.c.as_of <= instant)
    return select(*(history.c[column.name] for column in said.c)).where(history.c.as_of <= instant, ~newer)


def _stand_for(connection: Connection, name: Table, rows: Select[tuple[object, ...]]) -> None:
    literal = rows.compile(connection, compile_kwargs={"literal_binds": True})  # a view takes no parameters
    connection.exec_driver_sql(f"create temporary view {name.name} as {literal}")


def _table(model: type[SQLModel]) -> Table:
    table: Table = SQLModel.metadata.tables[str(model.__tablename__)]
    return table
