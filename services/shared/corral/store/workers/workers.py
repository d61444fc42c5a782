"""Worker incarnations: registered, observed, drained, stopped, and taken for lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from corral.job.lane import Lane, lane_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.connections import Row
from corral.store.postgres.database import DUTY, SHORT, Database
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import texts
from corral.store.workers import reclaiming
from corral.store.workers.drains import StoredDrains


class WorkerState(StrEnum):
    """What a worker may do."""

    ACTIVE = "active"
    DRAINING = "draining"
    """Ends what it runs and claims no more."""
    STOPPED = "stopped"
    """Said goodbye."""
    LOST = "lost"
    """Was silent for a whole lease; its jobs were taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """One incarnation. What follows `slots` is the database's."""

    id: UUID
    name: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    types: tuple[str, ...]
    slots: Mapping[str, int]
    """Per executor."""
    keeps_limits: bool = True
    """Whether its claims keep limits. Those of releases that know none do not."""
    state: WorkerState = WorkerState.ACTIVE
    drained_by: str | None = None
    """Who has it drain: a person, or `pool:` and a name."""
    status: Mapping[str, Any] = field(default_factory=dict)
    """What its last heartbeat said of itself."""
    running: int = 0
    registered_at: datetime | None = None
    seen_at: datetime | None = None
    silent_for: float = 0.0
    """Seconds since its last heartbeat, by the database's clock."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """A job taken from a lost worker, or left by a stopped one."""

    id: UUID
    attempt: int
    """The one that was lost."""
    state: State
    lane: Lane
    alone: bool
    """Whether it was the only one that the worker held."""
    due_in: float = 0.0
    """Seconds until a scheduled job is due: its attempt was past its timeout, and that was its error."""
    error: Mapping[str, Any] | None = None
    """The job's last error, as it is stored."""
    limit_group: UUID | None = None


REGISTER = """
INSERT INTO corral.workers (id, name, host, pid, version, queues, types, slots, keeps_limits)
VALUES (%(id)s, %(name)s, %(host)s, %(pid)s, %(version)s, %(queues)s::text[], %(types)s::text[], %(slots)s::jsonb,
        %(keeps_limits)s)
ON CONFLICT (id) DO NOTHING
"""
SELECT = """
SELECT w.id, w.name, w.host, w.pid, w.version, w.queues, w.types, w.slots, w.keeps_limits, w.state, w.drained_by, w.status,
       (SELECT count(*) FROM corral.jobs j WHERE j.worker = w.id AND j.state = 'running'),
       w.registered_at, w.seen_at, date_part('epoch', now() - w.seen_at), w.ended_at
FROM corral.workers w
"""
ALIVE = f"{SELECT} WHERE w.state IN ('active', 'draining') ORDER BY w.name, w.id"
RECENT = f"{SELECT} ORDER BY w.registered_at DESC LIMIT %(limit)s"
ONE = f"{SELECT} WHERE w.id = %(id)s"
# Through workers_alive.
OBSERVE = "SELECT w.id, w.counter FROM corral.workers w WHERE w.state IN ('active', 'draining')"
NAME = "SELECT w.name FROM corral.workers w WHERE w.id = %(id)s"
FORGET = """
DELETE FROM corral.workers w WHERE w.id IN (
    SELECT o.id FROM corral.workers o
    WHERE o.state IN ('stopped', 'lost') AND o.ended_at < now() - %(seconds)s * interval '1 second'
      AND NOT EXISTS (SELECT FROM corral.jobs j WHERE j.worker = o.id AND j.state = 'running')
    LIMIT 1000)
RETURNING w.id
"""


class Workers(StoredDrains):
    """Stores worker incarnations: registered, observed, stopped, and taken for lost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, worker: WorkerRecord) -> None:
        """Store the incarnation; may be repeated.

        Raises:
            Unavailable: Postgres is away.
        """
        await self._database.run(
            REGISTER,
            {
                "id": worker.id,
                "name": worker.name,
                "host": worker.host,
                "pid": worker.pid,
                "version": worker.version,
                "queues": texts(worker.queues),
                "types": texts(worker.types),
                "slots": encode(dict(worker.slots)),
                "keeps_limits": worker.keeps_limits,
            },
        )

    async def list(self, *, ended: int = 0) -> Sequence[WorkerRecord]:
        """The workers that are alive; or the `ended` newest rows, whatever became of them.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(RECENT if ended else ALIVE, {"limit": ended})
        return [_record(row) for row in rows]

    async def get(self, id: UUID) -> WorkerRecord | None:
        """The incarnation of that id.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(ONE, {"id": id})
        return _record(rows[0]) if rows else None

    async def name_of(self, id: UUID) -> str | None:
        """Its name; None where nothing knows it. Unlike `get` it reads no job, so that a lock on them does not hold it.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(NAME, {"id": id}, limits=DUTY)
        return str(rows[0][0]) if rows else None

    async def stop(self, id: UUID) -> Sequence[Reclaimed]:
        """Mark the worker as stopped, as the last thing it does; jobs that it still holds are released.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            if not await transaction.rows(reclaiming.STOP, {"worker": id}):
                return []
            params = {"worker": id, "reason": reclaiming.STOPPED}
            return [reclaimed(row) for row in await transaction.rows(reclaiming.RELEASE, params)]

    async def observations(self) -> Sequence[tuple[UUID, int]]:
        """Every live worker's id and heartbeat counter, for the leader's own clock (rule 22).

        Raises:
            Unavailable: Postgres is away: observation starts anew.
        """
        return [(id, counter) for id, counter in await self._database.run(OBSERVE, limits=DUTY)]

    async def reclaim(
        self, worker: UUID, counter: int, term: Term, *, how: str | None = None
    ) -> Sequence[Reclaimed] | None:
        """Take a worker for lost if its counter is still the one seen, then its jobs (rules 23 and 24).

        None when the worker has shown life, or is gone. `how` its process ended, where somebody knows, is kept with
        the attempts.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            if not await transaction.rows(reclaiming.LOSE, {"worker": worker, "counter": counter}):
                return None
            params = {"worker": worker, "reason": reclaiming.lost(how)}
            return [reclaimed(row) for row in await transaction.rows(reclaiming.RECLAIM, params)]

    async def forget(self, term: Term, seconds: float) -> int:
        """Remove the rows of workers that ended that long ago, a thousand at a time.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            return len(await transaction.rows(FORGET, {"seconds": seconds}))


def _record(row: Row) -> WorkerRecord:
    id, name, host, pid, version, queues, types, slots, keeps_limits, state, *rest = row
    drained_by, status, running, *times = rest
    registered_at, seen_at, silent_for, ended_at = times
    return WorkerRecord(
        id=id,
        name=name,
        host=host,
        pid=pid,
        version=version,
        queues=tuple(queues),
        types=tuple(types),
        slots=slots,
        keeps_limits=keeps_limits,
        state=WorkerState(state),
        drained_by=drained_by,
        status=status,
        running=running,
        registered_at=registered_at,
        seen_at=seen_at,
        silent_for=max(0.0, silent_for),
        ended_at=ended_at,
    )


def reclaimed(row: Row) -> Reclaimed:
    """The reclaimed job in a row of `reclaiming.RECLAIM` or `RELEASE`."""
    id, attempt, state, queue, priority, suspect, alone, due_in, error, limit_group = row
    return Reclaimed(
        id=id,
        attempt=attempt,
        state=State.read(state),
        lane=lane_of(queue, Priority.read(priority), suspect=suspect),
        alone=alone,
        due_in=max(0.0, due_in),
        error=error,
        limit_group=limit_group,
    )
