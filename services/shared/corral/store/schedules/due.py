"""Schedules that the leader is to look at: a tick has come, or one that waited can go."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.schedule.decision import ScheduleState
from corral.store.jobs.shaping import moment
from corral.store.postgres.database import DUTY, Database
from corral.store.schedules.rows import COLUMNS, Schedule, schedule_from

MAX_READ_WAITING = 100

LIVE = "EXISTS (SELECT FROM corral.jobs j WHERE j.id = s.last_job AND j.state NOT IN ('completed', 'failed', 'cancelled'))"
UNCANCELLED = f"{LIVE[:-1]} AND j.cancel_requested_at IS NULL)"
# Through schedules_due and schedules_waiting; a schedule without anything due is not read.
DUE = f"""
WITH due AS (
    (SELECT s.name FROM corral.schedules s
     WHERE s.due_at <= now() AND s.due_at IS NOT NULL AND s.paused_at IS NULL AND s.deleted_at IS NULL
     ORDER BY s.due_at LIMIT %(limit)s)
    UNION
    (SELECT s.name FROM corral.schedules s
     WHERE s.waiting > 0 AND s.paused_at IS NULL AND s.deleted_at IS NULL AND NOT {LIVE} LIMIT %(limit)s)
)
SELECT {COLUMNS}, {LIVE},
       CASE WHEN s.waiting > 0 THEN ARRAY(
           SELECT t.tick FROM corral.schedule_ticks t WHERE t.schedule = s.name AND t.verdict = 'waiting'
           ORDER BY t.tick LIMIT {MAX_READ_WAITING}) END,
       CASE WHEN s.submitted > 0 AND (s.declared::jsonb || s.overrides::jsonb) ->> 'pause_after' IS NOT NULL
       THEN ARRAY(
           SELECT j.state FROM corral.schedule_ticks t JOIN corral.jobs j ON j.id = t.job
           WHERE t.schedule = s.name AND t.tick > s.counted_from AND t.origin = 'timetable' AND j.state IN ('completed', 'failed')
           ORDER BY t.tick DESC LIMIT 1000) END
FROM corral.schedules s JOIN due USING (name)
"""
NEXT = """
SELECT date_part('epoch', s.due_at - clock_timestamp()) FROM corral.schedules s
WHERE s.due_at IS NOT NULL AND s.paused_at IS NULL AND s.deleted_at IS NULL ORDER BY s.due_at LIMIT 1
"""
AHEAD = """
SELECT count(*) FROM corral.schedules
WHERE last_tick > now() + %(seconds)s * interval '1 second' AND paused_at IS NULL AND deleted_at IS NULL
"""
CANCELLABLE = f"""
SELECT s.name, s.last_job FROM corral.schedules s
WHERE s.waiting > 0 AND s.paused_at IS NULL AND s.deleted_at IS NULL
  AND (s.declared::jsonb || s.overrides::jsonb) ->> 'overlap' = 'cancel' AND {UNCANCELLED}
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule that is to be looked at, as it was read."""

    schedule: Schedule
    state: ScheduleState


class DueSchedules:
    """Reads which schedules are due, and when the next one will be."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, limit: int) -> list[DueSchedule]:
        """Schedules with a tick that has come, or with one that waited for a job that has ended.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(DUE, {"limit": limit}, limits=DUTY)
        return [_due(row) for row in rows]

    async def next_due(self) -> float | None:
        """Seconds until the next tick of any schedule, negative where it has come; None where there is none.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(NEXT, limits=DUTY)
        return float(rows[0][0]) if rows else None

    async def to_cancel(self, limit: int) -> list[tuple[str, UUID]]:
        """Schedules that want their running job cancelled, and that job.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(CANCELLABLE, {"limit": limit}, limits=DUTY)
        return [(name, job) for name, job in rows]

    async def ahead(self, seconds: float) -> int:
        """How many schedules have a last tick that lies further in the future than so many seconds.

        Raises:
            Unavailable: Postgres is away.
        """
        return int((await self._database.run(AHEAD, {"seconds": seconds}, limits=DUTY))[0][0])


def _due(row: Sequence[object]) -> DueSchedule:
    *columns, live, waiting, states = row
    schedule = schedule_from(columns)
    failures = 0
    for state in states or ():  # type: ignore[attr-defined]  # an array of texts
        if state != "failed":
            break
        failures += 1
    ticks = [moment(tick) for tick in waiting or ()]  # type: ignore[attr-defined]  # an array of times
    return DueSchedule(
        schedule, ScheduleState(schedule.last_tick, bool(live), ticks, schedule.waiting, failures)
    )
