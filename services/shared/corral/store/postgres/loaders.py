"""How a connection reads what Postgres answers: no stored value makes a row unreadable.

By the time rows are read their statement is committed, and a list has other rows too.
"""

from typing import Any, TypeAlias

import psycopg
from psycopg import adapters
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.json import set_json_loads

from corral.job.moment import Beyond
from corral.store.postgres.json_text import decode

AnyCursor: TypeAlias = psycopg.AsyncCursor[Any] | psycopg.Cursor[Any]
TIMESTAMPTZ = adapters.types["timestamptz"].oid


class MomentLoader(Loader):
    """Reads times; one outside Python's calendar becomes a `Beyond`."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        known = adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
        assert known is not None
        self._inside = known(oid, context)

    def load(self, data: Buffer) -> Any:
        """A datetime that knows its time zone."""
        try:
            return self._inside.load(data)
        except (psycopg.DataError, OverflowError, ValueError):
            return Beyond.read(bytes(data).decode())


def install(context: psycopg.AsyncConnection[Any] | psycopg.Connection[Any] | AnyCursor) -> None:
    """Have a connection, or one cursor alone, read this way."""
    context.adapters.register_loader("timestamptz", MomentLoader)
    set_json_loads(decode, context)
