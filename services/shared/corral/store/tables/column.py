"""Columns as most tables have them."""

from sqlalchemy import Column, DateTime, text

TIME = DateTime(timezone=True)
NOW = text("now()")
EMPTY_OBJECT = text("'{}'::jsonb")


def needed(name: str, kind: object, default: str | None = None) -> "Column[object]":
    """One that is never null."""
    return Column(name, kind, nullable=False, server_default=text(default) if default else None)  # type: ignore[arg-type]


def moment(name: str) -> "Column[object]":
    """A time that is now unless said otherwise."""
    return Column(name, TIME, nullable=False, server_default=NOW)
