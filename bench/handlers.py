"""What the benchmarks' job types do, in the worker."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from pydantic_core import to_json

from bench.jobs import Call, Item, call, clock, limited, store_item
from corral.context import BatchJob

UPSERT = """
INSERT INTO items (number, text) SELECT * FROM json_to_recordset(%s::json) AS i(number int4, text text)
ON CONFLICT (number) DO UPDATE SET text = excluded.text, stored = items.stored + 1
"""
_idle: list[psycopg.AsyncConnection[Any]] = []
"""Connections that no batch uses right now."""


@clock.handler
async def tell(payload: Any) -> Any:
    """Seconds since 1970, read first."""
    return {"started": time.time(), **payload}


@limited.handler
async def answer(payload: Any) -> Any:
    """As demo.echo does."""
    return payload


@call.handler
async def wait(payload: Call) -> None:
    """Holds its slot for so long."""
    await asyncio.sleep(payload.seconds)


@store_item.handler
async def upsert(jobs: Sequence[BatchJob[Item]]) -> None:
    """All items of a batch in one statement; a later item of the same number replaces an earlier one."""
    items = {job.payload.number: job.payload for job in jobs}
    connection = _idle.pop() if _idle else await _connected()
    await connection.execute(UPSERT, [to_json(list(items.values())).decode()])
    _idle.append(connection)


async def _connected() -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(os.environ["CORRAL_DATABASE_URL"], autocommit=True)
