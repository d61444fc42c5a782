"""Inserting jobs: one statement for as many as there are, and what follows a commit that was lost."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from secrets import token_hex
from uuid import UUID

import structlog

from corral import metrics
from corral.errors import (
    OutcomeUnknown,
    SchemaMismatch,
    Unavailable,
    Unreadable,
)
from corral.ids import new_id
from corral.job.job import Accepted, NewJob
from corral.job.priority import Priority
from corral.store.jobs.accepted import accepted_again, accepted_new, displacing, in_order, told
from corral.store.jobs.insert_columns import columns_of
from corral.store.limits import admission
from corral.store.limits.states import SHOWN
from corral.store.postgres.database import SHORT, Database, Limits, Params, Transaction
from corral.store.postgres.pg_errors import Ambiguous
from corral.store.postgres.sql_params import array

log = structlog.get_logger(__name__)

RESOLVE_SECONDS = 3.0
"""How long a submission asks what became of its commit before the caller is told that nobody knows."""
RESOLVE_PAUSE_SECONDS = 0.2
COUNTED = Limits(statement=8.0, lock=3.0)
"""Submissions at one key, and claims of it, wait for one another."""
TRIAL_BYTES = 16_384
"""Of random payload: more than one page, however it is compressed."""

# A queue exists from its first job on, so that it can be paused. The anti-join
# keeps the common case free of writes.
ARRAYS = """%(ids)s::uuid[], %(types)s::text[], %(queues)s::text[], %(priorities)s::text[], %(payloads)s::text[],
        %(delays)s::float8[], %(run_ats)s::timestamptz[], %(expiries)s::float8[], %(retries)s::int4[],
        %(timeouts)s::float8[], %(max_stalls)s::int4[], %(tags)s::text[], %(searches)s::text[],
        %(parents)s::uuid[], %(traces)s::text[], %(creators)s::text[],
        %(limit_groups)s::uuid[], %(limits)s::text[], %(costs)s::text[], %(counted_by)s::text[],
        %(unique_keys)s::text[]"""
NAMES = """id, type, queue, priority, payload, delay, run_at, expires_in, retries, timeout, max_stalls,
           tags, search, parent, traceparent, created_by, limit_group, limits, costs, counted_by, unique_key"""
DUE = "coalesce(i.run_at, now() + coalesce(i.delay, 0) * interval '1 second') AS due"
NAMED = """named AS (
    INSERT INTO corral.queues (name)
    SELECT DISTINCT i.queue FROM input i
    WHERE NOT EXISTS (SELECT FROM corral.queues q WHERE q.name = i.queue)
    ON CONFLICT DO NOTHING
)
"""
INPUT = f"""
WITH input AS MATERIALIZED (
    SELECT i.*, {DUE}
    FROM unnest(
        {ARRAYS}
    ) AS i({NAMES})
), {NAMED}"""
INSERT = """
INSERT INTO corral.jobs AS j
    (id, type, queue, priority, payload, state, run_at, queued_at, expires_at, retries, timeout,
     max_stalls, tags, search, parent, traceparent, created_by, limit_group, limits, costs, counted_by, unique_key)
SELECT i.id, i.type, i.queue, i.priority, i.payload::json,
       CASE WHEN i.due > now() THEN 'scheduled' WHEN i.limit_group IS NULL THEN 'queued' ELSE 'blocked' END,
       CASE WHEN i.due > now() THEN i.due END,
       CASE WHEN i.due > now() THEN NULL ELSE now() END,
       now() + i.expires_in * interval '1 second',
       i.retries, i.timeout, i.max_stalls, i.tags::text[], i.search::jsonb, i.parent, i.traceparent, i.created_by,
       i.limit_group, i.limits::text[], i.costs::float8[], i.counted_by::text[], i.unique_key
FROM input i
"""
# What a new job became follows from the time and from whether it has to wait: of ten thousand that are
# queued, one row comes back.
INSERT_NEW = f"""{INPUT}, inserted AS ({INSERT} RETURNING j.id, j.run_at)
SELECT NULL::uuid, now(), NULL::float8
UNION ALL
SELECT i.id, i.run_at, date_part('epoch', i.run_at - now()) FROM inserted i WHERE i.run_at IS NOT NULL
"""
ANSWER = f"""j.id, j.queue, j.priority, {SHOWN}, j.run_at, j.created_at, date_part('epoch', j.run_at - now()),
    j.limit_group"""
# Waits for a lost transaction that is still about to commit the same ids.
INSERT_AGAIN = f"{INPUT}{INSERT} ON CONFLICT (id) DO NOTHING RETURNING {ANSWER}"
EXISTING = f"SELECT {ANSWER} FROM corral.jobs j WHERE j.id = ANY(%(ids)s::uuid[])"


class _RolledBack(Exception):
    """Ends a transaction without a trace."""


class JobInsert:
    """Inserts jobs."""

    def __init__(self, database: Database, resolve_seconds: float = RESOLVE_SECONDS) -> None:
        """`resolve_seconds`: how long it is asked what became of a commit whose answer was lost."""
        self._database = database
        self._resolve_seconds = resolve_seconds

    async def insert(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        """Insert all or none, in one statement; in the order given.

        A commit whose answer was lost is resolved by inserting the same ids again, which waits for a
        first transaction that is still under way (protocol rule 1).

        Raises:
            InvalidInput: a value that Postgres can't hold; nothing was stored.
            Conflict: one of the ids is taken, or it is a LimitFull: a limit refuses one; nothing was stored.
            Unavailable: nothing was stored.
            OutcomeUnknown: the commit was lost and Postgres stayed away.
        """
        if not jobs:
            return []
        if any(map(admission.is_counted, jobs)):
            return await self._insert_counted(jobs)
        params = columns_of(jobs)
        try:
            rows = await self._database.hot(INSERT_NEW, params)
        except Ambiguous as lost:
            log.warning("insert.ambiguous", jobs=len(jobs), reason=str(lost))
            return await self._resolve(jobs, params)
        except Unreadable:
            rows = []
        return told(jobs, rows, accepted_new)

    async def _insert_counted(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        """Insert jobs some of which are counted while they wait.

        A commit whose answer was lost is asked for again, behind the locks of the keys: a first transaction has ended by then.
        """
        deadline, lost = 0.0, False
        while True:
            try:
                async with self._database.transaction(COUNTED) as transaction:
                    return await insert_within(transaction, jobs, again=lost)
            except Ambiguous as error:
                log.warning("insert.ambiguous", jobs=len(jobs), reason=str(error))
                lost, deadline = True, deadline or time.monotonic() + self._resolve_seconds
            except (Unavailable, SchemaMismatch) as error:
                if not lost:
                    raise
                if time.monotonic() >= deadline:
                    metrics.OUTCOMES_UNKNOWN.labels("insert", "no").inc(len(jobs))
                    raise OutcomeUnknown(tuple(job.id for job in jobs)) from error
            await asyncio.sleep(RESOLVE_PAUSE_SECONDS)

    async def try_out(self, *, a_row: bool) -> None:
        """Insert nothing by the statement that inserts jobs: privileges and a read-only server show themselves.

        With `a_row` a job is inserted, as large as a page, and rolled back: so does a full disk. It costs a dead row.

        Raises:
            Unavailable: Postgres takes no jobs, or is away.
            SchemaMismatch: the tables do not fit.
        """
        if not a_row:
            await self._database.hot(INSERT_NEW, columns_of([]))
            return
        row = NewJob(
            id=new_id(),
            type="corral.trial",
            queue="corral-trial",
            priority=Priority.NORMAL,
            payload=f'"{token_hex(TRIAL_BYTES)}"',
            delay=0.0,
            retries=0,
            timeout=None,
            max_stalls=0,
        )
        with suppress(_RolledBack):
            async with self._database.transaction(SHORT) as transaction:
                await transaction.rows(INSERT_NEW, columns_of([row]))
                raise _RolledBack

    async def existing(self, ids: Sequence[UUID]) -> list[Accepted]:
        """Those of the ids that are stored, in the order given.

        Raises:
            Unavailable: Postgres is away.
        """
        return in_order(ids, await self._database.hot(EXISTING, {"ids": array(ids)}))

    async def _resolve(self, jobs: Sequence[NewJob], params: Params) -> list[Accepted]:
        ids = [job.id for job in jobs]
        deadline = time.monotonic() + self._resolve_seconds
        while True:
            try:
                rows = await self._database.hot(INSERT_AGAIN, params)
                if len(rows) < len(ids):
                    rows += await self._database.hot(
                        EXISTING, {"ids": array(set(ids) - {row[0] for row in rows})}
                    )
            except (Unavailable, SchemaMismatch) as error:
                if time.monotonic() >= deadline:
                    metrics.OUTCOMES_UNKNOWN.labels("insert", "no").inc(len(ids))
                    raise OutcomeUnknown(tuple(ids)) from error
                await asyncio.sleep(RESOLVE_PAUSE_SECONDS)
                continue
            except Unreadable:
                rows = []
            metrics.OUTCOMES_UNKNOWN.labels("insert", "yes").inc(len(ids))
            return told(jobs, rows, accepted_again)


async def insert_within(
    transaction: Transaction, jobs: Sequence[NewJob], *, again: bool = False
) -> list[Accepted]:
    """Insert jobs as a part of a transaction; they are there once it is committed.

    With `again` they may be stored already, by a transaction whose answer was lost. In a transaction that holds no keys of
    limits nothing is refused, and makes no room: the jobs wait, and are counted.

    Raises:
        InvalidInput: a value that Postgres can't hold.
        LimitFull: a limit refuses one of them.
    """
    if not jobs:
        return []
    room = None
    if transaction.holds_limit_keys and any(map(admission.is_counted, jobs)):
        await admission.lock(transaction, jobs)
        if again:
            ids = [job.id for job in jobs]
            stored = await transaction.rows(EXISTING, {"ids": array(ids)})
            if stored:
                return accepted_again(jobs, stored)
        room = await admission.admitted(transaction, jobs)
    accepted = told(jobs, await transaction.rows(INSERT_NEW, columns_of(jobs)), accepted_new)
    return accepted if room is None else displacing(accepted, await admission.make_room(transaction, room))
