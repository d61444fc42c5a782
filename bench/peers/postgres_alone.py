"""Corral's own statements and nothing else: each of two connections claims a batch, completes it, takes the next.

No Redis, no handler, no event loop: what is left is what Postgres and its driver need for the same
transactions on the same schema.
"""

import os
import signal
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg

from corral.ids import new_id
from corral.store.claims import CLAIM, LOCK_QUEUES, QUEUE_LOCKS
from corral.store.endings import SUCCEED
from corral.store.engine import HOT, SET_LIMITS
from corral.store.sql import array, texts

CONNECTIONS = 2
QUEUED = "SELECT id FROM corral.jobs WHERE state = 'queued' ORDER BY id"
WORKER = """
INSERT INTO corral.workers (id, name, host, pid, version, queues, types, slots)
VALUES (%(id)s, 'alone', 'localhost', 0, '0', '{demo}', '{demo.echo}', '{}')
"""
LIMITS = {"statement": f"{HOT.statement:.0f}s", "lock": f"{HOT.lock:.0f}s"}

Connection = psycopg.Connection[tuple[Any, ...]]


def main() -> None:
    dsn, size = os.environ["DSN"], int(os.environ["BATCH"])
    worker = new_id()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(WORKER, {"id": worker})
        ids = [row[0] for row in connection.execute(QUEUED).fetchall()]
    batches = [ids[first : first + size] for first in range(0, len(ids), size)]
    threads = [
        threading.Thread(target=work, args=(dsn, worker, batches[number::CONNECTIONS]))
        for number in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signal.sigwait({signal.SIGTERM})


def work(dsn: str, worker: UUID, batches: Sequence[Sequence[UUID]]) -> None:
    """One connection's share."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for ids in batches:
            claim = {
                "worker": worker,
                "claim": new_id(),
                "ids": array(ids),
                "types": texts(["demo.echo"]),
                "alone": False,
                "space": QUEUE_LOCKS,
            }
            claimed = together(connection, (LOCK_QUEUES, claim), (CLAIM, claim))
            done = {
                "worker": worker,
                "ids": array(row[0] for row in claimed),
                "attempts": array(row[3] for row in claimed),
                "results": texts(row[4] for row in claimed),
            }
            together(connection, (SUCCEED, done))


def together(connection: Connection, *steps: tuple[str, Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """The steps as one transaction in one round trip, as Corral's store sends them; the rows of the last."""
    with connection.pipeline():
        connection.execute(SET_LIMITS, LIMITS, prepare=True)
        cursors = [connection.execute(statement, params, prepare=True) for statement, params in steps]
        return [cursor.fetchall() for cursor in cursors][-1]


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
