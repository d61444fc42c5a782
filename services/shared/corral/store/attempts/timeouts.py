"""Timeouts that have struck: written while the handler still runs, honoured by whatever ends the attempt.

A thread can't be killed. Past its timeout it keeps its job until it ends, and its worker may be drained, killed or
cut off before that. So the error is written when the timeout strikes; the statements that take jobs from a worker
then end the attempt as that error, in place of a release or a stall.
"""

from collections.abc import Sequence
from uuid import UUID

from corral.job.outcome import Erred, Exhausted, Finished
from corral.store.attempts.endings import error_json
from corral.store.postgres.database import Params
from corral.store.postgres.sql_params import array, numbers, texts

# Under the fence, as every write about a running job.
STRIKE = """
UPDATE corral.jobs j
SET error = i.error::jsonb, timed_out_attempt = i.attempt, timed_out_retry_in = i.retry_in, updated_at = now()
FROM (
    SELECT h.id, i.attempt, i.error, i.retry_in
    FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(errors)s::text[], %(retries_in)s::float8[])
         AS i(id, attempt, error, retry_in)
    CROSS JOIN LATERAL (
        SELECT l.id, l.attempt, l.state, l.worker FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
    ) h
    WHERE h.attempt = i.attempt AND h.state = 'running' AND h.worker = %(worker)s
) i
WHERE j.id = i.id
RETURNING j.id
"""

STRUCK = "coalesce(j.timed_out_attempt = j.attempt, false)"
"""Whether the timeout of the attempt that `jobs j` runs has struck. `j.error` is then that of the timeout."""


def after(otherwise: str) -> str:
    """SQL of the state that a running job `j` goes to when its worker gives it up; `otherwise` where no timeout struck.

    A requested cancel goes before everything (protocol rule 19).
    """
    return f"""CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN {STRUCK} AND j.timed_out_retry_in IS NULL THEN 'failed'
                WHEN {STRUCK} THEN 'scheduled'
                ELSE {otherwise} END"""


def strike(worker: UUID, finished: Sequence[Finished]) -> Params:
    """The parameters of the statement STRIKE, in the order of the ids, as all statements lock jobs."""
    ordered = sorted(finished, key=lambda item: item.id)
    outcomes = [item.outcome for item in ordered]
    assert all(isinstance(outcome, Erred | Exhausted) for outcome in outcomes), outcomes
    return {
        "worker": worker,
        "ids": array(item.id for item in ordered),
        "attempts": array(item.attempt for item in ordered),
        "errors": texts(
            error_json(outcome.error) for outcome in outcomes if isinstance(outcome, Erred | Exhausted)
        ),
        "retries_in": numbers(
            outcome.retry_in if isinstance(outcome, Erred) else None for outcome in outcomes
        ),
    }
