"""Columns that hold the same on SQLite and on PostgreSQL: JSON, exact decimals, moments in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Numeric, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

SQLITE = "sqlite"


class JsonDocument(TypeDecorator[Any]):
    """JSON, its keys in order of the alphabet whatever order a database keeps them in."""

    impl = JSON
    cache_ok = True

    @property
    def python_type(self) -> type[dict[str, Any]]:
        """A JSON object."""
        return dict

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSONB on PostgreSQL, JSON on SQLite."""
        return dialect.type_descriptor(JSON() if dialect.name == SQLITE else JSONB())

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """The document, the keys of every object in order."""
        return _ordered(value)


JSON_DOCUMENT = JsonDocument()


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal, digit by digit: NUMERIC on PostgreSQL, text on SQLite, whose NUMERIC is a float.
    Trailing zeros carry no meaning and are not kept."""

    impl = Numeric
    cache_ok = True

    @property
    def python_type(self) -> type[Decimal]:
        """A decimal."""
        return Decimal

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, NUMERIC on PostgreSQL."""
        if dialect.name == SQLITE:
            return dialect.type_descriptor(String())
        return dialect.type_descriptor(Numeric(asdecimal=True))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """As the database stores it; raises ValueError for what is not finite."""
        if value is None:
            return None
        if not value.is_finite():
            raise ValueError(f"{value} is no amount that can be stored")
        plain = plain_decimal(value)
        return f"{plain:f}" if dialect.name == SQLITE else plain

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """The decimal, without trailing zeros."""
        return None if value is None else plain_decimal(Decimal(value))


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite keeps no time zone, so there it is stored without one."""

    impl = DateTime
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """A moment."""
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """With a time zone on PostgreSQL, without on SQLite."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name != SQLITE))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """In UTC, as the database stores it; raises ValueError for a moment without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == SQLITE else moment

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """The moment, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def plain_decimal(value: Decimal) -> Decimal:
    """The number without trailing zeros and without an exponent: 0.30 is 0.3, 1E+2 is 100. Done on
    the digits, since arithmetic rounds to the precision of the moment."""
    digits = f"{value:f}"
    return Decimal(digits.rstrip("0").rstrip(".") or "0") if "." in digits else Decimal(digits)
