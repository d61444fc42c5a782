"""Columns as most tables have them, and what tables, columns and indexes are for (docs/reference/tables.md)."""

from sqlalchemy import Column, DateTime, text

TIME = DateTime(timezone=True)
NOW = text("now()")
EMPTY_OBJECT = text("'{}'::jsonb")


def needed(name: str, kind: object, default: str | None = None, *, doc: str) -> "Column[object]":
    """One that is never null."""
    server_default = text(default) if default else None
    return Column(name, kind, nullable=False, server_default=server_default, doc=doc)  # type: ignore[arg-type]


def moment(name: str, *, doc: str) -> "Column[object]":
    """A time that is now unless said otherwise."""
    return Column(name, TIME, nullable=False, server_default=NOW, doc=doc)


def holds(what: str) -> dict[str, str]:
    """The `info` of a table: what its rows are."""
    return {"holds": what}


def serves(queries: str) -> dict[str, str]:
    """The `info` of an index or a key: the queries that find their rows through it."""
    return {"serves": queries}
