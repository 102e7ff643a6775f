"""Column types that keep their values on SQLite and on PostgreSQL alike."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Float, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

_PLACES = Decimal("0.00000001")

#: JSON whose numbers come back as Decimal (see ``engine.py``); jsonb on PostgreSQL.
DOCUMENT = JSON().with_variant(JSONB(), "postgresql")


class Points(TypeDecorator[Decimal]):
    """Points with eight places: numeric on PostgreSQL; on SQLite a double, exact to seven digits before the point."""

    impl = Numeric(18, 8)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        return dialect.type_descriptor(Float(53) if dialect.name == "sqlite" else Numeric(18, 8))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Give SQLite a double; eight places come back from it unchanged."""
        return value if value is None or dialect.name != "sqlite" else float(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - the base class's
        """Return eight places."""
        return None if value is None else Decimal(repr(value) if isinstance(value, float) else value).quantize(_PLACES)


class Instant(TypeDecorator[datetime]):
    """An instant: timestamptz on PostgreSQL, UTC without a zone on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
