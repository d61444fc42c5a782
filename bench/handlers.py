"""What the benchmarks' job types do, in the worker."""

import os
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from bench.jobs import Item, clock, store_item
from corral.context import BatchJob

UPSERT = """
INSERT INTO items (number, text) SELECT * FROM unnest(%s::int4[], %s::text[])
ON CONFLICT (number) DO UPDATE SET text = excluded.text, stored = items.stored + 1
"""
_idle: list[psycopg.AsyncConnection[Any]] = []
"""Connections that no batch uses right now."""


@clock.handler
async def tell(payload: Any) -> Any:
    """Seconds since 1970, read first."""
    return {"started": time.time(), **payload}


@store_item.handler
async def upsert(jobs: Sequence[BatchJob[Item]]) -> None:
    """All items of a batch in one statement; a later item of the same number replaces an earlier one."""
    items = {job.payload.number: job.payload.text for job in jobs}
    connection = _idle.pop() if _idle else await _connected()
    await connection.execute(UPSERT, [list(items), list(items.values())])
    _idle.append(connection)


async def _connected() -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(os.environ["CORRAL_DATABASE_URL"], autocommit=True)
