"""The queue that a team writes first: a table, and `FOR UPDATE SKIP LOCKED` over its oldest queued rows.

Two connections; each adds a batch, claims the oldest and completes them, again and again, so that as many wait as at
the start. No Redis, no handler, no event loop. The index holds queued rows alone, in the order in which they are taken.
"""

import os
import signal
import threading

import psycopg

CONNECTIONS, BATCH = 2, 50
CREATE = """
CREATE TABLE queue (id bigserial PRIMARY KEY, state text NOT NULL DEFAULT 'queued', payload json NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz);
CREATE INDEX queue_queued ON queue (queued_at, id) WHERE state = 'queued';
"""
ADD = "INSERT INTO queue (payload) SELECT '{}' FROM generate_series(1, %s)"
CLAIM = """
UPDATE queue SET state = 'running' WHERE id = ANY(ARRAY(
    SELECT id FROM queue WHERE state = 'queued' ORDER BY queued_at, id LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING id
"""
FINISH = "UPDATE queue SET state = 'completed', finished_at = now() WHERE id = ANY(%s)"


def main() -> None:
    for _ in range(CONNECTIONS):
        threading.Thread(target=work, args=(os.environ["DSN"],), daemon=True).start()
    signal.sigwait({signal.SIGTERM})


def work(dsn: str) -> None:
    """One connection's share."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        while True:
            connection.execute(ADD, (BATCH,), prepare=True)
            ids = [row[0] for row in connection.execute(CLAIM, (BATCH,), prepare=True)]
            connection.execute(FINISH, (ids,), prepare=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
