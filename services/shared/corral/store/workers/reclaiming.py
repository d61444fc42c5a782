"""The statements that take jobs from a worker that is gone: its row first, then its jobs, in one transaction."""

from corral.storable import printable
from corral.store.attempts.stat_deltas import appended
from corral.store.attempts.timeouts import STRUCK, after
from corral.store.limits.room import given_back
from corral.store.limits.states import READY
from corral.store.webhooks.events import EVENT, told

MAX_REASON = 500
"""Characters."""

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


def _taken(outcome: str, *, stalled: bool) -> str:
    """End every attempt of %(worker)s for %(reason)s, a text; a requested cancel makes each cancelled (rule 19).

    One whose timeout struck ends as that error. Any other is a release or a stall; a stall makes a job a suspect, and
    counts only where the worker held nothing else (rule 24).
    """
    stalls = "j.stalls + (held.alone AND NOT held.timed_out)::int4" if stalled else "j.stalls"
    stalled_out = "CASE WHEN j.stalls + j.alone::int4 > j.max_stalls THEN 'failed' ELSE 'queued' END"
    error = (
        "jsonb_build_object('kind', 'stall', 'type', 'WorkerLost', 'message', %(reason)s::text)"
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
    SELECT j.id, j.attempt, j.life, j.started_at, j.alone, {STRUCK} AS timed_out,
           CASE WHEN {STRUCK} THEN j.error ELSE {error} END AS error,
           {after(stalled_out if stalled else "'queued'")} AS state
    FROM counted_held j
), ended AS (
    UPDATE corral.jobs j
    SET state = CASE held.state WHEN 'queued' THEN {READY} ELSE held.state END,
        errors = j.errors + held.timed_out::int4,
        stalls = {stalls},
        releases = j.releases + {0 if stalled else 1} * (held.state = 'queued')::int4,
        suspect = CASE held.state WHEN 'queued' THEN j.suspect OR {"true" if stalled else "false"}
                  WHEN 'scheduled' THEN j.suspect ELSE false END,
        error = coalesce(held.error, j.error),
        run_at = CASE WHEN held.state = 'scheduled' THEN now() + j.timed_out_retry_in * interval '1 second' END,
        queued_at = CASE WHEN held.state = 'queued' THEN now() ELSE j.queued_at END,
        finished_at = CASE WHEN held.state IN ('failed', 'cancelled') THEN now() END,
        worker = CASE WHEN held.state IN ('failed', 'cancelled') THEN j.worker END,
        claim = NULL, updated_at = now()
    FROM held WHERE j.id = held.id
    RETURNING j.id, j.attempt, held.state, j.run_at, j.limits, j.costs, j.limit_group, j.queue, j.type, j.priority, j.suspect, j.error, held.alone,
              CASE held.state WHEN 'queued' THEN '{outcome}' WHEN 'scheduled' THEN 'errored' ELSE held.state END
              AS outcome, held.timed_out, held.life, held.started_at, held.error AS of_attempt,
              NULL::float8 AS wait, date_part('epoch', now() - held.started_at) AS run{EVENT}
), kept AS (
    INSERT INTO corral.attempts (job, attempt, life, outcome, worker, started_at, error, reason)
    SELECT id, attempt, life, CASE WHEN state = 'cancelled' OR timed_out THEN outcome ELSE '{outcome}' END,
           %(worker)s, started_at, of_attempt, %(reason)s
    FROM ended
), {told("ended")}, {given_back("ended")}, counted AS ({appended("ended")})
SELECT id, attempt, state, queue, priority, suspect, alone,
       coalesce(date_part('epoch', run_at - now()), 0), error, limit_group FROM ended ORDER BY id
"""


RECLAIM = _taken("stalled", stalled=True)
RELEASE = _taken("released", stalled=False)
LOST = "the worker was lost"
STOPPED = "the worker stopped"


def lost(how: str | None) -> str:
    """Why the attempts of a lost worker ended: `the worker was lost: its process ended with exit code 3`."""
    return f"{LOST}: {printable(how, MAX_REASON)}" if how else LOST
