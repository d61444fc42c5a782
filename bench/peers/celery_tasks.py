"""Celery's side: prefork processes, each with one Postgres connection, two writes a task."""

import os
from typing import Any

import psycopg
from celery import Celery
from celery.signals import worker_process_init
from psycopg.types.json import Jsonb

from bench.measuring import record

app = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
START = record.START.format(id="%(id)s")
FINISH = record.FINISH.format(id="%(id)s", result="%(result)s")
_connections: list[psycopg.Connection] = []


@worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery has no types
def connect(**_: Any) -> None:
    _connections.append(psycopg.connect(os.environ["DSN"], autocommit=True))


@app.task(name="echo")  # type: ignore[untyped-decorator]  # as above
def echo(payload: dict[str, Any]) -> dict[str, Any]:
    connection = _connections[0]
    connection.execute(START, {"id": payload["id"]})
    result = payload
    connection.execute(FINISH, {"result": Jsonb(result), "id": payload["id"]})
    return result
