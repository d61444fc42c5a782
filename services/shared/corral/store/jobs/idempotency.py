"""Storing under an idempotency key: the first request is stored, every later one learns what came of it (rule 3)."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from corral import metrics
from corral.errors import OutcomeUnknown, Refused, Unavailable
from corral.job.job import Accepted, NewJob
from corral.job.state import State
from corral.refusals import Duplicate
from corral.store.jobs.accepted import accepted_from
from corral.store.jobs.insert import EXISTING, RESOLVE_PAUSE_SECONDS, RESOLVE_SECONDS, insert_within
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import Database, Limits, Transaction
from corral.store.postgres.pg_errors import Ambiguous
from corral.store.postgres.sql_params import array, texts
from corral.store.unique.unique_jobs import ANEW_PAUSE_SECONDS, ANEW_SECONDS, JobHeld, insert_unique

log = structlog.get_logger(__name__)

KEEP_SECONDS = 24 * 3600.0
"""A key answers for so long, and for as long as one of its jobs is live."""
WAIT = Limits(statement=8.0, lock=1.0)
"""Whoever holds the key in an open transaction is waited for no longer than the lock's second."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """The jobs of one request, to be stored once."""

    caller: str
    key: str
    digest: bytes
    """Of what is asked for."""
    jobs: Sequence[NewJob]


@dataclass(frozen=True, slots=True)
class EarlierJob:
    """A job that an earlier request with the same key made."""

    id: UUID
    state: State
    removed: bool
    """Retention has removed it: only its state is known."""


@dataclass(frozen=True, slots=True)
class EarlierRequest:
    """What the earlier request with the same key asked for, and the jobs that were made of it."""

    digest: bytes
    jobs: Sequence[EarlierJob]


# In the order of the keys, so that two such statements never wait for each other. One that is over is taken anew.
# A key that somebody else is about to store is waited for.
TAKE = """
INSERT INTO corral.idempotency_keys AS k (caller, key, digest, expires_at)
SELECT i.caller, i.key, decode(i.digest, 'hex'), now() + %(seconds)s * interval '1 second'
FROM unnest(%(callers)s::text[], %(keys)s::text[], %(digests)s::text[]) AS i(caller, key, digest)
ORDER BY i.caller, i.key
ON CONFLICT (caller, key) DO UPDATE
SET digest = excluded.digest, created_at = now(), expires_at = excluded.expires_at
WHERE k.expires_at <= now() AND NOT EXISTS (
    SELECT FROM corral.idempotency_jobs i JOIN corral.jobs j ON j.id = i.job
    WHERE i.caller = k.caller AND i.key = k.key AND j.state NOT IN ('completed', 'failed', 'cancelled')
)
RETURNING k.caller, k.key
"""
FORGET_FORMER = """
DELETE FROM corral.idempotency_jobs i USING unnest(%(callers)s::text[], %(keys)s::text[]) AS k(caller, key)
WHERE i.caller = k.caller AND i.key = k.key
"""
NOTE = """
INSERT INTO corral.idempotency_jobs (caller, key, position, job)
SELECT i.caller, i.key, i.position, i.job
FROM unnest(%(callers)s::text[], %(keys)s::text[], %(positions)s::int4[], %(jobs)s::uuid[])
    AS i(caller, key, position, job)
"""
# A statement of its own: what was waited for is not in the snapshot of the one that waited.
EARLIER = """
SELECT k.caller, k.key, k.digest, i.job, coalesce(j.state, i.state), j.id IS NULL
FROM unnest(%(callers)s::text[], %(keys)s::text[]) AS w(caller, key)
JOIN corral.idempotency_keys k ON k.caller = w.caller AND k.key = w.key
JOIN corral.idempotency_jobs i ON i.caller = k.caller AND i.key = k.key
LEFT JOIN corral.jobs j ON j.id = i.job
ORDER BY k.caller, k.key, i.position
"""
SWEEP = """
WITH over AS MATERIALIZED (
    SELECT k.caller, k.key FROM corral.idempotency_keys k
    WHERE k.expires_at <= now() AND NOT EXISTS (
        SELECT FROM corral.idempotency_jobs i JOIN corral.jobs j ON j.id = i.job
        WHERE i.caller = k.caller AND i.key = k.key AND j.state NOT IN ('completed', 'failed', 'cancelled')
    )
    ORDER BY k.expires_at LIMIT %(limit)s FOR UPDATE OF k SKIP LOCKED
), jobs AS (
    DELETE FROM corral.idempotency_jobs i USING over WHERE i.caller = over.caller AND i.key = over.key
)
DELETE FROM corral.idempotency_keys k USING over WHERE k.caller = over.caller AND k.key = over.key
"""


class Idempotency:
    """Stores requests that carry a key."""

    def __init__(self, database: Database, wait: Limits = WAIT) -> None:
        """`wait`: how long a key that somebody else is storing is waited for."""
        self._database = database
        self._wait = wait

    async def insert(self, requests: Sequence[KeyedRequest]) -> list[list[Accepted] | EarlierRequest]:
        """Store those whose key is new, all or none of them; for the others, what came of the earlier request.

        No two of the requests have the same caller and key. A commit whose answer was lost is resolved by doing
        it again: the key then leads to the same jobs.

        Raises:
            InvalidInput: a value that Postgres can't hold; nothing was stored.
            LimitFull: a limit refuses a job; nothing was stored.
            Duplicate: another job holds the unique key of one of the jobs; nothing was stored.
            Unavailable: nothing was stored; a Refused where somebody holds one of the keys.
            OutcomeUnknown: the commit was lost and Postgres stayed away.
        """
        deadline, held, lost = 0.0, 0.0, False
        while True:
            try:
                async with self._database.transaction(self._wait) as transaction:
                    return await insert_once(transaction, requests)
            except Ambiguous as error:
                log.warning("idempotency.ambiguous", requests=len(requests), reason=str(error))
                lost, deadline = True, deadline or time.monotonic() + RESOLVE_SECONDS
            except JobHeld:
                held = held or time.monotonic() + ANEW_SECONDS
                if time.monotonic() >= held and not lost:
                    raise
                await asyncio.sleep(ANEW_PAUSE_SECONDS)
                continue
            except Refused as error:
                if not lost:
                    raise Refused(
                        "postgres", f"another request with this key is being stored; {error.reason}"
                    ) from error
            except Unavailable:
                if not lost:
                    raise
            if time.monotonic() >= deadline:
                ids = tuple(job.id for request in requests for job in request.jobs)
                metrics.OUTCOMES_UNKNOWN.labels("insert", "no").inc(len(ids))
                raise OutcomeUnknown(ids)
            await asyncio.sleep(RESOLVE_PAUSE_SECONDS)

    async def sweep(self, term: Term, limit: int = 2_000) -> int:
        """Forget keys that are over and whose jobs have ended, at most `limit`; how many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            return await transaction.count(SWEEP, {"limit": limit})


async def insert_once(
    transaction: Transaction, requests: Sequence[KeyedRequest]
) -> list[list[Accepted] | EarlierRequest]:
    """Store requests as a part of a transaction; see `Idempotency.insert`.

    Raises:
        InvalidInput: a value that Postgres can't hold.
        LimitFull, Duplicate: a job is refused.
        JobHeld: a job whose payload would be replaced is held by somebody else; roll back and begin anew.
    """
    taken = {(caller, key) for caller, key in await transaction.rows(TAKE, _keys(requests))}
    new = [request for request in requests if (request.caller, request.key) in taken]
    made: dict[UUID, Accepted] = {}
    if new:
        await transaction.count(FORGET_FORMER, _keys(new))
        made = await _store(transaction, new)
        await transaction.count(NOTE, _notes(new, made))
    earlier = await _earlier(transaction, [one for one in requests if one not in new])
    # What was lost with its answer, and is stored after all, is this request's own.
    own = [
        one
        for one in requests
        if (one.caller, one.key) in earlier
        and [job.id for job in earlier[one.caller, one.key].jobs] == [job.id for job in one.jobs]
    ]
    stored = made | await _stored(transaction, own)
    return [
        [stored[job.id] for job in request.jobs if job.id in stored]
        if request in new or request in own
        else earlier[request.caller, request.key]
        for request in requests
    ]


async def _store(transaction: Transaction, requests: Sequence[KeyedRequest]) -> dict[UUID, Accepted]:
    """Store the jobs; for each what is told of it, which is another job where it is a duplicate (rule 33).

    Raises:
        Duplicate: one is refused.
    """
    jobs = [job for request in requests for job in request.jobs]
    if any(job.unique is not None for job in jobs):
        told: list[Accepted] = []
        for answer in await insert_unique(transaction, [request.jobs for request in requests]):
            if isinstance(answer, Duplicate):
                raise answer
            told += answer
    else:
        told = await insert_within(transaction, jobs)
    return {job.id: one for job, one in zip(jobs, told, strict=True)}


async def _stored(transaction: Transaction, requests: Sequence[KeyedRequest]) -> dict[UUID, Accepted]:
    ids = [job.id for request in requests for job in request.jobs]
    rows = await transaction.rows(EXISTING, {"ids": array(ids)}) if ids else []
    return {row[0]: accepted_from(row) for row in rows}


async def _earlier(
    transaction: Transaction, requests: Sequence[KeyedRequest]
) -> dict[tuple[str, str], EarlierRequest]:
    rows = await transaction.rows(EARLIER, _keys(requests)) if requests else []
    found: dict[tuple[str, str], tuple[bytes, list[EarlierJob]]] = {}
    for caller, key, digest, id, state, removed in rows:
        _, jobs = found.setdefault((caller, key), (bytes(digest), []))
        jobs.append(EarlierJob(id, State.read(state), removed))
    return {name: EarlierRequest(digest, jobs) for name, (digest, jobs) in found.items()}


def _keys(requests: Sequence[KeyedRequest]) -> dict[str, object]:
    return {
        "callers": texts(request.caller for request in requests),
        "keys": texts(request.key for request in requests),
        "digests": array(request.digest.hex() for request in requests),
        "seconds": KEEP_SECONDS,
    }


def _notes(requests: Sequence[KeyedRequest], made: Mapping[UUID, Accepted]) -> dict[str, object]:
    rows = [
        (request.caller, request.key, position, made[job.id].id)
        for request in requests
        for position, job in enumerate(request.jobs)
    ]
    callers, keys, positions, jobs = zip(*rows, strict=True)
    return {
        "callers": texts(callers),
        "keys": texts(keys),
        "positions": array(positions),
        "jobs": array(jobs),
    }
