"""What becomes of ticks: decided elsewhere, stored with their jobs at once or not at all.

A tick has one row and one job: its key is (schedule, tick), whoever decides it. A decision is stored only over the
row of the schedule that it was made from (`revision`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from corral.job.job import Accepted, NewJob
from corral.schedule.decision import Decided, TickDecision, TickVerdict
from corral.store.access.audit import record
from corral.store.jobs.shaping import moment
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import BY_KEY, SHORT, Database, Transaction
from corral.store.postgres.sql_params import array, numbers, texts
from corral.store.schedules.due import LIVE, DueSchedule
from corral.store.schedules.schedules import locked
from corral.store.schedules.tick_jobs import insert_of_ticks

MAX_MISSED_ROWS = 50
"""Missed ticks of one decision that get a row; all are counted."""

# Whatever the statistics say of a table that was filled a second ago: all that follows knows its keys.
PLAN = "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in BY_KEY.items())
# A row that an operator holds right now is decided in the next round. Each is looked up by its name, in the order of the
# array: one join of both would go through all schedules for each of these.
STORE = """
WITH input AS (
    SELECT * FROM unnest(%(names)s::text[], %(revisions)s::bigint[], %(last_ticks)s::timestamptz[],
        %(due_ats)s::timestamptz[], %(problems)s::text[], %(pauses)s::text[], %(missed)s::int[],
        %(missed_ats)s::timestamptz[], %(submitted)s::int[], %(skipped)s::int[], %(refused)s::int[], %(jobs)s::uuid[])
        AS i(name, revision, last_tick, due_at, problem, pause, missed, missed_at, submitted, skipped, refused, job)
), free AS MATERIALIZED (
    SELECT i.* FROM input i CROSS JOIN LATERAL (
        SELECT s.revision, s.deleted_at, s.paused_at FROM corral.schedules s
        WHERE s.name = i.name OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED
    ) s
    WHERE s.revision = i.revision AND s.deleted_at IS NULL AND s.paused_at IS NULL
)
UPDATE corral.schedules s
SET revision = s.revision + 1, last_tick = greatest(s.last_tick, i.last_tick), due_at = i.due_at, problem = i.problem,
    missed = s.missed + i.missed, missed_at = coalesce(i.missed_at, s.missed_at),
    submitted = s.submitted + i.submitted, skipped = s.skipped + i.skipped, refused = s.refused + i.refused,
    last_job = coalesce(i.job, s.last_job),
    paused_at = CASE WHEN i.pause IS NULL THEN NULL ELSE now() END,
    paused_by = CASE WHEN i.pause IS NULL THEN NULL ELSE 'corral' END, pause_note = i.pause
FROM free i WHERE s.name = i.name
RETURNING s.name
"""
# One that waited gets its last word; every other one that has a row already has it.
TICKS = """
INSERT INTO corral.schedule_ticks AS t (schedule, tick, verdict, origin, reason, job)
SELECT i.schedule, i.tick, i.verdict, %(origin)s, i.reason, i.job
FROM unnest(%(schedules)s::text[], %(ticks)s::timestamptz[], %(verdicts)s::text[], %(reasons)s::text[],
            %(jobs)s::uuid[]) AS i(schedule, tick, verdict, reason, job)
ORDER BY i.schedule, i.tick
ON CONFLICT (schedule, tick) DO UPDATE
SET verdict = excluded.verdict, reason = excluded.reason, job = excluded.job, decided_at = now()
WHERE t.verdict = 'waiting' AND excluded.verdict <> 'waiting'
   OR %(again)s AND t.job IS NULL AND t.verdict <> 'waiting'
RETURNING t.schedule, t.tick, t.verdict, t.job
"""
# Where ticks wait or waited, and where a tick had its row already: what was counted for it is taken back.
RECOUNT = """
UPDATE corral.schedules s
SET submitted = s.submitted - i.submitted, skipped = s.skipped - i.skipped, refused = s.refused - i.refused,
    last_job = CASE WHEN i.submitted = 0 THEN s.last_job ELSE (
        SELECT t.job FROM corral.schedule_ticks t
        WHERE t.schedule = s.name AND t.job IS NOT NULL AND t.origin = 'timetable' ORDER BY t.tick DESC LIMIT 1) END,
    waiting = (SELECT count(*) FROM corral.schedule_ticks t WHERE t.schedule = s.name AND t.verdict = 'waiting')
FROM unnest(%(names)s::text[], %(submitted)s::int[], %(skipped)s::int[], %(refused)s::int[])
    AS i(name, submitted, skipped, refused)
WHERE s.name = i.name
"""
BACKFILLED = """
UPDATE corral.schedules SET submitted = submitted + %(count)s, revision = revision + 1 WHERE name = %(name)s
"""
RUN_NOW = f"""
UPDATE corral.schedules s SET submitted = submitted + 1, revision = revision + 1,
    last_job = CASE WHEN {LIVE} THEN last_job ELSE %(job)s::uuid END
WHERE name = %(name)s
"""
KNOWN = """
SELECT tick, verdict, job FROM corral.schedule_ticks
WHERE schedule = %(name)s AND tick BETWEEN %(first)s AND %(last)s
"""
PAGE = """
SELECT tick, verdict, origin, reason, job, decided_at FROM corral.schedule_ticks
WHERE schedule = %(name)s AND tick < %(before)s ORDER BY tick DESC LIMIT %(limit)s
"""
FORGET = """
WITH old AS (
    SELECT t.schedule, t.tick FROM corral.schedule_ticks t
    WHERE t.tick < now() - %(days)s * interval '1 day' AND t.verdict <> 'waiting' ORDER BY t.tick LIMIT %(limit)s
)
DELETE FROM corral.schedule_ticks t USING old WHERE t.schedule = old.schedule AND t.tick = old.tick RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision about one schedule, with the jobs that it submits, by tick."""

    due: DueSchedule
    decision: TickDecision
    jobs: Mapping[datetime, NewJob]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class StoredTick:
    """What became of one tick."""

    tick: datetime
    verdict: str
    origin: str
    reason: str | None
    job: UUID | None
    decided_at: datetime


class ScheduleTicks:
    """Stores and reads what was decided about ticks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, term: Term, rulings: Sequence[Ruling]) -> tuple[set[str], list[Accepted]]:
        """Store decisions and their jobs in one transaction; the schedules that were still as read, and the jobs stored.

        Raises:
            LeaseLost: nothing was stored.
            InvalidInput: Postgres refuses a job; nothing was stored.
            Unavailable: nothing was stored, unless it is an Ambiguous.
        """
        async with as_leader(self._database, term) as transaction:
            await transaction.rows(PLAN)
            rows = await transaction.rows(STORE, _store_params(rulings))
            stored = {row[0] for row in rows}
            mine = [ruling for ruling in rulings if ruling.due.schedule.name in stored]
            accepted = await self._write_ticks(transaction, mine)
        return stored, accepted

    async def _write_ticks(self, transaction: Transaction, rulings: Sequence[Ruling]) -> list[Accepted]:
        words = [
            (ruling.due.schedule.name, one, ruling.jobs.get(one.tick))
            for ruling in rulings
            for one in _worth_a_row(ruling.decision.ticks)
        ]
        if not words:
            return []
        written = await transaction.rows(TICKS, _tick_params(words, "timetable", again=False))
        jobs = {job.id: job for _, _, job in words if job is not None}
        accepted = await insert_of_ticks(transaction, written, jobs)
        new = {(row[0], moment(row[1])) for row in written}
        lost = [(name, one) for name, one, _ in words if (name, one.tick) not in new]
        waited = [ruling.due.schedule.name for ruling in rulings if _waited(ruling)]
        if lost or waited:
            await transaction.count(RECOUNT, _recount_params(lost, waited))
        return accepted

    async def run_now(self, name: str, job: NewJob, tick: datetime, actor: str) -> list[Accepted]:
        """Store a job that a person asks for beside the timetable. Raises NotFound."""
        async with self._database.transaction(SHORT) as transaction:
            await locked(transaction, name)
            one = Decided(tick, tick, TickVerdict.SUBMITTED)
            params = _tick_params([(name, one, job)], "run-now", again=False)
            if not (written := await transaction.rows(TICKS, params)):
                return []
            await transaction.count(RUN_NOW, {"name": name, "job": job.id})
            accepted = await insert_of_ticks(transaction, written, {job.id: job})
            await record(
                transaction, actor, "run-now", kind="schedule", subjects=[name], details={"job": str(job.id)}
            )
        return accepted

    async def known(self, name: str, first: datetime, last: datetime) -> dict[datetime, UUID | None]:
        """The ticks in a range that have a job, or wait for one (None).

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(KNOWN, {"name": name, "first": first, "last": last})
        return {moment(tick): job for tick, verdict, job in rows if job or verdict == TickVerdict.WAITING}

    async def backfill(self, name: str, jobs: Mapping[datetime, NewJob], actor: str) -> list[Accepted]:
        """Store a job for each tick that has none. Raises NotFound."""
        async with self._database.transaction(SHORT) as transaction:
            await locked(transaction, name)
            words = [(name, Decided(tick, tick, TickVerdict.SUBMITTED), job) for tick, job in jobs.items()]
            written = await transaction.rows(TICKS, _tick_params(words, "backfill", again=True))
            by_id = {job.id: job for job in jobs.values()}
            await transaction.count(BACKFILLED, {"name": name, "count": len(written)})
            accepted = await insert_of_ticks(transaction, written, by_id)
            details = {
                "ticks": len(written),
                "first": str(min(jobs, default="")),
                "last": str(max(jobs, default="")),
            }
            await record(transaction, actor, "backfill", kind="schedule", subjects=[name], details=details)
        return accepted

    async def page(self, name: str, before: datetime, limit: int) -> list[StoredTick]:
        """What became of the ticks of a schedule, newest first.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(PAGE, {"name": name, "before": before, "limit": limit})
        return [
            StoredTick(moment(tick), verdict, origin, reason, job, moment(decided_at))
            for tick, verdict, origin, reason, job, decided_at in rows
        ]

    async def forget(self, term: Term, days: int, limit: int) -> int:
        """Remove what became of ticks older than so many days, at most `limit`; how many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            return len(await transaction.rows(FORGET, {"days": days, "limit": limit}))


def _worth_a_row(ticks: Sequence[Decided]) -> list[Decided]:
    missed = [one for one in ticks if one.verdict is TickVerdict.MISSED]
    left_out = {one.tick for one in missed[:-MAX_MISSED_ROWS]}
    return [one for one in ticks if one.tick not in left_out]


def _store_params(rulings: Sequence[Ruling]) -> dict[str, object]:
    missed = [
        [one.tick for one in ruling.decision.ticks if one.verdict is TickVerdict.MISSED] for ruling in rulings
    ]
    return {
        "names": texts(ruling.due.schedule.name for ruling in rulings),
        "revisions": array(ruling.due.schedule.revision for ruling in rulings),
        "last_ticks": texts(ruling.decision.last_tick.isoformat() for ruling in rulings),
        "due_ats": texts(_iso(ruling.decision.next_tick) for ruling in rulings),
        "problems": texts(ruling.problem for ruling in rulings),
        "pauses": texts(ruling.decision.pause for ruling in rulings),
        "missed": numbers(len(ticks) for ticks in missed),
        **_per_verdict([[one.verdict for one in ruling.decision.ticks] for ruling in rulings]),
        "jobs": texts(_last_job(ruling) for ruling in rulings),
        "missed_ats": texts(_iso(max(ticks)) if ticks else None for ticks in missed),
    }


def _tick_params(
    words: Sequence[tuple[str, Decided, NewJob | None]], origin: str, *, again: bool
) -> dict[str, object]:
    return {
        "origin": origin,
        "again": again,
        "schedules": texts(name for name, _, _ in words),
        "ticks": texts(one.tick.isoformat() for _, one, _ in words),
        "verdicts": texts(one.verdict.value for _, one, _ in words),
        "reasons": texts(one.reason or None for _, one, _ in words),
        "jobs": texts(None if job is None else str(job.id) for _, _, job in words),
    }


def _recount_params(lost: Sequence[tuple[str, Decided]], waited: Sequence[str]) -> dict[str, object]:
    """Per schedule, how many of each verdict were counted for ticks that had their row already."""
    names = sorted({*waited, *(name for name, _ in lost)})
    verdicts: dict[str, list[TickVerdict]] = {name: [] for name in names}
    for name, one in lost:
        verdicts[name].append(one.verdict)
    return {"names": texts(names), **_per_verdict([verdicts[name] for name in names])}


def _per_verdict(verdicts: Sequence[Sequence[TickVerdict]]) -> dict[str, object]:
    """Of each schedule, how many ticks were submitted, skipped and refused."""
    counted = (TickVerdict.SUBMITTED, TickVerdict.SKIPPED, TickVerdict.REFUSED)
    return {kind.value: numbers([of.count(kind) for of in verdicts]) for kind in counted}


def _waited(ruling: Ruling) -> bool:
    return ruling.due.schedule.waiting > 0 or any(
        one.verdict is TickVerdict.WAITING for one in ruling.decision.ticks
    )


def _last_job(ruling: Ruling) -> str | None:
    return str(ruling.jobs[max(ruling.jobs)].id) if ruling.jobs else None


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
