"""Corral's own statements and nothing else: each of two connections claims a batch, completes it, takes the next.

No Redis, no handler, no event loop: what is left is what Postgres and its driver need for the same
transactions on the same schema.
"""

import os
import signal
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from corral.ids import new_id
from corral.store.attempts.claims import CLAIM
from corral.store.attempts.endings import SUCCEED
from corral.store.postgres.database import BY_KEY, HOT
from corral.store.postgres.sql_params import array, texts

CONNECTIONS = 2
QUEUED = "SELECT id FROM corral.jobs WHERE state = 'queued' ORDER BY id"
WORKER = """
INSERT INTO corral.workers (id, name, host, pid, version, queues, types, slots)
VALUES (%(id)s, 'alone', 'localhost', 0, '0', '{demo}', '{demo.echo}', '{}')
"""


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
        for setting in (HOT.settings | BY_KEY).items():
            connection.execute("SELECT set_config(%s, %s, false)", setting)
        for ids in batches:
            claimed = connection.execute(CLAIM, claim(worker, ids), prepare=True).fetchall()
            done = success(worker, claimed)
            connection.execute(SUCCEED, done, prepare=True).fetchall()


def claim(worker: UUID, ids: Sequence[UUID]) -> dict[str, Any]:
    """The parameters of CLAIM."""
    return {
        "worker": worker,
        "claim": new_id(),
        "ids": array(ids),
        "types": texts(["demo.echo"]),
        "limited": texts([]),
        "alone": False,
    }


def success(worker: UUID, claimed: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """The parameters of SUCCEED, where each of these jobs returned its payload."""
    return {
        "worker": worker,
        "ids": array(row[0] for row in claimed),
        "attempts": array(row[3] for row in claimed),
        "results": texts(row[4] for row in claimed),
        "share": 1.0,
    }


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
