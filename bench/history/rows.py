"""The rows of a long history, made in the database itself: ten million in a few minutes.

They are what Corral's own statements would have left over a month: seven queues, eight types, retries, failures with
tracebacks, tags, searchable fields, log lines, files, and the statistics of every minute. What is live lies between
what has ended, as it does after a month.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

DAYS = 30
CHUNK = 250_000
"""Jobs in one statement."""
HANDS = 2
"""Statements at a time."""
OLD_TAG, OLD_TAGGED = "load-old", 0.01
"""A tag that a hundredth of the jobs have, all submitted in one go three weeks ago."""
QUEUED, BLOCKED = 0.70, 0.01
"""Shares of what is live; the rest is scheduled."""
TABLES = ("corral.jobs", "corral.attempts", "corral.job_logs", "corral.artifacts")
"""Those that grow row by row."""

# n is the number of the job, the oldest is 1; what is random about it follows from a hash of n.
DRAWN = """
SELECT r.*, r.created + (20 + mod(r.dice, 3000)) * interval '1 millisecond' AS started,
       r.created + (50 + mod(r.dice, 3000) + mod(r.dice, 40000)) * interval '1 millisecond' AS finished,
       (lpad(to_hex((date_part('epoch', r.created) * 1000)::int8), 12, '0') || '7' || substr(r.hash, 1, 3)
        || '8' || substr(r.hash, 4, 15))::uuid AS id,
       ('00000000-0000-7000-8000-' || lpad(to_hex(mod(r.dice, 50)), 12, '0'))::uuid AS worker,
       CASE WHEN mod(r.dice, 100) < 2 THEN 'failed' WHEN mod(r.dice, 100) = 2 THEN 'cancelled'
            ELSE 'completed' END AS state,
       (ARRAY['default', 'mail', 'mail', 'media', 'reports', 'imports', 'exports', 'night'])[1 + r.kind] AS queue,
       (ARRAY['demo.echo', 'mail.send', 'mail.digest', 'media.resize', 'report.generate', 'rows.import',
              'rows.export', 'night.close'])[1 + r.kind] AS type
FROM (
    SELECT n, h.hash, ('x' || substr(h.hash, 20, 7))::bit(28)::int AS dice,
           -- most are small mails, few are heavy
           CASE WHEN mod(n, 20) < 9 THEN 1 WHEN mod(n, 20) < 13 THEN 0 WHEN mod(n, 20) < 15 THEN 2
                ELSE 3 + mod(n, 5) END AS kind,
           %(now)s - interval '1 hour' - (%(total)s - n) * (%(days)s * interval '1 day' / %(total)s) AS created
    FROM generate_series(%(first)s::int4, %(last)s::int4, %(step)s::int4) n, LATERAL (SELECT md5(n::text) AS hash OFFSET 0) h
    OFFSET 0
) r OFFSET 0
"""
ENDED = f"""
WITH drawn AS MATERIALIZED ({DRAWN}), made AS (
    INSERT INTO corral.jobs (
        id, created_at, updated_at, queued_at, started_at, finished_at, worker, attempt, errors, max_stalls, retries,
        progress, state, priority, queue, type, payload, result, error, tags, search, created_by, timeout)
    SELECT f.id, f.created, f.finished, f.created, f.started, f.finished, f.worker,
           CASE f.state WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 0 ELSE 1 + (mod(f.dice, 40) = 7)::int END,
           CASE f.state WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 0 ELSE (mod(f.dice, 40) = 7)::int END, 2, 3,
           CASE f.state WHEN 'completed' THEN 100 ELSE 0 END, f.state, 'normal', f.queue, f.type,
           ('{{"number":' || f.n || ',"customer":"customer-' || mod(f.dice, 2000) || '","text":"' || repeat(f.hash, 4)
            || '"}}')::json,
           CASE f.state WHEN 'completed' THEN ('{{"rows":' || f.dice || ',"digest":"' || f.hash || '"}}')::json END,
           CASE f.state WHEN 'failed' THEN jsonb_build_object(
               'kind', 'exception', 'type', 'acme.' || (ARRAY['Timeout', 'Refused', 'NotFound'])[1 + mod(f.dice, 3)],
               'message', 'upstream answered ' || 500 + mod(f.dice, 7) || ' for customer-' || mod(f.dice, 2000),
               'traceback', repeat('  File "/app/acme/jobs.py", line ' || f.dice || ', in generate' || chr(10), 40),
               'place', 'acme.jobs:generate:' || mod(f.dice, 90), 'fingerprint', substr(f.hash, 1, 12)) END,
           CASE WHEN f.n BETWEEN %(tagged)s AND %(untagged)s THEN ARRAY['{OLD_TAG}']
                WHEN mod(f.dice, 10) = 3 THEN ARRAY['monthly', 'customer-' || mod(f.dice, 2000)] END,
           CASE WHEN mod(f.dice, 5) = 1 THEN jsonb_build_object('customer', 'customer-' || mod(f.dice, 2000)) END,
           'key:' || mod(f.dice, 12), 3600
    FROM drawn f
), kept AS (
    INSERT INTO corral.attempts (job, attempt, life, outcome, worker, started_at, ended_at, error)
    SELECT f.id, number, 1, CASE WHEN number = 4 THEN 'failed' ELSE 'errored' END, f.worker, f.started, f.finished,
           jsonb_build_object('kind', 'exception', 'type', 'acme.Timeout', 'message', 'no answer in time')
    FROM drawn f CROSS JOIN LATERAL generate_series(1, CASE f.state WHEN 'failed' THEN 4 ELSE 1 END) number
    WHERE f.state = 'failed' OR f.state = 'completed' AND mod(f.dice, 40) = 7
), lines AS (
    INSERT INTO corral.job_logs (job, seq, attempt, size, at, text)
    SELECT f.id, 1, 1, 40, f.started, 'fetched 12 pages of ' || f.hash FROM drawn f WHERE mod(f.dice, 10) = 5
), files AS (
    INSERT INTO corral.artifacts (id, job, attempt, name, media_type, keeper, location, size, sha256, created_at,
                                  published_at)
    SELECT gen_random_uuid(), f.id, 1, 'report.pdf', 'application/pdf', 'postgres', f.id::text, 1000, '\\x00',
           f.finished, f.finished
    FROM drawn f WHERE f.state = 'completed' AND f.type = 'report.generate'
), measured AS (
    SELECT date_trunc('minute', f.finished) AS minute, f.queue, f.type, f.state AS outcome, m.measure,
           ceil(ln(m.seconds * 1e4) * 2.885390081777927)::smallint AS bucket, count(*) AS count, sum(m.seconds) AS sum
    FROM drawn f CROSS JOIN LATERAL (VALUES
        ('wait', date_part('epoch', f.started - f.created)), ('run', date_part('epoch', f.finished - f.started))
    ) m(measure, seconds)
    GROUP BY 1, 2, 3, 4, 5, 6
)
INSERT INTO corral.job_stats AS s (minute, queue, type, outcome, measure, bucket, count, sum)
SELECT minute, queue, type, outcome, measure, bucket, count, sum FROM measured ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (minute, queue, type, outcome, measure, bucket)
DO UPDATE SET count = s.count + excluded.count, sum = s.sum + excluded.sum
"""
LIVE = f"""
INSERT INTO corral.jobs (id, created_at, updated_at, queued_at, run_at, attempt, errors, max_stalls, retries, state,
                         priority, queue, type, payload, tags, error)
SELECT (lpad(to_hex((date_part('epoch', f.created) * 1000)::int8), 12, '0') || '7' || substr(f.hash, 1, 3)
        || '9' || substr(f.hash, 4, 15))::uuid, f.created, f.created,
       CASE f.alive WHEN 'queued' THEN f.created END,
       CASE f.alive WHEN 'scheduled' THEN %(now)s + (1 + mod(f.dice, 60)) * interval '1 day' END,
       0, 0, 2, 3, f.alive, 'normal', f.queue, f.type, ('{{"number":' || f.n || '}}')::json,
       CASE WHEN mod(f.dice, 10) = 3 THEN ARRAY['monthly'] END,
       CASE WHEN f.alive = 'scheduled' AND mod(f.dice, 4) = 0 THEN jsonb_build_object(
           'kind', 'exception', 'type', 'acme.Timeout', 'message', 'no answer in time') END
FROM (
    SELECT d.*, CASE WHEN mod(d.n / %(each)s, 100) < %(queued)s THEN 'queued'
                     WHEN mod(d.n / %(each)s, 100) < %(blocked)s THEN 'scheduled' ELSE 'blocked' END AS alive
    FROM ({DRAWN}) d OFFSET 0
) f
"""
# Retention looks at all of it, and removes nothing.
QUEUES = """
INSERT INTO corral.queues (name, overrides)
SELECT name, '{"keep_finished": {"seconds": 7776000, "count": 20000000},
               "keep_failed": {"seconds": 7776000, "count": 20000000}}'::jsonb
FROM unnest(ARRAY['default', 'mail', 'media', 'reports', 'imports', 'exports', 'night']) name
ON CONFLICT (name) DO UPDATE SET overrides = excluded.overrides
"""
INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indrelid::regclass::text, conname
FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid
WHERE indrelid = ANY(%(tables)s::regclass[])
"""


def fill(dsn: str, total: int, live: int, say: Callable[[str], None], *, ended: bool) -> None:
    """Fills an installation without jobs: with `live` jobs, and, where `ended`, with those that ended around them."""
    with _connected(dsn) as connection:
        connection.execute(QUEUES)
        now = connection.execute("SELECT now()").fetchone()
    assert now is not None
    tagged = total // 4
    params: dict[str, object] = {
        "total": total,
        "days": DAYS,
        "now": now[0],
        "tagged": tagged,
        "untagged": tagged + round(total * OLD_TAGGED),
        "each": total // live,
        "queued": round(100 * QUEUED),
        "blocked": round(100 * (1 - BLOCKED)),
    }
    with _without_indexes(dsn), ThreadPoolExecutor(HANDS) as hands:
        firsts = range(1, total + 1, CHUNK)
        bounds = [params | {"first": first, "last": min(first + CHUNK - 1, total)} for first in firsts]
        for number, _ in enumerate(hands.map(lambda one: _chunk(dsn, one, ended=ended), bounds), 1):
            if ended and number % 8 == 0:
                say(f"{min(number * CHUNK, total):,} of {total:,} jobs")
    with _connected(dsn) as connection:
        connection.execute("VACUUM ANALYZE")


def _chunk(dsn: str, params: dict[str, object], *, ended: bool) -> None:
    with _connected(dsn) as connection:
        if ended:
            connection.execute(ENDED, params | {"step": 1})
        connection.execute(LIVE, params | {"step": params["each"]})


@contextmanager
def _connected(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET work_mem = '256MB'")
        connection.execute("SET maintenance_work_mem = '512MB'")
        yield connection


@contextmanager
def _without_indexes(dsn: str) -> Iterator[None]:
    """An index over what is there costs a fraction of one that grows row by row."""
    made: list[str] = []
    with _connected(dsn) as connection:
        for name, definition, table, constraint in connection.execute(
            INDEXES, {"tables": list(TABLES)}
        ).fetchall():
            if constraint is None:
                made.append(definition)
                _run(connection, f"DROP INDEX {name}")
            else:
                primary = (
                    f"ALTER TABLE {table} ADD CONSTRAINT {constraint} PRIMARY KEY USING INDEX {constraint}"
                )
                made.append(f"{definition}; {primary}")
                _run(connection, f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    yield
    with ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(lambda definition: _make(dsn, definition), made))


def _make(dsn: str, definition: str) -> None:
    with _connected(dsn) as connection:
        _run(connection, definition)


def _run(connection: psycopg.Connection, statement: str) -> None:
    connection.execute(statement.encode())  # made of the catalog's own words
