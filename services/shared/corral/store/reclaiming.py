"""The statements that take jobs from a worker that is gone: its row first, then its jobs, in one transaction."""

from corral.store.stat_deltas import appended

# Where the counter is still the one seen; waits for a claim or a heartbeat that is under way and then looks again.
LOSE = """
UPDATE corral.workers w SET state = 'lost', ended_at = now()
WHERE w.id = %(worker)s AND w.counter = %(counter)s AND w.state IN ('active', 'draining')
RETURNING w.id
"""

STOP = """
UPDATE corral.workers w SET state = 'stopped', ended_at = now()
WHERE w.id = %(worker)s AND w.state IN ('active', 'draining')
RETURNING w.id
"""


def _taken(outcome: str, reason: str, *, stalled: bool) -> str:
    """End every attempt of %(worker)s; a requested cancel makes each cancelled (rule 19).

    A stall makes a job a suspect; it counts only where the worker held nothing else (rule 24).
    """
    stalls = "j.stalls + held.alone::int4" if stalled else "j.stalls"
    stalled_out = "j.stalls + j.alone::int4 > j.max_stalls" if stalled else "false"
    error = (
        "jsonb_build_object('kind', 'stall', 'type', 'WorkerLost', 'message', held.reason)"
        if stalled
        else "NULL::jsonb"
    )
    return f"""
WITH locked AS MATERIALIZED (
    SELECT j.* FROM corral.jobs j WHERE j.worker = %(worker)s AND j.state = 'running'
    ORDER BY j.id FOR NO KEY UPDATE
), counted_held AS MATERIALIZED (
    SELECT l.*, count(*) OVER () = 1 AS alone FROM locked l
), held AS MATERIALIZED (
    SELECT j.id, j.attempt, j.life, j.started_at, j.alone, '{reason}' AS reason,
           CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN {stalled_out} THEN 'failed' ELSE 'queued' END AS state
    FROM counted_held j
), ended AS (
    UPDATE corral.jobs j
    SET state = held.state,
        stalls = {stalls},
        releases = j.releases + {0 if stalled else 1} * (held.state = 'queued')::int4,
        suspect = held.state = 'queued' AND (j.suspect OR {"true" if stalled else "false"}),
        error = coalesce({error}, j.error),
        queued_at = CASE WHEN held.state = 'queued' THEN now() ELSE j.queued_at END,
        finished_at = CASE WHEN held.state <> 'queued' THEN now() END,
        worker = CASE WHEN held.state <> 'queued' THEN j.worker END,
        claim = NULL, updated_at = now()
    FROM held WHERE j.id = held.id
    RETURNING j.id, j.attempt, j.state, j.queue, j.type, j.priority, j.suspect, held.alone,
              CASE held.state WHEN 'queued' THEN '{outcome}' ELSE held.state END AS outcome,
              NULL::float8 AS wait, date_part('epoch', now() - held.started_at) AS run
), kept AS (
    INSERT INTO corral.attempts (job, attempt, life, outcome, worker, started_at, error, reason)
    SELECT held.id, held.attempt, held.life,
           CASE held.state WHEN 'cancelled' THEN held.state ELSE '{outcome}' END,
           %(worker)s, held.started_at, {error}, held.reason
    FROM held
), counted AS ({appended("ended")})
SELECT id, attempt, state, queue, priority, suspect, alone FROM ended ORDER BY id
"""


RECLAIM = _taken("stalled", "the worker was lost", stalled=True)
RELEASE = _taken("released", "the worker stopped", stalled=False)
