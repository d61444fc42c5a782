"""Claiming: a worker takes many queued jobs in one round trip, and learns why it did not get the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from uuid import UUID

import structlog

from corral import metrics
from corral.errors import Unavailable
from corral.job.job import Claimed
from corral.store.limits.states import UNEVALUATED
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Database, Params
from corral.store.postgres.sql_params import id_array, texts

log = structlog.get_logger(__name__)


class Refusal(StrEnum):
    """Why an id that was popped could not be claimed."""

    GONE = "gone"
    """There is no such job in state queued: it was claimed, cancelled, expired or removed."""
    PAUSED = "paused"
    UNKNOWN_TYPE = "unknown-type"
    """This worker does not know the job's type."""
    SUSPECT = "suspect"
    """The job must run alone and this worker was not claiming for that."""
    LIMITED = "limited"
    """The job waits for its limits, with its group."""
    LOCKED = "locked"
    """Another transaction holds the row; ask again."""
    WORKER = "worker"
    """The worker is lost, draining or stopped, or not registered."""


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What became of the ids of one claim."""

    claimed: list[Claimed]
    refused: dict[UUID, Refusal]


COLUMNS = """j.id, j.type, j.queue, j.attempt, j.payload::text, j.errors, j.retries, j.timeout, j.suspect,
    j.checkpoint::text, j.traceparent, j.parent, date_part('epoch', j.started_at - j.queued_at), j.limit_group, nullif(j.limits, '{}'),
    j.unique_key IS NOT NULL"""

# Postgres takes a statement's locks on tables before its snapshot. FOR SHARE locks the table workers in a mode
# that pausing excludes: so a pause waits for the claims that are under way, and a later claim sees it (rule
# 10). The worker's row first, shared: a reclaim of this worker waits for the claim, or the claim finds it lost
# (rule 23). Then each job by primary key, in the order given; nobody is waited for. What is looked at is
# locked first, so that the conditions see its newest version, and no other index is tempting.
CLAIM = f"""
WITH me AS MATERIALIZED (
    SELECT w.id FROM corral.workers w WHERE w.id = %(worker)s AND w.state = 'active' FOR SHARE
), picked AS MATERIALIZED (
    SELECT j.id
    FROM me CROSS JOIN unnest(%(ids)s::uuid[]) AS i(id) CROSS JOIN LATERAL (
        SELECT l.id, l.state, l.type, l.queue, l.suspect, l.expires_at, l.attempt, l.limit_group, l.limits
        FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED
    ) j
    WHERE j.state = 'queued' AND j.limit_group IS NULL
      AND j.type = ANY(%(types)s::text[]) AND (j.type <> ALL(%(limited)s::text[]) OR j.limits IS NOT NULL)
      AND (%(alone)s OR NOT j.suspect)
      AND (j.expires_at IS NULL OR j.expires_at > now() OR j.attempt > 0)
      AND j.queue <> ALL (ARRAY(SELECT q.name FROM corral.queues q WHERE q.paused_at IS NOT NULL))
)
UPDATE corral.jobs j
SET state = 'running', attempt = j.attempt + 1, worker = %(worker)s, claim = %(claim)s,
    started_at = now(), updated_at = now(), progress = 0, progress_message = NULL
FROM picked WHERE j.id = picked.id
RETURNING {COLUMNS}
"""

WHY_NOT = """
SELECT i.id,
       CASE WHEN NOT EXISTS (SELECT FROM corral.workers w WHERE w.id = %(worker)s AND w.state = 'active')
            THEN 'worker'
            WHEN j.id IS NULL OR j.state <> 'queued' THEN 'gone'
            WHEN j.expires_at <= now() AND j.attempt = 0 THEN 'gone'
            WHEN j.limit_group IS NOT NULL OR (j.limits IS NULL AND j.type = ANY(%(limited)s::text[])) THEN 'limited'
            WHEN j.type <> ALL (%(types)s::text[]) THEN 'unknown-type'
            WHEN j.queue IN (SELECT q.name FROM corral.queues q WHERE q.paused_at IS NOT NULL) THEN 'paused'
            WHEN j.suspect AND NOT %(alone)s THEN 'suspect'
            ELSE 'locked' END
FROM unnest(%(ids)s::uuid[]) AS i(id) LEFT JOIN corral.jobs j ON j.id = i.id
"""

# The release before this one queues jobs with limits as if they had none. What it submitted before their type had
# limits, and what others insert, has no keys yet: the leader evaluates them.
SHELVE = f"""
UPDATE corral.jobs j
SET state = 'blocked', limit_group = coalesce(j.limit_group, '{UNEVALUATED}'),
    limits = coalesce(j.limits, '{{}}'), costs = coalesce(j.costs, '{{}}')
WHERE j.id = ANY(%(ids)s::uuid[]) AND j.state = 'queued'
  AND (j.limit_group IS NOT NULL OR (j.limits IS NULL AND j.type = ANY(%(limited)s::text[])))
"""

# Through jobs_running, which holds only what runs.
CLAIMED_UNDER = f"SELECT {COLUMNS} FROM corral.jobs j WHERE j.state = 'running' AND j.claim = %(claim)s"


class Claims:
    """Claims queued jobs for a worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self,
        worker: UUID,
        claim: UUID,
        ids: Sequence[UUID],
        types: Sequence[str],
        *,
        alone: bool,
        limited: Sequence[str] = (),
    ) -> ClaimAnswer:
        """Take those of `ids` that may run here, under a fresh attempt each; suspects only when `alone`.

        Of `limited` types only those of which is known what they take of limits.

        Raises:
            Unavailable: Postgres is away; where it is ambiguous, ask `claimed_under(claim)` before
                anything else (protocol rule 11).
        """
        params: Params = {
            "worker": worker,
            "claim": claim,
            "ids": id_array(ids),
            "types": texts(types),
            "limited": texts(limited),
            "alone": alone,
        }
        rows = await self._database.hot(CLAIM, params, binary=True)
        claimed = [claimed_from(row) for row in rows]
        if len(claimed) == len(ids):
            return ClaimAnswer(claimed, {})
        taken = {job.id for job in claimed}
        return ClaimAnswer(claimed, await self._reasons([id for id in ids if id not in taken], params))

    async def claimed_under(self, claim: UUID) -> list[Claimed]:
        """The jobs that the claim of that id took and that still run under it.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.hot(CLAIMED_UNDER, {"claim": claim}, binary=True)
        return [claimed_from(row) for row in rows]

    async def _reasons(self, ids: Sequence[UUID], params: Params) -> dict[UUID, Refusal]:
        """Why these were not claimed. The claim is committed: an error here must not hide what it took."""
        try:
            rows = await self._database.hot(WHY_NOT, {**params, "ids": id_array(ids)})
        except Unavailable as error:
            metrics.SWALLOWED.labels("claim-reasons").inc()
            log.warning("claim.reasons-unknown", jobs=len(ids), reason=str(error))
            return dict.fromkeys(ids, Refusal.LOCKED)
        reasons = {id: Refusal(reason) for id, reason in rows}
        limited = [id for id, reason in reasons.items() if reason is Refusal.LIMITED]
        if limited:
            await self._shelve(limited, params)
        return reasons

    async def _shelve(self, ids: Sequence[UUID], params: Params) -> None:
        """Have these wait with their groups, where the leader finds them."""
        try:
            await self._database.hot(SHELVE, {"ids": id_array(ids), "limited": params["limited"]})
        except Unavailable as error:  # they are popped again
            metrics.SWALLOWED.labels("claim-shelve").inc()
            log.warning("claim.not_shelved", jobs=len(ids), reason=str(error))


def claimed_from(row: Row) -> Claimed:
    """A row of COLUMNS."""
    id, type, queue, attempt, payload, errors, retries, timeout, suspect, checkpoint, *rest = row
    traceparent, parent, waited, limit_group, limits, unique = rest
    return Claimed(
        id=id,
        type=type,
        queue=queue,
        attempt=attempt,
        payload=payload,
        errors=errors,
        retries=retries,
        timeout=timeout if timeout is None or isfinite(timeout) else None,
        suspect=suspect,
        checkpoint=checkpoint,
        traceparent=traceparent,
        parent=parent,
        waited=waited,
        limit_group=limit_group,
        limits=tuple(limits or ()),
        unique=unique,
    )
