"""A worker's sign of life: one statement on a connection of its own, for the heartbeat's thread.

Synchronous on purpose: a handler that blocks the event loop must not stop it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg
import structlog
from psycopg import errors

from corral import metrics
from corral.errors import Unavailable
from corral.job.lane import Lane, lane_of
from corral.job.outcome import Finished
from corral.job.priority import Priority
from corral.query_budget import QueryBudget
from corral.store.attempts import timeouts
from corral.store.attempts.stat_deltas import appended
from corral.store.attempts.timeouts import STRUCK, after
from corral.store.limits.room import given_back
from corral.store.limits.states import READY
from corral.store.postgres.connection import connect
from corral.store.postgres.database import Limits
from corral.store.postgres.deadline import Deadline, in_a_thread
from corral.store.postgres.json_text import encode
from corral.store.postgres.pg_errors import translated
from corral.store.postgres.sql_params import DEFAULT_SCHEMA, array, within
from corral.store.webhooks.events import ANY, EVENT, told
from corral.store.workers import reclaiming
from corral.store.workers.workers import Reclaimed, reclaimed

log = structlog.get_logger(__name__)

LIMITS = Limits(statement=5.0, lock=3.0)
LOOK_SHARE, LOOK_FREE, LOOK_LONGEST = 0.05, 0.5, 60.0
"""Looking for rows that the worker does not hold reads the entries of all jobs it ever ran while a snapshot is held:
then it is done less often. What is held is always found by its ids."""
UNHELD = "its worker did not hold it"
UNHELD_SECONDS = 10
"""How long a row may run under a worker that does not hold it: claims and outcomes are on their way."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A job that the database took from a worker that did not hold it."""

    id: UUID
    attempt: int
    lane: Lane | None
    """Where it waits now; None where a requested cancel ended it."""
    limit_group: UUID | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """What the database answers to a heartbeat: the state of the worker, and what was taken from it."""

    known: bool
    """Whether this incarnation may work on: False when it was taken for lost, or stopped."""
    draining: bool
    cancels: frozenset[UUID]
    """Held jobs whose cancel was requested."""
    stolen: frozenset[tuple[UUID, int]]
    """Pairs that were held when the beat was sent, and are not this worker's: compare with what is held now."""
    released: tuple[GivenBack, ...]
    webhooks: bool = False
    """Whether there are webhooks that are told how jobs end."""


# Worker first, then jobs by id. A worker that is not known changes nothing and is told so by no row. Where `look`
# is false only what is held is looked at, by primary key: OFFSET 0 keeps other indexes out of that.
BEAT = f"""
WITH me AS MATERIALIZED (
    UPDATE corral.workers w SET counter = w.counter + 1, seen_at = now(), status = %(status)s::jsonb
    WHERE w.id = %(worker)s AND w.state IN ('active', 'draining')
    RETURNING w.id, w.state
), held AS MATERIALIZED (
    SELECT i.id, i.attempt FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[]) AS i(id, attempt)
), mine AS MATERIALIZED (
    SELECT j.id, j.attempt, j.cancel_requested_at, j.started_at
    FROM me JOIN corral.jobs j ON j.worker = me.id
    WHERE j.state = 'running' AND %(look)s::bool
    UNION ALL
    SELECT j.id, j.attempt, j.cancel_requested_at, j.started_at
    FROM me CROSS JOIN held CROSS JOIN LATERAL (
        SELECT l.id, l.attempt, l.cancel_requested_at, l.started_at, l.state, l.worker
        FROM corral.jobs l WHERE l.id = held.id OFFSET 0
    ) j
    WHERE j.state = 'running' AND j.worker = me.id AND NOT %(look)s::bool
), unheld AS MATERIALIZED (
    SELECT j.id, j.attempt, j.life, j.started_at, {STRUCK} AS timed_out, {after("'queued'")} AS state
    FROM mine JOIN corral.jobs j ON j.id = mine.id
    WHERE mine.started_at < now() - %(grace)s * interval '1 second'
      AND NOT EXISTS (SELECT FROM held WHERE held.id = mine.id AND held.attempt = mine.attempt)
      AND j.state = 'running' AND j.worker = %(worker)s AND j.attempt = mine.attempt
    ORDER BY j.id FOR NO KEY UPDATE OF j SKIP LOCKED
), ended AS (
    UPDATE corral.jobs j
    SET state = CASE unheld.state WHEN 'queued' THEN {READY} ELSE unheld.state END,
        errors = j.errors + unheld.timed_out::int4,
        releases = j.releases + (unheld.state = 'queued')::int4,
        run_at = CASE WHEN unheld.state = 'scheduled' THEN now() + j.timed_out_retry_in * interval '1 second' END,
        queued_at = CASE WHEN unheld.state = 'queued' THEN now() ELSE j.queued_at END,
        finished_at = CASE WHEN unheld.state IN ('failed', 'cancelled') THEN now() END,
        suspect = j.suspect AND unheld.state IN ('queued', 'scheduled'),
        worker = NULL, claim = NULL, updated_at = now()
    FROM unheld WHERE j.id = unheld.id
    RETURNING j.id, j.attempt, unheld.state, j.queue, j.type, j.priority, j.suspect, j.life, unheld.started_at,
              j.limits, j.costs, j.limit_group,
              unheld.timed_out, j.error,
              CASE unheld.state WHEN 'queued' THEN 'released' WHEN 'scheduled' THEN 'errored' ELSE unheld.state END
              AS outcome,
              NULL::float8 AS wait, date_part('epoch', now() - unheld.started_at) AS run{EVENT}
), kept AS (
    INSERT INTO corral.attempts (job, attempt, life, outcome, worker, started_at, error, reason)
    SELECT ended.id, ended.attempt, ended.life, ended.outcome, %(worker)s, ended.started_at,
           CASE WHEN ended.timed_out THEN ended.error END, '{UNHELD}'
    FROM ended
), {told("ended")}, {given_back("ended")}, counted AS ({appended("ended")})
SELECT 'me' AS what, me.id, 0, me.state, NULL, NULL, {ANY}, NULL::uuid FROM me
UNION ALL
SELECT 'cancel', mine.id, mine.attempt, NULL, NULL, NULL, false, NULL FROM mine JOIN held USING (id, attempt)
WHERE mine.cancel_requested_at IS NOT NULL
UNION ALL
SELECT 'stolen', held.id, held.attempt, NULL, NULL, NULL, false, NULL FROM held
WHERE NOT EXISTS (SELECT FROM mine WHERE mine.id = held.id AND mine.attempt = held.attempt)
UNION ALL
SELECT 'released', ended.id, ended.attempt, ended.state, ended.queue, ended.priority, ended.suspect,
       ended.limit_group FROM ended
"""

# When somebody holds a lock on the jobs: the worker lives all the same, and must not be taken for lost.
LIVE = f"""
UPDATE corral.workers w SET counter = w.counter + 1, seen_at = now(), status = %(status)s::jsonb
WHERE w.id = %(worker)s AND w.state IN ('active', 'draining')
RETURNING 'me', w.id, 0, w.state, NULL, NULL, {ANY}, NULL
"""


class Heartbeat:
    """One worker's heartbeat: its connection and its statement. Used by one thread.

    Connects when first needed, and again after the connection is lost.
    """

    def __init__(
        self,
        url: str,
        schema: str,
        worker: UUID,
        *,
        share: float = LOOK_SHARE,
        free: float = LOOK_FREE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._schema = schema or DEFAULT_SCHEMA
        self._worker = worker
        self._beat = within(self._schema, BEAT)
        self._live = within(self._schema, LIVE)
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._look = QueryBudget(share, free=free, longest=LOOK_LONGEST, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def beat(self, held: Sequence[tuple[UUID, int]], status: Mapping[str, Any]) -> Beat:
        """Count one up, say what is held, and hear what the database thinks (protocol rule 21).

        Where the jobs are locked it only counts, and hears nothing of them.
        `held` is every (job, attempt) from the claim's answer until its outcome is written. Rows that run and
        are not held are looked for each time, and at least once in LOOK_LONGEST seconds where that takes long.

        Raises:
            Unavailable: Postgres is away; the next call connects anew.
        """
        params = {
            "worker": self._worker,
            "status": encode(dict(status)),
            "ids": array(id for id, _ in held),
            "attempts": array(attempt for _, attempt in held),
            "grace": UNHELD_SECONDS,
            "look": self._look.due,
        }
        try:
            with translated():
                connection = self._connected()
                try:
                    with self._look.asked() if params["look"] else nullcontext():
                        rows = _run(connection, self._beat, params)
                except (errors.LockNotAvailable, errors.QueryCanceled) as error:
                    if isinstance(error, errors.QueryCanceled) and params["look"]:
                        self._look.took(LIMITS.statement)
                    metrics.SWALLOWED.labels("heartbeat").inc()
                    log.warning("heartbeat.jobs_locked", worker=str(self._worker), reason=str(error))
                    rows = _run(connection, self._live, params)
        except Unavailable:
            self.close()
            raise
        return _answer(rows)

    def give_up(self, struck: Sequence[Finished]) -> list[Reclaimed]:
        """Mark a worker as stopped that can't do so itself any more; what it held is given back.

        `struck` are its attempts that are past their timeout: they end as that error, all others are given back.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"worker": self._worker, "reason": reclaiming.STOPPED}
        with translated():
            connection = self._connected()
            with connection.transaction(), _answering(connection):
                if struck:
                    strike = timeouts.strike(self._worker, struck)
                    connection.execute(within(self._schema, timeouts.STRIKE), strike)
                if not connection.execute(within(self._schema, reclaiming.STOP), params).fetchall():
                    return []
                rows = connection.execute(within(self._schema, reclaiming.RELEASE), params)
                return [reclaimed(row) for row in rows]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, "corral-heartbeat", session=LIMITS.settings)
        return self._connection


def _run(
    connection: psycopg.Connection[tuple[Any, ...]], statement: str, params: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    with _answering(connection):
        return connection.execute(statement, params, prepare=True).fetchall()


@contextmanager
def _answering(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Break the connection off when no answer comes in time: libpq would wait for ever."""
    deadline = Deadline(in_a_thread)
    deadline.set(connection, LIMITS.statement)
    try:
        yield
    finally:
        deadline.lift()


def _answer(rows: Sequence[tuple[Any, ...]]) -> Beat:
    states = [(row[3], row[6]) for row in rows if row[0] == "me"]
    if not states:
        return Beat(known=False, draining=False, cancels=frozenset(), stolen=frozenset(), released=())
    return Beat(
        known=True,
        draining=states[0][0] == "draining",
        webhooks=states[0][1],
        cancels=frozenset(row[1] for row in rows if row[0] == "cancel"),
        stolen=frozenset((row[1], row[2]) for row in rows if row[0] == "stolen"),
        released=tuple(_given_back(row) for row in rows if row[0] == "released"),
    )


def _given_back(row: tuple[Any, ...]) -> GivenBack:
    _, id, attempt, state, queue, priority, suspect, group = row
    lane = lane_of(queue, Priority.read(priority), suspect=suspect) if state == "queued" else None
    return GivenBack(id, attempt, lane, group)
