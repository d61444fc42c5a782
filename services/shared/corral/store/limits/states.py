"""How jobs with limits wait: ready ones are stored as blocked, with the time since when, and shown as queued.

So they are in no list of Redis, in no page of the sweep and in no claim of the release before this one, and the index
of queued jobs has no entry of them.
"""

UNEVALUATED = "00000000-0000-0000-0000-000000000000"
"""The group of jobs whose type takes of limits and of which nobody evaluated what they take: the leader does. No claim
takes of it, because none of its jobs names a limit."""
READY = "CASE WHEN j.limit_group IS NULL THEN 'queued' ELSE 'blocked' END"
"""SQL of the state of a job `j` that may be claimed from now on; its `queued_at` is set with it."""
WAITS = "j.state = 'blocked' AND j.limit_group IS NOT NULL AND j.queued_at IS NOT NULL"
"""SQL condition: the job `j` is ready, and waits for its limits. As the index `jobs_limited` has it."""
SHOWN = f"CASE WHEN {WAITS} THEN 'queued' ELSE j.state END"
"""SQL of the state of a stored job `j` as everybody sees it."""

ME = """me AS MATERIALIZED (
    SELECT w.id FROM corral.workers w WHERE w.id = %(worker)s AND w.state = 'active' FOR SHARE
)"""
"""A CTE: the worker that claims, its row locked; nothing where it may not."""
MAY_START = """l.limit_group = s.grp AND l.suspect = %(alone)s
          AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL"""
"""SQL condition: the job `l` waits in the group `s.grp`."""
PASSABLE = """l.type = ANY(%(types)s::text[])
          AND (l.expires_at IS NULL OR l.expires_at > now() OR l.attempt > 0)
          AND l.queue <> ALL (ARRAY(SELECT q.name FROM corral.queues q WHERE q.paused_at IS NOT NULL))"""
"""SQL condition: the worker may claim the job `l`."""
