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
from corral.store.limits.room import given_back
from corral.store.limits.states import READY, UNEVALUATED
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
    NO_SLOT = "no-slot"
    """It was asked for beyond the free slots, and may not be held."""
    WORKER = "worker"
    """The worker is lost, draining or stopped, or not registered."""


@dataclass(frozen=True, slots=True)
class BeyondSlots:
    """What a claim may take beyond the free slots (protocol rule 15)."""

    free: int
    """The slots that are free now; so many jobs of any type are taken."""
    types: Sequence[str]
    """Types of which more are taken, as long as no other type comes before them."""


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What became of the ids of one claim."""

    claimed: list[Claimed]
    refused: dict[UUID, Refusal]


ALONE = """j.id, j.type, j.queue, j.attempt, j.payload::text, j.errors, j.retries, j.timeout, j.suspect,
    j.checkpoint::text, j.traceparent, j.parent, date_part('epoch', j.started_at - j.queued_at), j.unique_key IS NOT NULL"""
"""Columns of a claimed job that waited in no group: it takes of no limit."""
COLUMNS = f"{ALONE}, j.limit_group, nullif(j.limits, '{{}}')"
"""Columns of any claimed job."""
WIDTH, GROUP = 16, 14
"""How many COLUMNS are, and where among them the group is."""


# Postgres takes a statement's locks on tables before its snapshot. FOR SHARE locks the table workers in a mode
# that pausing excludes: so a pause waits for the claims that are under way, and a later claim sees it (rule
# 10). The worker's row first, shared: a reclaim of this worker waits for the claim, or the claim finds it lost
# (rule 23). Then each job by primary key, in the order given; nobody is waited for. What is looked at is
# locked first, so that the conditions see its newest version, and no other index is tempting.
def _claim(named: str, more: str, chosen: str, source: str) -> str:
    """The claim of what `source` names; `named` and `more` are of the picked jobs, `chosen` is a step that chooses of them."""
    return f"""
WITH me AS MATERIALIZED (
    SELECT w.id FROM corral.workers w WHERE w.id = %(worker)s AND w.state = 'active' FOR SHARE
), picked AS MATERIALIZED (
    SELECT j.id{more}
    FROM me CROSS JOIN unnest(%(ids)s::uuid[]) {named} CROSS JOIN LATERAL (
        SELECT l.id, l.state, l.type, l.queue, l.suspect, l.expires_at, l.attempt, l.limit_group, l.limits, l.unique_key
        FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED
    ) j
    WHERE j.state = 'queued' AND j.limit_group IS NULL
      AND (j.type = ANY(%(types)s::text[]) OR (j.limits IS NOT NULL AND j.type = ANY(%(limited)s::text[])))
      AND (%(alone)s OR NOT j.suspect)
      AND (j.expires_at IS NULL OR j.expires_at > now() OR j.attempt > 0)
      AND j.queue <> ALL (ARRAY(SELECT q.name FROM corral.queues q WHERE q.paused_at IS NOT NULL))
){chosen}
UPDATE corral.jobs j
SET state = 'running', attempt = j.attempt + 1, worker = %(worker)s, claim = %(claim)s,
    started_at = now(), updated_at = now(), progress = 0, progress_message = NULL
FROM {source} picked WHERE j.id = picked.id
RETURNING {ALONE}
"""


CLAIM = _claim("AS i(id)", "", "", "picked")
# BeyondSlots the free slots only what can be put back as it was: a first attempt, which nothing else refers to.
CLAIM_BEYOND = _claim(
    "WITH ORDINALITY AS i(id, at)",
    """, i.at, j.type = ANY(%(beyond)s::text[]) AS quick,
           j.attempt = 0 AND j.unique_key IS NULL AS returnable""",
    """, chosen AS MATERIALIZED (
    SELECT n.id FROM (
        SELECT p.id, p.returnable, row_number() OVER before AS number, bool_and(p.quick) OVER before AS quick
        FROM picked p WINDOW before AS (ORDER BY p.at ROWS UNBOUNDED PRECEDING)
    ) n WHERE n.number <= %(free)s OR (n.quick AND n.returnable)
)""",
    "chosen",
)

# The stamp is the id of the claim: no later claim has it, also not one with the same attempt (rule 15). What a cancel was
# asked of stays: it ends as cancelled. Locked in the order of ids, as all writes are, then keys. What it took of limits is
# given back with it.
PUT_BACK = f"""
WITH held AS MATERIALIZED (
    SELECT j.id, j.cancel_requested_at IS NOT NULL AS stays
    FROM unnest(%(ids)s::uuid[]) AS i(id) CROSS JOIN LATERAL (
        SELECT l.id, l.state, l.attempt, l.worker, l.claim, l.cancel_requested_at
        FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
    ) j
    WHERE j.state = 'running' AND j.attempt = 1 AND j.worker = %(worker)s AND j.claim = %(claim)s
), back AS (
    UPDATE corral.jobs j
    SET state = {READY}, attempt = 0, worker = NULL, claim = NULL, started_at = NULL, updated_at = now()
    FROM held WHERE j.id = held.id AND NOT held.stays
    RETURNING j.id, j.limits, j.costs, 'returned' AS outcome
), {given_back("back")}
SELECT held.id FROM held WHERE held.stays
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
        beyond: BeyondSlots | None = None,
    ) -> ClaimAnswer:
        """Take those of `ids` that may run here, under a fresh attempt each; suspects only when `alone`.

        Of `limited` types only those of which is known what they take of limits. `beyond` bounds what is taken where
        there are more ids than free slots.

        Raises:
            Unavailable: Postgres is away; where it is ambiguous, ask `claimed_under(claim)` before
                anything else (protocol rule 11).
        """
        params: Params = {
            "worker": worker,
            "claim": claim,
            "ids": id_array(ids),
            "types": texts([one for one in types if one not in limited]),
            "limited": texts([one for one in types if one in limited]),
            "alone": alone,
        }
        if beyond is None:
            rows = await self._database.hot(CLAIM, params, binary=True)
        else:
            more: Params = {"free": beyond.free, "beyond": texts(beyond.types)}
            rows = await self._database.hot(CLAIM_BEYOND, {**params, **more}, binary=True)
        claimed = [claimed_alone(row) for row in rows]
        if len(claimed) == len(ids):
            return ClaimAnswer(claimed, {})
        taken = {job.id for job in claimed}
        others = [id for id in ids if id not in taken]
        refused = await self._reasons(others, worker, types, limited, alone=alone)
        if beyond is not None:
            left = [id for id in ids[beyond.free :] if refused.get(id) is Refusal.LOCKED]
            refused |= dict.fromkeys(left, Refusal.NO_SLOT)
        return ClaimAnswer(claimed, refused)

    async def put_back(self, worker: UUID, claim: UUID, ids: Sequence[UUID]) -> set[UUID]:
        """Queue again, as they were, jobs that this claim took beyond the free slots and that never began; those that stay.

        A job stays because somebody asked to cancel it: it is to end as cancelled. May be repeated: what was put back
        already, or is no longer this claim's, is left alone.

        Raises:
            Unavailable: Postgres is away, and some or all may be back: repeat it before anything else (rule 15).
        """
        params: Params = {"worker": worker, "claim": claim, "ids": id_array(sorted(ids))}
        return {row[0] for row in await self._database.hot(PUT_BACK, params)}

    async def claimed_under(self, claim: UUID) -> list[Claimed]:
        """The jobs that the claim of that id took and that still run under it.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.hot(CLAIMED_UNDER, {"claim": claim}, binary=True)
        return [claimed_from(row) for row in rows]

    async def _reasons(
        self, ids: Sequence[UUID], worker: UUID, types: Sequence[str], limited: Sequence[str], *, alone: bool
    ) -> dict[UUID, Refusal]:
        """Why these were not claimed. The claim is committed: an error here must not hide what it took."""
        params: Params = {
            "worker": worker,
            "ids": id_array(ids),
            "types": texts(types),
            "limited": texts(limited),
            "alone": alone,
        }
        try:
            rows = await self._database.hot(WHY_NOT, params)
        except Unavailable as error:
            metrics.SWALLOWED.labels("claim-reasons").inc()
            log.warning("claim.reasons-unknown", jobs=len(ids), reason=str(error))
            return dict.fromkeys(ids, Refusal.LOCKED)
        reasons = {id: Refusal(reason) for id, reason in rows}
        waiting = [id for id, reason in reasons.items() if reason is Refusal.LIMITED]
        if waiting:
            await self._shelve(waiting, params)
        return reasons

    async def _shelve(self, ids: Sequence[UUID], params: Params) -> None:
        """Have these wait with their groups, where the leader finds them."""
        try:
            await self._database.hot(SHELVE, {"ids": id_array(ids), "limited": params["limited"]})
        except Unavailable as error:  # they are popped again
            metrics.SWALLOWED.labels("claim-shelve").inc()
            log.warning("claim.not_shelved", jobs=len(ids), reason=str(error))


def claimed_alone(row: Row) -> Claimed:
    """A row of ALONE."""
    id, type, queue, attempt, payload, errors, retries, timeout, suspect, checkpoint, *rest = row
    traceparent, parent, waited, unique = rest
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
        unique=unique,
    )


def claimed_from(row: Row) -> Claimed:
    """A row of COLUMNS; what follows them is left out."""
    claimed = claimed_alone(row[:GROUP])
    claimed.limit_group, limits = row[GROUP:WIDTH]
    claimed.limits = tuple(limits or ())
    return claimed
