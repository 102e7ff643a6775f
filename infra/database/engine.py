"""The database of the projection: SQLite in a file, or PostgreSQL, by ``ASM_DATABASE_URL``."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection, Engine, Table, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlmodel import SQLModel

from infra.database import tables
from infra.errors import Unavailable
from schemas.plain import encode_hook

Row = Mapping[str, Any]
_INSERT: Mapping[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_JSON = msgspec.json.Encoder(decimal_format="number", enc_hook=encode_hook)
_PLAIN = msgspec.json.Decoder(float_hook=Decimal)
_BUSY_SECONDS = 30
TIMEOUT_SECONDS = 60


def open_engine(url: str, timeout_seconds: int = TIMEOUT_SECONDS) -> Engine:
    """Return the engine of a database; nothing is connected yet.

    :param timeout_seconds: of PostgreSQL, after which neither a connection nor a lock is waited for; nor, after twice
        as long, the answer to a statement.
    :raises Unavailable: the address is of no database that this program knows.
    """
    options: dict[str, Any] = {
        "json_serializer": lambda value: _JSON.encode(value).decode(),
        "json_deserializer": _PLAIN.decode,
    }
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in _INSERT:
            raise Unavailable(f"ASM_DATABASE_URL: {parsed.get_backend_name()} is not supported; {_KNOWN}")
        engine = create_engine(parsed, pool_pre_ping=True, hide_parameters=True, **options)
    except (ArgumentError, NoSuchModuleError) as error:
        raise Unavailable(f"ASM_DATABASE_URL is not the address of a database; {_KNOWN}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        event.listen(engine, "do_connect", partial(_connect_postgresql, timeout_seconds))
    return engine


_KNOWN = "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE."


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Let readers read while the projector writes."""
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    connection.execute(f"pragma busy_timeout = {_BUSY_SECONDS * 1000}")


class _Limited(psycopg.Connection[Any]):
    """A connection that waits for an answer only so long: a server that is frozen, or cut off, sends nothing at all.

    libpq knows no such limit, and the server's own (``statement_timeout``) needs a server that runs.
    """

    answer_seconds: float = 2.0 * TIMEOUT_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as psycopg does; give the connection up where nothing comes."""
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - how psycopg says so, pinned by tests/infra
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.answer_seconds:g} s") from error


def _connect_postgresql(
    timeout_seconds: int, _dialect: Any, _record: Any, arguments: Any, named: Any
) -> psycopg.Connection[Any]:
    """Connect with time-outs, unless the address names others."""
    limits = {"connect_timeout": timeout_seconds, "options": f"-c lock_timeout={timeout_seconds}s"}
    connection = _Limited.connect(*arguments, **(limits | named))
    connection.answer_seconds = 2.0 * timeout_seconds
    return connection


def create_tables(engine: Engine) -> None:
    """Create the tables where there are none.

    :raises Unavailable: the database does not answer, or its tables are of another release.
    """
    try:
        with engine.begin() as connection:
            SQLModel.metadata.create_all(connection)
            known = _layouts(connection)
            if not known:
                connection.execute(_table(tables.Layout).insert(), [{"number": tables.LAYOUT}])
    except DatabaseError as error:
        raise unreachable(engine, error) from error
    _refuse_other(known)


def renew_tables(engine: Engine) -> None:
    """Create the tables; those of another release are dropped first.

    :raises Unavailable: the database does not answer.
    """
    try:
        with engine.begin() as connection:
            if _layouts(connection) not in (None, [tables.LAYOUT]):
                SQLModel.metadata.drop_all(connection)
    except DatabaseError as error:
        raise unreachable(engine, error) from error
    create_tables(engine)


def require_tables(engine: Engine) -> None:
    """Make sure that there is something to read.

    :raises Unavailable: the database does not answer, or has no tables, or tables of another release.
    """
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and file != ":memory:" and not Path(file).exists():  # connecting would make an empty one
        raise Unavailable(f"{shown(engine)} is not there: run `asm project`, or set ASM_DATABASE_URL.")
    try:
        with engine.connect() as connection:
            known = _layouts(connection)
    except DatabaseError as error:
        raise unreachable(engine, error) from error
    if not known:
        raise Unavailable(f"{shown(engine)} has no projection yet: run `asm project`.")
    _refuse_other(known)


def _layouts(connection: Connection) -> list[int] | None:
    """Return of which release the tables in the database are, or None where there are none."""
    if not connection.dialect.has_table(connection, str(tables.Layout.__tablename__)):
        return None
    return list(connection.execute(select(_table(tables.Layout).c.number)).scalars())


def _refuse_other(known: Sequence[int] | None) -> None:
    if known and known != [tables.LAYOUT]:
        raise Unavailable(
            f"The tables are of another release (layout {known[0]}, this one needs {tables.LAYOUT}): "
            "run `asm project --rebuild`."
        )


def shown(engine: Engine) -> str:
    """Return the database's address without its password."""
    return engine.url.render_as_string(hide_password=True)


def unreachable(engine: Engine, error: Exception) -> Unavailable:
    """Say that the database does not answer."""
    first = str(getattr(error, "orig", error)).strip().splitlines()[:1]
    return Unavailable(f"The database {shown(engine)} does not answer ({''.join(first)}).")


def _table(model: type[SQLModel]) -> Table:
    table: Table = SQLModel.metadata.tables[str(model.__tablename__)]
    return table


def keep_latest(connection: Connection, model: type[SQLModel], rows: Sequence[Row]) -> None:
    """Insert rows, or update those that have a lower revision (health: an earlier ``since``; a position: lower).

    Of acknowledgements the earlier ``instant`` gives way.
    """
    if not rows:
        return
    table = _table(model)
    insert = _INSERT[connection.dialect.name](table)
    keys = [column.name for column in table.primary_key]
    rising = next(name for name in ("revision", "next_offset", "since", "instant") if name in table.c)
    insert = insert.on_conflict_do_update(
        index_elements=keys,
        set_={c.name: insert.excluded[c.name] for c in table.c if c.name not in keys},
        where=insert.excluded[rising] > table.c[rising],
    )
    connection.execute(insert, list(rows))


def keep_all(connection: Connection, model: type[SQLModel], rows: Sequence[Row]) -> None:
    """Insert the rows that are not there."""
    if rows:
        connection.execute(_INSERT[connection.dialect.name](_table(model)).on_conflict_do_nothing(), list(rows))


def clear(connection: Connection) -> None:
    """Delete every row of the projection."""
    for table in SQLModel.metadata.sorted_tables:
        if table.name != "layout":
            connection.execute(table.delete())


def read_positions(connection: Connection) -> dict[tuple[str, int], int]:
    """Return how far each partition is read."""
    table = _table(tables.ReadPosition)
    rows = connection.execute(select(table.c.topic, table.c.partition, table.c.next_offset))
    return {(topic, partition): offset for topic, partition, offset in rows}
