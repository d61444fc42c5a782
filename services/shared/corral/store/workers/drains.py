"""Drains as rows: a person's, and those of whoever scales a pool. Each lifts its own only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.errors import Conflict, NotFound
from corral.store.access.audit import record
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import DUTY, SHORT, Database, Transaction
from corral.store.postgres.sql_params import texts


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """What the leader reads of a worker each second."""

    id: UUID
    name: str
    draining: bool
    drained_by: str | None
    """A person, or `pool:` and a name; None where nobody drains it, or somebody of an older release does."""
    alive_for: float
    """Seconds since it registered, by the database's clock."""


POOL = "pool:"
"""In front of a pool's name where a drain says who made it."""

# Through workers_alive.
LIVE = """
SELECT w.id, w.name, w.state = 'draining', w.drained_by, date_part('epoch', now() - w.registered_at)
FROM corral.workers w WHERE w.state IN ('active', 'draining')
ORDER BY w.name, w.registered_at, w.id
"""
# Index-only through jobs_running.
RUNNING = "SELECT j.worker, count(*) FROM corral.jobs j WHERE j.state = 'running' GROUP BY j.worker"
# Waits for claims that are under way; none begins after it (rule 10). A person's word outlasts a pool's.
DRAIN = """
UPDATE corral.workers SET state = 'draining', drained_by = %(by)s
WHERE state IN ('active', 'draining') AND (id::text = %(which)s OR name = %(which)s)
RETURNING id
"""
DRAIN_ACTIVE = """
UPDATE corral.workers w SET state = 'draining', drained_by = %(by)s
WHERE w.id IN (SELECT o.id FROM corral.workers o
               WHERE o.state = 'active' AND o.name = ANY(%(names)s::text[]) ORDER BY o.id FOR UPDATE)
RETURNING w.id
"""
UNDRAIN = """
UPDATE corral.workers w SET state = 'active', drained_by = NULL
WHERE w.id IN (SELECT o.id FROM corral.workers o
               WHERE o.state = 'draining' AND o.drained_by = %(by)s AND o.name = ANY(%(names)s::text[])
               ORDER BY o.id FOR UPDATE)
RETURNING w.id
"""
# Of those of nobody's name a person of an older release made them.
LIFT = """
UPDATE corral.workers SET state = 'active', drained_by = NULL
WHERE state = 'draining' AND (id::text = %(which)s OR name = %(which)s)
  AND NOT starts_with(coalesce(drained_by, ''), %(pool)s)
RETURNING id
"""
DRAINED_BY = """
SELECT drained_by FROM corral.workers
WHERE state IN ('active', 'draining') AND (id::text = %(which)s OR name = %(which)s)
ORDER BY registered_at, id
"""


class StoredDrains:
    """Drains as rows: which worker may claim no more, and who asked for it."""

    _database: Database

    async def live(self) -> Sequence[LiveWorker]:
        """Every worker that may hold jobs; of one name the latest comes last.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(LIVE, limits=DUTY)
        return [LiveWorker(*row) for row in rows]

    async def live_and_running(self) -> tuple[Sequence[LiveWorker], dict[UUID, int]]:
        """The same, and how many jobs each worker runs, in one round trip.

        Raises:
            Unavailable: Postgres is away.
        """
        live, running = await self._database.together((LIVE, {}), (RUNNING, {}), limits=DUTY)
        return [LiveWorker(*row) for row in live], {row[0]: row[1] for row in running}

    async def running(self) -> dict[UUID, int]:
        """How many jobs each worker runs; those that run none are missing.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(RUNNING, limits=DUTY)
        return {row[0]: row[1] for row in rows}

    async def drain(self, which: UUID | str, actor: str) -> Sequence[UUID]:
        """No claim of this worker succeeds after this returns; a name may stand for several workers.

        Raises:
            NotFound: no live worker has that id or name.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(DRAIN, {"which": str(which), "by": person(actor)})
            if not rows:
                raise NotFound("worker", which)
            await record(transaction, actor, "drain", kind="worker", subjects=[str(row[0]) for row in rows])
        return [row[0] for row in rows]

    async def lift(self, which: UUID | str, actor: str) -> Sequence[UUID]:
        """Let a worker claim again that a person drained; empty where nobody drains it.

        Raises:
            NotFound: no live worker has that id or name.
            Conflict: its pool drains it; whoever scales the pool lifts that.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(LIFT, {"which": str(which), "pool": POOL})
            if not rows:
                await self._refuse(transaction, which)
            await record(transaction, actor, "undrain", kind="worker", subjects=[str(row[0]) for row in rows])
        return [row[0] for row in rows]

    async def drain_for(self, names: Iterable[str], by: str, term: Term) -> Sequence[UUID]:
        """Drain those of these names that nobody drains yet; no claim of them succeeds after this returns.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        return await self._change(DRAIN_ACTIVE, names, by, term)

    async def undrain(self, names: Iterable[str], by: str, term: Term) -> Sequence[UUID]:
        """Let those of these names claim again that are drained by `by`, and by nobody else.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        return await self._change(UNDRAIN, names, by, term)

    async def _refuse(self, transaction: Transaction, which: UUID | str) -> None:
        """Say why nothing was lifted, unless there is nothing to lift."""
        drained_by = [row[0] for row in await transaction.rows(DRAINED_BY, {"which": str(which)})]
        if not drained_by:
            raise NotFound("worker", which)
        for by in drained_by:
            if by is not None and by.startswith(POOL):
                raise leaves(which, by)

    async def _change(self, statement: str, names: Iterable[str], by: str, term: Term) -> Sequence[UUID]:
        async with as_leader(self._database, term) as transaction:
            return [row[0] for row in await transaction.rows(statement, {"names": texts(names), "by": by})]


def person(actor: str) -> str:
    """A person as the name of a drain, told apart from every pool: no pool may lift it."""
    return f"person {actor}" if actor.startswith(POOL) else actor


def leaves(which: UUID | str, by: str) -> Conflict:
    """Why a person can't lift a drain that `by`, a pool, made."""
    pool = by.removeprefix(POOL)
    return Conflict(f"worker {which} is to leave pool {pool}; only what scales the pool lifts this drain")
