"""The leader's periodic work on jobs. Each method is one transaction in the name of a term (rule 25)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.job.lane import Lane, lane_of
from corral.job.priority import Priority
from corral.store.attempts.stat_deltas import appended
from corral.store.leader.housekeeping import Housekeeping
from corral.store.leader.leases import Term, as_leader
from corral.store.limits.states import READY
from corral.store.postgres.connections import Row
from corral.store.postgres.database import DUTY
from corral.store.webhooks.events import EVENT, told


@dataclass(frozen=True, slots=True)
class Queued:
    """A queued job as the leader enqueues it in Redis: its lane, its id, and how long it has been queued."""

    lane: Lane
    id: UUID
    age: float
    """Seconds since it was queued, by the database's clock."""
    limit_group: UUID | None = None
    """The group in which it waits for its limits; None where it has none."""


@dataclass(frozen=True, slots=True)
class QueuedCursor:
    """Where a page of queued jobs ended; opaque to its holder."""

    queue: str
    suspect: bool
    priority: str
    queued_at: str
    id: UUID


# Through jobs_scheduled. A job that another transaction holds is met again at the next round.
PROMOTE = f"""
WITH due AS (
    SELECT j.id FROM corral.jobs j
    WHERE j.state = 'scheduled' AND j.run_at <= now()
      AND j.run_at >= coalesce(now() - %(within)s::float8 * interval '1 second', '-infinity')
    ORDER BY j.run_at, j.id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE corral.jobs j SET state = {READY}, run_at = NULL, queued_at = now(), updated_at = now()
FROM due WHERE j.id = due.id
RETURNING j.id, j.queue, j.priority, j.suspect, 0.0::float8, j.limit_group
"""

# Infinity is as far as this goes: some servers can't tell how long it takes.
NEXT_DUE = """
SELECT date_part('epoch', greatest(now() - interval '5000 years', least(now() + interval '9000 years', first.run_at)) - now())
FROM (
    SELECT min(j.run_at) AS run_at FROM corral.jobs j
    WHERE j.state = 'scheduled' AND j.run_at >= coalesce(now() - %(within)s::float8 * interval '1 second', '-infinity')
) first WHERE first.run_at IS NOT NULL
"""

# Through jobs_expiring. Only a job that was never claimed expires.
EXPIRE = f"""
WITH late AS (
    SELECT j.id FROM corral.jobs j
    WHERE j.expires_at <= now() AND j.expires_at IS NOT NULL
      AND j.state IN ('blocked', 'scheduled', 'queued') AND j.attempt = 0
    ORDER BY j.expires_at LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
    UPDATE corral.jobs j SET state = 'cancelled', finished_at = now(), updated_at = now(),
           run_at = NULL, error = jsonb_build_object('kind', 'expired', 'message', 'expired before it was claimed')
    FROM late WHERE j.id = late.id
    RETURNING j.id, j.queue, j.type, 'cancelled' AS outcome,
              date_part('epoch', now() - j.queued_at) AS wait, NULL::float8 AS run{EVENT}
), {told("ended")}, counted AS ({appended("ended")})
SELECT id FROM ended
"""

# Through jobs_queued, in its own order: a lane at a time, oldest first. Of those below, a scan of one lane can
# begin behind what was queued long ago: entries of jobs that are done stay there while a snapshot is held.
QUEUED_PAGE = """
SELECT j.id, j.queue, j.priority, j.suspect, date_part('epoch', now() - j.queued_at), j.queued_at::text
FROM corral.jobs j
WHERE j.state = 'queued'
  AND (j.queue, j.suspect, j.priority, j.queued_at, j.id)
      > (%(queue)s::text, %(suspect)s::bool, %(priority)s::text, %(queued_at)s::timestamptz, %(id)s::uuid)
ORDER BY j.queue, j.suspect, j.priority, j.queued_at, j.id LIMIT %(limit)s
"""

BEHIND = """(j.queued_at, j.id)
      > (greatest(%(queued_at)s::timestamptz, now() - %(within)s::float8 * interval '1 second'), %(id)s::uuid)"""
LANE_PAGE = f"""
SELECT j.id, j.queue, j.priority, j.suspect, date_part('epoch', now() - j.queued_at), j.queued_at::text
FROM corral.jobs j
WHERE j.state = 'queued' AND j.queue = %(queue)s AND j.suspect = %(suspect)s AND j.priority = %(priority)s
  AND {BEHIND}
ORDER BY j.queued_at, j.id LIMIT %(limit)s
"""

# Few: sorted after they are found.
SUSPECT_PAGE = f"""
SELECT j.id, j.queue, j.priority, j.suspect, date_part('epoch', now() - j.queued_at), j.queued_at::text
FROM corral.jobs j
WHERE j.state = 'queued' AND j.queue = %(queue)s AND j.suspect
  AND {BEHIND}
ORDER BY j.queued_at, j.id LIMIT %(limit)s
"""

START = QueuedCursor("", False, "", "-infinity", UUID(int=0))


class Duties(Housekeeping):
    """The statements of the leader's duties that move jobs."""

    async def promote(self, term: Term, limit: int = 1000, *, within: float | None = None) -> list[Queued]:
        """Queue scheduled jobs that are due, earliest first; `within`: not those that were due that long ago.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        rows = await self._write(term, PROMOTE, limit, within=within)
        return [_queued(row, row[5]) for row in rows]

    async def expire(self, term: Term, limit: int = 1000) -> list[UUID]:
        """Cancel jobs that were not claimed in the time they gave.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        return [row[0] for row in await self._write(term, EXPIRE, limit)]

    async def next_due(self, *, within: float | None = None) -> float | None:
        """Seconds until the next scheduled job is due, negative when it is; None when there is none.

        Those that were due more than `within` seconds ago are not looked for.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(NEXT_DUE, {"within": within}, limits=DUTY)
        return float(rows[0][0]) if rows else None

    async def queued_page(
        self,
        lane: Lane | None = None,
        cursor: QueuedCursor | None = None,
        limit: int = 5000,
        *,
        within: float | None = None,
    ) -> tuple[list[Queued], QueuedCursor | None]:
        """Queued jobs, oldest first: of one lane, or all, list by list; and where to go on, None at the end.

        Of one lane those alone that were queued in the last `within` seconds, where that is given.

        Raises:
            Unavailable: Postgres is away.
        """
        start = cursor or START
        params: dict[str, object] = {
            "queue": start.queue,
            "suspect": start.suspect,
            "priority": start.priority,
            "queued_at": start.queued_at,
            "id": start.id,
            "limit": limit,
        }
        if lane is not None:
            params |= {"queue": lane.queue, "suspect": lane.suspect, "priority": lane.priority.value}
            params["within"] = within
        statement = QUEUED_PAGE if lane is None else SUSPECT_PAGE if lane.suspect else LANE_PAGE
        rows = await self._database.run(statement, params, limits=DUTY)
        return [_queued(row) for row in rows], _cursor(rows[-1]) if len(rows) == limit else None

    async def _write(self, term: Term, statement: str, limit: int, **more: object) -> Sequence[Row]:
        async with as_leader(self._database, term) as transaction:
            return await transaction.rows(statement, {"limit": limit, **more})


def _queued(row: Row, limit_group: UUID | None = None) -> Queued:
    id, queue, priority, suspect, age = row[:5]
    return Queued(lane_of(queue, Priority.read(priority), suspect=suspect), id, age, limit_group)


def _cursor(row: Row) -> QueuedCursor:
    id, queue, priority, suspect, _, queued_at = row
    return QueuedCursor(queue, suspect, priority, queued_at, id)
