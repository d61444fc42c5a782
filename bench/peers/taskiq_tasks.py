"""Taskiq's side: one asynchronous process, a pool of Postgres connections, two writes a task."""

import os
from typing import Any

from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from bench.measuring import record

broker = ListQueueBroker(os.environ["REDIS_URL"], queue_name="bench").with_result_backend(
    RedisAsyncResultBackend(os.environ["REDIS_URL"])
)
START = record.START.format(id="%(id)s")
FINISH = record.FINISH.format(id="%(id)s", result="%(result)s")
_pools: list[AsyncConnectionPool] = []


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def connect(_: TaskiqState) -> None:
    size = int(os.environ["CONNECTIONS"])
    pool = AsyncConnectionPool(
        os.environ["DSN"], min_size=size, max_size=size, open=False, kwargs={"autocommit": True}
    )
    await pool.open(wait=True)
    _pools.append(pool)


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def disconnect(_: TaskiqState) -> None:
    await _pools.pop().close()


@broker.task(task_name="echo")
async def echo(payload: dict[str, Any]) -> dict[str, Any]:
    async with _pools[0].connection() as connection:
        await connection.execute(START, {"id": payload["id"]})
    result = payload
    async with _pools[0].connection() as connection:
        await connection.execute(FINISH, {"result": Jsonb(result), "id": payload["id"]})
    return result
