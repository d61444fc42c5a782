"""The table in which peers without Postgres of their own record both transitions of a job."""

import uuid
from collections.abc import Sequence

import psycopg

from bench.measuring import waiting
from bench.measuring.race import Span

START_LIMIT = 30.0
"""Seconds in which jobs that were added must start."""
SCHEMA = """
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    state text NOT NULL DEFAULT 'queued',
    payload jsonb NOT NULL,
    result jsonb,
    attempt integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
)
"""
# No index but the primary key: the peers get the cheapest table that can hold the record.

START = "UPDATE jobs SET state = 'running', attempt = attempt + 1, started_at = now() WHERE id = {id}"
FINISH = "UPDATE jobs SET state = 'completed', result = {result}, finished_at = now() WHERE id = {id}"


def create(dsn: str, jobs: int) -> list[str]:
    """Makes the table with that many queued jobs; returns their ids in order."""
    ids = [str(uuid.uuid4()) for _ in range(jobs)]
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        with cursor.copy("COPY jobs (id, payload) FROM STDIN") as copy:
            for number, id_ in enumerate(ids):
                copy.write_row((id_, f'{{"number": {number}}}'))
    return ids


def left(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        return _one(connection, "SELECT count(*) FROM jobs WHERE state <> 'completed'")


def span(dsn: str) -> Span:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at)) FROM jobs WHERE attempt = 1"
        ).fetchone()
    assert row is not None
    return Span(int(row[0]), float(row[1]))


def starts(dsn: str, ids: Sequence[str]) -> dict[str, float]:
    """When each of these jobs started, in seconds since 1970, once all have.

    Raises: RuntimeError when some have not in time.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:

        def started() -> dict[str, float]:
            rows = connection.execute(
                "SELECT id::text, extract(epoch FROM started_at)::float8 FROM jobs "
                "WHERE id = ANY(%s::uuid[]) AND started_at IS NOT NULL",
                (list(ids),),
            ).fetchall()
            return dict(rows)

        waiting.until(
            lambda: len(started()) == len(ids), seconds=START_LIMIT, what=f"{len(ids)} jobs started"
        )
        return started()


def _one(connection: psycopg.Connection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])
