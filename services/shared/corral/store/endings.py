"""The statements that end attempts, each under the fence: id, attempt, worker, still running.

All of them lock their jobs in the order of their ids, as cancelling and
reclaiming do, so that none of these can deadlock: the arrays come sorted, and
a lateral lookup by primary key follows their order. OFFSET 0 keeps the fence
out of that lookup (another index would tempt the planner): a job is locked before it
is judged, so that the fence sees its newest version.
"""

from collections.abc import Sequence
from uuid import UUID

from corral.job.outcome import Cancelled, Erred, Exhausted, Finished, JobError, Released, Succeeded
from corral.job.state import State
from corral.storable import printable
from corral.store.database import Params
from corral.store.json_text import checked, encode
from corral.store.limit_room import given_back
from corral.store.limit_states import READY, SHOWN
from corral.store.sql_params import array, numbers, texts
from corral.store.stat_deltas import RUN, WAIT, appended

MAX_MESSAGE = 4_000
"""Characters of an error's message or a reason that are kept."""
MAX_TRACEBACK = 32_000

# Before a batch that takes two statements, so that both together keep the order.
LOCK = """
SELECT count(*) FROM unnest(%(ids)s::uuid[]) AS i(id) CROSS JOIN LATERAL (
    SELECT l.id FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
) locked
"""


def _success(held: str, back: str) -> str:
    return f"""
WITH held AS MATERIALIZED (
    SELECT j.id, i.result
    FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(results)s::text[]) AS i(id, attempt, result)
    CROSS JOIN LATERAL (
        SELECT l.id, l.attempt, l.state, l.worker FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
    ) j
    WHERE j.attempt = i.attempt AND j.state = 'running' AND j.worker = %(worker)s
), ended AS (
    UPDATE corral.jobs j
    SET state = 'completed', result = held.result::json, error = NULL, progress = 100, suspect = false,
        finished_at = now(), updated_at = now()
    FROM held WHERE j.id = held.id
    RETURNING j.id, j.attempt, j.queue, j.type, j.priority, 'completed' AS outcome, {WAIT} AS wait, {RUN} AS run{held}
), {back}counted AS ({appended("ended")})"""


def _end(held: str, back: str, ready: str) -> str:
    """A cancel that was requested turns every ending but success into cancelled (rule 19)."""
    return f"""
WITH held AS MATERIALIZED (
    SELECT j.id, i.kind, i.error, i.retry_in, i.reason, j.started_at, j.attempt, j.life,
           CASE WHEN i.kind = 'cancelled' OR j.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE i.kind END AS outcome
    FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(kinds)s::text[], %(errors)s::text[],
                %(retries_in)s::float8[], %(reasons)s::text[]) AS i(id, attempt, kind, error, retry_in, reason)
    CROSS JOIN LATERAL (
        SELECT l.id, l.attempt, l.state, l.worker, l.started_at, l.life, l.cancel_requested_at
        FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
    ) j
    WHERE j.attempt = i.attempt AND j.state = 'running' AND j.worker = %(worker)s
), ended AS (
    UPDATE corral.jobs j
    SET state = CASE held.outcome WHEN 'errored' THEN 'scheduled' WHEN 'released' THEN {ready} ELSE held.outcome END,
        errors = j.errors + (held.kind IN ('errored', 'failed'))::int4,
        releases = j.releases + (held.outcome = 'released')::int4,
        error = coalesce(held.error::jsonb, j.error),
        suspect = j.suspect AND held.outcome IN ('errored', 'released'),
        run_at = CASE WHEN held.outcome = 'errored' THEN now() + held.retry_in * interval '1 second' END,
        queued_at = CASE WHEN held.outcome = 'released' THEN now() ELSE j.queued_at END,
        finished_at = CASE WHEN held.outcome IN ('failed', 'cancelled') THEN now() END,
        worker = CASE WHEN held.outcome IN ('failed', 'cancelled') THEN j.worker END,
        claim = NULL, updated_at = now()
    FROM held WHERE j.id = held.id
    RETURNING j.id, j.attempt,
              CASE held.outcome WHEN 'released' THEN 'queued' ELSE j.state END AS state, j.run_at, j.queue, j.type, j.priority, j.suspect, held.outcome,
              date_part('epoch', held.started_at - j.queued_at) AS wait,
              date_part('epoch', now() - held.started_at) AS run{held}
), kept AS (
    INSERT INTO corral.attempts (job, attempt, life, outcome, worker, started_at, error, reason)
    SELECT held.id, held.attempt, held.life, held.outcome, %(worker)s, held.started_at, held.error::jsonb, held.reason
    FROM held
), {back}counted AS ({appended("ended")})"""


HELD = ", j.limits, j.costs, j.limit_group"
TOLD = ", limits, limit_group"
BACK = given_back("ended") + ", "
# Those of jobs without limits are as short as they can be; the others are for batches that hold any.
SUCCEED_STEPS, SUCCEED_LIMITED_STEPS = _success("", ""), _success(HELD, BACK)
END_STEPS, END_LIMITED_STEPS = _end("", "", "'queued'"), _end(HELD, BACK, READY)
SUCCEEDED = "\nSELECT id, attempt, 'completed', 0.0::float8, queue, priority, false"
ENDED = """
SELECT id, attempt, state, coalesce(date_part('epoch', run_at - now()), 0), queue, priority, suspect"""
SUCCEED = f"{SUCCEED_STEPS}{SUCCEEDED} FROM ended\n"
SUCCEED_LIMITED = f"{SUCCEED_LIMITED_STEPS}{SUCCEEDED}{TOLD} FROM ended\n"
END = f"{END_STEPS}{ENDED} FROM ended\n"
END_LIMITED = f"{END_LIMITED_STEPS}{ENDED}{TOLD} FROM ended\n"

# What became of a write that matched no row (rule 15).
REREAD = f"""
SELECT i.id, i.attempt, {SHOWN}, coalesce(date_part('epoch', j.run_at - now()), 0), j.queue, j.priority, j.suspect,
       j.limits, j.limit_group, j.attempt, a.outcome, i.kind
FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(kinds)s::text[]) AS i(id, attempt, kind)
LEFT JOIN corral.jobs j ON j.id = i.id
LEFT JOIN corral.attempts a ON a.job = i.id AND a.attempt = i.attempt
"""


def kind_of(finished: Finished) -> str:
    """The name of the outcome in the column `attempts.outcome`."""
    match finished.outcome:
        case Succeeded():
            return State.COMPLETED.value
        case Erred():
            return "errored"
        case Exhausted():
            return State.FAILED.value
        case Released():
            return "released"
        case Cancelled():
            return State.CANCELLED.value


def lock(finished: Sequence[Finished]) -> Params:
    """The parameters of the statement LOCK."""
    return {"ids": array(item.id for item in finished)}


def succeed(worker: UUID, finished: Sequence[Finished]) -> Params:
    """The parameters of the statement SUCCEED.

    Raises:
        InvalidInput: a result holds what can't be stored.
    """
    return {
        "worker": worker,
        "ids": array(item.id for item in finished),
        "attempts": array(item.attempt for item in finished),
        "results": texts(_result(item) for item in finished),
    }


def end(worker: UUID, finished: Sequence[Finished]) -> Params:
    """The parameters of the statement END."""
    return {
        "worker": worker,
        "ids": array(item.id for item in finished),
        "attempts": array(item.attempt for item in finished),
        "kinds": array(kind_of(item) for item in finished),
        "errors": texts(_error(item) for item in finished),
        "retries_in": numbers(_retry_in(item) for item in finished),
        "reasons": texts(_reason(item) for item in finished),
    }


def reread(finished: Sequence[Finished]) -> Params:
    """The parameters of the statement REREAD."""
    return {
        "ids": array(item.id for item in finished),
        "attempts": array(item.attempt for item in finished),
        "kinds": array(kind_of(item) for item in finished),
    }


def error_json(error: JobError) -> str:
    """An error as `jobs.error` and `attempts.error` hold it."""
    return encode(
        {
            "kind": error.kind.value,
            "type": printable(error.type, MAX_MESSAGE),
            "message": printable(error.message, MAX_MESSAGE),
            "traceback": printable(error.traceback, MAX_TRACEBACK),
            "place": printable(error.place, MAX_MESSAGE),
            "fingerprint": error.fingerprint,
        }
    )


def _result(item: Finished) -> str | None:
    text = item.outcome.result if isinstance(item.outcome, Succeeded) else None
    return None if text is None else checked(text, "/result")


def _error(item: Finished) -> str | None:
    return error_json(item.outcome.error) if isinstance(item.outcome, Erred | Exhausted) else None


def _retry_in(item: Finished) -> float | None:
    return item.outcome.retry_in if isinstance(item.outcome, Erred) else None


def _reason(item: Finished) -> str | None:
    return (
        printable(item.outcome.reason, MAX_MESSAGE)
        if isinstance(item.outcome, Released | Cancelled)
        else None
    )
