"""The SQL of unique keys: taken by submissions, given back by the ends of jobs, kept right by the leader (rule 33).

Whoever holds jobs and keys locks jobs first. A submission locks keys first and then waits for no job: one that it
would change and that is locked makes it begin anew. So none of them can deadlock. A row that was waited for is read by
a later statement: what is read by the statement that waited may be older than the lock.
"""

from corral.store.jobs.insert import ANSWER
from corral.store.limits.states import READY

ENDED = "('completed', 'failed', 'cancelled')"
FOR_EVER = -1.0
"""Stands for a key that is never free again, where seconds are asked for."""
_UNTIL = f"""CASE WHEN i.within = {FOR_EVER} THEN 'infinity'::timestamptz
            ELSE now() + i.within * interval '1 second' END"""

# In the order of the keys. The conflict locks the row that is there; it writes nothing.
LOCK = f"""
INSERT INTO corral.unique_keys AS k (key, holder, newest, until)
SELECT i.key, i.job, i.job, {_UNTIL}
FROM unnest(%(keys)s::text[], %(jobs)s::uuid[], %(withins)s::float8[]) AS i(key, job, within)
ORDER BY i.key
ON CONFLICT (key) DO UPDATE SET holder = k.holder WHERE false
RETURNING k.key
"""
# Columns of ANSWER alone: a role that submits in transactions of its own need not read payloads.
_TOLD = "x.id, x.queue, x.priority, x.state, x.limit_group, x.queued_at, x.run_at, x.created_at"
SEEN = f"""
SELECT k.key, k.newest, k.until IS NOT NULL, coalesce(k.until > now(), false),
       k.holder, coalesce(j.state, k.state, 'completed'), j.id IS NULL, k.waiting, w.state, w.queue, w.priority, {ANSWER}
FROM unnest(%(keys)s::text[]) AS i(key) CROSS JOIN LATERAL (
    SELECT x.* FROM corral.unique_keys x WHERE x.key = i.key OFFSET 0
) k
LEFT JOIN LATERAL (SELECT {_TOLD} FROM corral.jobs x WHERE x.id = k.holder OFFSET 0) j ON true
LEFT JOIN LATERAL (SELECT {_TOLD} FROM corral.jobs x WHERE x.id = k.waiting OFFSET 0) w ON true
"""
# Jobs whose payload may be replaced. One that somebody else holds is not in the answer.
TARGETS = """
SELECT j.id, j.state FROM corral.jobs j WHERE j.id = ANY(%(ids)s::uuid[]) FOR NO KEY UPDATE SKIP LOCKED
"""
# One that waits behind the holder of its key goes on waiting, whatever its time. With `stays` a time is kept, too.
REPLACE = """
WITH input AS MATERIALIZED (
    SELECT i.*, k.taken_at, j.state AS was, j.queued_at AS was_queued_at,
           CASE WHEN i.stays THEN j.run_at
                ELSE least(coalesce(i.run_at, now() + i.delay * interval '1 second'),
                           k.taken_at + i.max_wait * interval '1 second') END AS due
    FROM unnest(%(ids)s::uuid[], %(payloads)s::text[], %(delays)s::float8[], %(run_ats)s::timestamptz[],
                %(expiries)s::float8[], %(retries)s::int4[], %(timeouts)s::float8[], %(tags)s::text[],
                %(searches)s::text[], %(traces)s::text[], %(limit_groups)s::uuid[], %(limits)s::text[],
                %(costs)s::text[], %(counted_by)s::text[], %(keys)s::text[], %(max_waits)s::float8[], %(stays)s::bool[])
        AS i(id, payload, delay, run_at, expires_in, retries, timeout, tags, search, traceparent,
             limit_group, limits, costs, counted_by, key, max_wait, stays)
    JOIN corral.jobs j ON j.id = i.id JOIN corral.unique_keys k ON k.key = i.key
), forgotten AS (
    DELETE FROM corral.effects e USING input i WHERE e.job = i.id
)
UPDATE corral.jobs j
SET payload = i.payload::json, search = i.search::jsonb, tags = i.tags::text[], retries = i.retries,
    timeout = i.timeout, traceparent = i.traceparent, limit_group = i.limit_group, limits = i.limits::text[],
    costs = i.costs::float8[], counted_by = i.counted_by::text[], expires_at = now() + i.expires_in * interval '1 second', errors = 0, error = NULL,
    checkpoint = NULL, progress = 0, progress_message = NULL, updated_at = now(),
    state = CASE WHEN i.was = 'blocked' AND i.was_queued_at IS NULL THEN 'blocked' WHEN i.due > now() THEN 'scheduled'
                 WHEN i.limit_group IS NULL THEN 'queued' ELSE 'blocked' END,
    run_at = CASE WHEN i.due > now() THEN i.due END,
    queued_at = CASE WHEN i.due > now() OR i.was = 'blocked' AND i.was_queued_at IS NULL THEN NULL
                     ELSE coalesce(i.was_queued_at, now()) END
FROM input i WHERE j.id = i.id
"""
# Behind the holder of their key: blocked, without a time since when.
PARK = """
UPDATE corral.jobs j SET state = 'blocked', queued_at = NULL WHERE j.id = ANY(%(ids)s::uuid[])
"""
HOLD = f"""
UPDATE corral.unique_keys k
SET holder = i.holder, waiting = i.waiting, newest = i.newest, state = CASE WHEN i.anew THEN NULL ELSE k.state END,
    taken_at = CASE WHEN i.anew THEN now() ELSE k.taken_at END,
    until = CASE WHEN i.anew THEN {_UNTIL} ELSE k.until END
FROM unnest(%(keys)s::text[], %(holders)s::uuid[], %(waitings)s::uuid[], %(newests)s::uuid[], %(anews)s::bool[],
            %(withins)s::float8[]) AS i(key, holder, waiting, newest, anew, within)
WHERE k.key = i.key
"""
FREE = "DELETE FROM corral.unique_keys k WHERE k.key = ANY(%(keys)s::text[])"

# What the ends of jobs have to lock before RELEASE, and before an error is judged.
LOCK_OF = """
SELECT count(*) FROM (
    SELECT DISTINCT j.unique_key AS key FROM corral.jobs j
    WHERE j.id = ANY(%(ids)s::uuid[]) AND j.unique_key IS NOT NULL ORDER BY 1
) g CROSS JOIN LATERAL (
    SELECT k.key FROM corral.unique_keys k WHERE k.key = g.key OFFSET 0 FOR UPDATE
) k
"""


def released(over: str) -> str:
    """The statement that gives back keys, and lets those go on that waited: after LOCK_OF or LOCK_ROWS.

    `over` is SQL of rows (key, id) of jobs that have ended, or are gone. One that waits and is locked right now is
    left to the leader. It answers the jobs that go on.
    """
    return f"""
WITH ended AS MATERIALIZED ({over}), mine AS MATERIALIZED (
    SELECT k.key, k.until, k.holder IN (SELECT e.id FROM ended e) AS over,
           CASE WHEN k.waiting NOT IN (SELECT e.id FROM ended e) THEN k.waiting END AS waiting
    FROM (SELECT DISTINCT e.key FROM ended e) g CROSS JOIN LATERAL (
        SELECT x.* FROM corral.unique_keys x WHERE x.key = g.key OFFSET 0
    ) k
    WHERE k.holder IN (SELECT e.id FROM ended e) OR k.waiting IN (SELECT e.id FROM ended e)
), next AS MATERIALIZED (
    SELECT m.key, w.id FROM mine m CROSS JOIN LATERAL (
        SELECT x.id, x.state FROM corral.jobs x WHERE x.id = m.waiting OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED
    ) w
    WHERE m.over AND w.state = 'blocked'
), promoted AS (
    UPDATE corral.jobs j
    SET state = CASE WHEN j.run_at > now() THEN 'scheduled' ELSE {READY} END,
        run_at = CASE WHEN j.run_at > now() THEN j.run_at END,
        queued_at = CASE WHEN j.run_at > now() THEN NULL ELSE now() END, updated_at = now()
    FROM next WHERE j.id = next.id
    RETURNING {ANSWER}
), moved AS (
    UPDATE corral.unique_keys k
    SET holder = coalesce(n.id, k.holder), waiting = CASE WHEN n.id IS NULL THEN m.waiting END,
        taken_at = CASE WHEN n.id IS NULL THEN k.taken_at ELSE now() END
    FROM mine m LEFT JOIN next n ON n.key = m.key
    WHERE k.key = m.key AND NOT (m.over AND m.waiting IS NULL AND m.until IS NULL)
), gone AS (
    DELETE FROM corral.unique_keys k USING mine m
    WHERE k.key = m.key AND m.over AND m.waiting IS NULL AND m.until IS NULL
)
SELECT * FROM promoted
"""


RELEASE = released(f"""
    SELECT j.unique_key AS key, j.id FROM corral.jobs j
    WHERE j.id = ANY(%(ids)s::uuid[]) AND j.unique_key IS NOT NULL AND j.state IN {ENDED}""")

GIVES_UP = """j.unique_key IS NOT NULL AND EXISTS (
    SELECT FROM corral.unique_keys k WHERE k.key = j.unique_key AND k.holder = j.id AND k.waiting IS NOT NULL
)"""
"""SQL condition: a newer job waits for the end of job `j`, so that an error of it is its last one (after LOCK_OF)."""

# The leader: jobs that ended without giving back (a release that knows no keys, a worker's last heartbeat), or are gone.
_PAGE = """
    SELECT x.key, x.holder FROM corral.unique_keys x WHERE x.key > %(after)s AND {which} ORDER BY x.key LIMIT %(limit)s"""
PAGES = {True: _PAGE.format(which="x.waiting IS NOT NULL"), False: _PAGE.format(which="x.until IS NULL")}
"""Pages of keys for which a job waits, and of those that are held while their holder is live."""


def locked_rows(page: str, further: str = "") -> str:
    """The statement that locks those of a page whose holder has ended or is gone, as far as nobody else holds them."""
    return f"""
SELECT k.key FROM (
    (SELECT p.key FROM ({page}) p LEFT JOIN corral.jobs j ON j.id = p.holder WHERE j.id IS NULL OR j.state IN {ENDED}){further}
    ORDER BY 1
) g CROSS JOIN LATERAL (
    SELECT x.key FROM corral.unique_keys x WHERE x.key = g.key OFFSET 0 FOR UPDATE SKIP LOCKED
) k
"""


LOCK_WAITED_FOR = locked_rows(PAGES[True])
LOCK_OVER = locked_rows(
    PAGES[False],
    """
    UNION (SELECT x.key FROM corral.unique_keys x WHERE x.until <= now() ORDER BY x.until LIMIT %(limit)s)""",
)
PAGE_END = {
    waited_for: f"SELECT max(p.key) FROM ({page}) p HAVING count(*) = %(limit)s"
    for waited_for, page in PAGES.items()
}
SETTLE = released(f"""
    SELECT k.key, h.id FROM corral.unique_keys k CROSS JOIN LATERAL (
        SELECT k.holder AS id UNION ALL SELECT k.waiting WHERE k.waiting IS NOT NULL
    ) h LEFT JOIN corral.jobs j ON j.id = h.id
    WHERE k.key = ANY(%(keys)s::text[]) AND (j.id IS NULL OR j.state IN {ENDED})""")
EXPIRE = "DELETE FROM corral.unique_keys k WHERE k.key = ANY(%(keys)s::text[]) AND k.until <= now() AND k.waiting IS NULL"

# A person's retry: a key is held again by the job that is retried, unless another one holds it.
RETAKE = """
INSERT INTO corral.unique_keys AS k (key, holder, newest)
SELECT DISTINCT ON (j.unique_key) j.unique_key, j.id, j.id FROM corral.jobs j
WHERE j.id = ANY(%(ids)s::uuid[]) AND j.unique_key IS NOT NULL ORDER BY j.unique_key, j.id DESC
ON CONFLICT (key) DO UPDATE SET holder = k.holder WHERE false
"""
HOLDERS = f"""
SELECT j.id, k.key, k.holder, o.id IS NOT NULL AND o.state NOT IN {ENDED}
FROM corral.jobs j JOIN corral.unique_keys k ON k.key = j.unique_key LEFT JOIN corral.jobs o ON o.id = k.holder
WHERE j.id = ANY(%(ids)s::uuid[]) ORDER BY j.id
"""
RETAKEN = """
UPDATE corral.unique_keys k SET holder = i.holder, newest = i.holder, state = NULL, taken_at = now()
FROM unnest(%(keys)s::text[], %(holders)s::uuid[]) AS i(key, holder) WHERE k.key = i.key AND k.holder <> i.holder
"""
WAITED_FOR = """
SELECT k.holder FROM corral.jobs j JOIN corral.unique_keys k ON k.key = j.unique_key
WHERE j.id = %(id)s AND k.waiting = j.id
"""
