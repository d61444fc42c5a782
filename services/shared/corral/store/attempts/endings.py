"""The statements that end attempts, each under the fence: id, attempt, worker, still running.

All of them lock their jobs in the order of their ids, as cancelling and
reclaiming do, so that none of these can deadlock: the arrays come sorted, and
a lateral lookup by primary key follows their order. OFFSET 0 keeps the fence
out of that lookup (another index would tempt the planner): a job is locked before it
is judged, so that the fence sees its newest version.
"""

from collections.abc import Sequence
from uuid import UUID

from corral.job.limits import MAX_SNOOZES
from corral.job.outcome import (
    Cancelled,
    Erred,
    Exhausted,
    Finished,
    JobError,
    Outcome,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral.job.state import State
from corral.storable import printable
from corral.store.attempts.stat_deltas import RUN, WAIT, appended
from corral.store.limits.room import given_back
from corral.store.limits.states import READY, SHOWN
from corral.store.postgres.database import Params
from corral.store.postgres.json_text import checked, encode
from corral.store.postgres.sql_params import array, id_array, numbers, texts
from corral.store.unique.unique_keys import GIVES_UP
from corral.store.webhooks.events import EVENT, told

MAX_MESSAGE = 4_000
"""Characters of an error's message or a reason that are kept."""
MAX_TRACEBACK = 32_000
SNOOZED, RATE_LIMITED = "snoozed", "rate-limited"
"""What `attempts.outcome` says of an attempt that asked to be made again, and that parked a limit."""

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
    RETURNING j.id, j.attempt, j.queue, j.type, j.priority, 'completed' AS outcome, {WAIT} AS wait,
        {RUN} * %(share)s::float8 AS run{held}
), {back}counted AS ({appended("ended")})"""


# A snooze ends by the job's expiry; where it has none, by how often its life has snoozed.
_SNOOZE = f"""CASE
        WHEN j.expires_at IS NOT NULL THEN
            CASE WHEN j.expires_at <= now() + i.retry_in * interval '1 second' THEN 'cancelled' ELSE i.kind END
        WHEN (SELECT count(*) FROM corral.attempts a
              WHERE a.job = j.id AND a.life = j.life AND a.outcome = 'snoozed') >= {MAX_SNOOZES} THEN 'failed'
        ELSE i.kind END"""
EXPIRES = "it expires before the time at which it asked to be run again"


def _end(held: str, back: str, ready: str, gives_up: str) -> str:
    """A cancel that was requested turns every ending but success into cancelled (rule 19).

    `gives_up`: SQL of whether an error is the last one of job `j`, whatever retries are left (rule 33).
    """
    return f"""
WITH held AS MATERIALIZED (
    SELECT j.id, i.kind, i.retry_in, j.started_at, j.attempt, j.life, o.outcome, i.park,
           CASE WHEN i.kind <> 'snoozed' OR o.outcome = 'failed' THEN i.error END AS error,
           CASE WHEN i.kind = 'snoozed' AND o.outcome = 'cancelled' AND j.cancel_requested_at IS NULL
                THEN '{EXPIRES}' ELSE i.reason END AS reason
    FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(kinds)s::text[], %(errors)s::text[],
                %(retries_in)s::float8[], %(reasons)s::text[], %(parks)s::text[])
         AS i(id, attempt, kind, error, retry_in, reason, park)
    CROSS JOIN LATERAL (
        SELECT l.id, l.attempt, l.state, l.worker, l.started_at, l.life, l.cancel_requested_at, l.expires_at,
               l.unique_key
        FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
    ) j
    CROSS JOIN LATERAL (
        SELECT CASE WHEN i.kind = 'cancelled' OR j.cancel_requested_at IS NOT NULL THEN 'cancelled'
                    WHEN i.kind = 'snoozed' THEN {_SNOOZE}
                    WHEN i.kind = 'errored' AND {gives_up} THEN 'failed' ELSE i.kind END AS outcome
    ) o
    WHERE j.attempt = i.attempt AND j.state = 'running' AND j.worker = %(worker)s
), ended AS (
    UPDATE corral.jobs j
    SET state = CASE WHEN held.outcome IN ('errored', 'snoozed') THEN 'scheduled'
                     WHEN held.outcome IN ('released', 'rate-limited') THEN {ready} ELSE held.outcome END,
        errors = j.errors + (held.kind IN ('errored', 'failed'))::int4,
        releases = j.releases + (held.outcome = 'released')::int4,
        snoozes = j.snoozes + (held.outcome IN ('snoozed', 'rate-limited'))::int4,
        error = coalesce(held.error::jsonb, j.error),
        suspect = j.suspect AND held.outcome IN ('errored', 'released', 'snoozed', 'rate-limited'),
        run_at = CASE WHEN held.outcome IN ('errored', 'snoozed') THEN now() + held.retry_in * interval '1 second' END,
        queued_at = CASE WHEN held.outcome = 'released' THEN now() ELSE j.queued_at END,
        finished_at = CASE WHEN held.outcome IN ('failed', 'cancelled') THEN now() END,
        worker = CASE WHEN held.outcome IN ('failed', 'cancelled') THEN j.worker END,
        claim = NULL, updated_at = now()
    FROM held WHERE j.id = held.id
    RETURNING j.id, j.attempt,
              CASE WHEN held.outcome IN ('released', 'rate-limited') THEN 'queued' ELSE j.state END AS state, j.run_at,
              j.queue, j.type, j.priority, j.suspect, held.outcome,
              date_part('epoch', held.started_at - j.queued_at) AS wait,
              date_part('epoch', now() - held.started_at) AS run{held}
), kept AS (
    INSERT INTO corral.attempts (job, attempt, life, outcome, worker, started_at, error, reason)
    SELECT held.id, held.attempt, held.life, held.outcome, %(worker)s, held.started_at, held.error::jsonb, held.reason
    FROM held
), {back}counted AS ({appended("ended")})"""


HELD = ", j.limits, j.costs, j.limit_group"
PARKING = ", CASE held.outcome WHEN 'rate-limited' THEN held.park END AS park, held.retry_in AS park_for, held.reason"
TOLD = ", limits, limit_group"
OPENED, PARKED = given_back("ended", opens=True) + ", ", given_back("ended", parks=True) + ", "
TO_WEBHOOKS = told("ended") + ", "
# Those of jobs without limits and unique keys are as short as they can be; the others are for batches that hold any,
# and again for installations that have webhooks.
SUCCEED_STEPS, SUCCEED_LIMITED_STEPS = _success("", ""), _success(HELD, OPENED)
SUCCEED_TOLD_STEPS = _success(EVENT, TO_WEBHOOKS)
SUCCEED_LIMITED_TOLD_STEPS = _success(HELD + EVENT, OPENED + TO_WEBHOOKS)
END_STEPS = _end("", "", "'queued'", "false")
END_LIMITED_STEPS = _end(HELD + PARKING, PARKED, READY, GIVES_UP)
END_TOLD_STEPS = _end(EVENT, TO_WEBHOOKS, "'queued'", "false")
END_LIMITED_TOLD_STEPS = _end(HELD + PARKING + EVENT, PARKED + TO_WEBHOOKS, READY, GIVES_UP)
SUCCEEDED = "\nSELECT id, attempt, 'completed', 0.0::float8, queue, priority, false"
ENDED = """
SELECT id, attempt, state, coalesce(date_part('epoch', run_at - now()), 0), queue, priority, suspect"""
SUCCEED = f"{SUCCEED_STEPS}{SUCCEEDED} FROM ended\n"
SUCCEED_LIMITED = f"{SUCCEED_LIMITED_STEPS}{SUCCEEDED}{TOLD} FROM ended\n"
END = f"{END_STEPS}{ENDED} FROM ended\n"
END_LIMITED = f"{END_LIMITED_STEPS}{ENDED}{TOLD} FROM ended\n"
WITH_WEBHOOKS = {
    SUCCEED: f"{SUCCEED_TOLD_STEPS}{SUCCEEDED} FROM ended\n",
    SUCCEED_LIMITED: f"{SUCCEED_LIMITED_TOLD_STEPS}{SUCCEEDED}{TOLD} FROM ended\n",
    END: f"{END_TOLD_STEPS}{ENDED} FROM ended\n",
    END_LIMITED: f"{END_LIMITED_TOLD_STEPS}{ENDED}{TOLD} FROM ended\n",
}
"""The statement that also tells webhooks, for each that only ends attempts."""
WITHOUT_TIMES = frozenset({*WITH_WEBHOOKS, *WITH_WEBHOOKS.values()})
"""Those whose answers hold no times."""

# What became of a write that matched no row (rule 15).
REREAD = f"""
SELECT i.id, i.attempt, {SHOWN}, coalesce(date_part('epoch', j.run_at - now()), 0), j.queue, j.priority, j.suspect,
       j.limits, j.limit_group, j.attempt, a.outcome, i.kind
FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(kinds)s::text[]) AS i(id, attempt, kind)
LEFT JOIN corral.jobs j ON j.id = i.id
LEFT JOIN corral.attempts a ON a.job = i.id AND a.attempt = i.attempt
"""


_KINDS: dict[type[Outcome], str] = {
    Succeeded: State.COMPLETED.value,
    Erred: "errored",
    Exhausted: State.FAILED.value,
    Released: "released",
    Snoozed: SNOOZED,
    Parked: RATE_LIMITED,
    Cancelled: State.CANCELLED.value,
}


def kind_of(finished: Finished) -> str:
    """The name of the outcome in the column `attempts.outcome`."""
    return _KINDS[type(finished.outcome)]


def lock(finished: Sequence[Finished]) -> Params:
    """The parameters of the statement LOCK."""
    return {"ids": id_array(item.id for item in finished)}


def succeed(worker: UUID, finished: Sequence[Finished], share: float = 1.0) -> Params:
    """The parameters of the statement SUCCEED. `share` is the part of the time since their claim that counts as run.

    Raises:
        InvalidInput: a result holds what can't be stored.
    """
    return {
        "worker": worker,
        "ids": id_array(item.id for item in finished),
        "attempts": array(item.attempt for item in finished),
        "results": texts(_result(item) for item in finished),
        "share": share,
    }


def end(worker: UUID, finished: Sequence[Finished]) -> Params:
    """The parameters of the statement END."""
    return {
        "worker": worker,
        "ids": id_array(item.id for item in finished),
        "attempts": array(item.attempt for item in finished),
        "kinds": array(kind_of(item) for item in finished),
        "errors": texts(_error(item) for item in finished),
        "retries_in": numbers(_retry_in(item) for item in finished),
        "reasons": texts(_reason(item) for item in finished),
        "parks": texts(_park(item) for item in finished),
    }


def reread(finished: Sequence[Finished]) -> Params:
    """The parameters of the statement REREAD."""
    return {
        "ids": id_array(item.id for item in finished),
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
    return error_json(item.outcome.error) if isinstance(item.outcome, Erred | Exhausted | Snoozed) else None


def _retry_in(item: Finished) -> float | None:
    match item.outcome:
        case Erred(retry_in=seconds) | Snoozed(wait=seconds) | Parked(wait=seconds):
            return seconds
        case _:
            return None


def _reason(item: Finished) -> str | None:
    match item.outcome:
        case Released(reason=reason) | Cancelled(reason=reason) | Parked(reason=reason):
            return printable(reason, MAX_MESSAGE)
        case Snoozed(error=error):
            return printable(error.message, MAX_MESSAGE)
        case _:
            return None


def _park(item: Finished) -> str | None:
    return item.outcome.name if isinstance(item.outcome, Parked) else None
