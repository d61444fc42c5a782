"""Admission: submissions of jobs that are counted while they wait, because a limit of theirs says what then happens.

The rows of the keys are locked in their order, and their jobs are counted by a statement after that, as in a claim
(protocol rule 12): so of two submissions at a full key one sees the other, and a claim under way is waited for. What
waits is never waited for without end: whoever ends such a job may itself wait for a key that is held here.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from corral.job.admission import Admission, Counted, KeyLoad, WhenFull, admit
from corral.job.job import Displaced, NewJob
from corral.job.limit_use import parsed
from corral.refusals import LimitFull, RefusedBecause, TooManyWaiting
from corral.store.attempts.stat_deltas import appended
from corral.store.limits.room import rooms
from corral.store.limits.states import WAITS
from corral.store.postgres.database import Transaction
from corral.store.postgres.sql_params import array, texts
from corral.store.webhooks.events import EVENT, told

log = structlog.get_logger(__name__)

HOLDERS_TOLD = 5
"""Jobs that a refusal names."""
HELD_TRIES, HELD_SECONDS = 5, 0.02
"""How often jobs are asked for again that other transactions hold, and after how long."""

LOCK = """
INSERT INTO corral.limit_keys AS k (name, limit_name, key)
SELECT n.name, split_part(n.name, '=', 1), substr(n.name, strpos(n.name || '=', '=') + 1)
FROM unnest(%(names)s::text[]) AS n(name) ORDER BY n.name
ON CONFLICT (name) DO UPDATE SET in_use = k.in_use WHERE false
"""


def _of(name: str) -> str:
    """SQL condition: the job `j` is live and counted by this name. Dependants of a flow that wait for others are not."""
    return f"""j.counted_by @> ARRAY[{name}] AND j.counted_by IS NOT NULL
      AND j.state IN ('blocked', 'scheduled', 'queued', 'running') AND (j.state <> 'blocked' OR j.queued_at IS NOT NULL)"""


# Through jobs_counted.
LOADS = f"""
SELECT r.name, r.bound, coalesce(r.doc, '{{}}'), u.running, u.stopping, u.waiting, u.holders
FROM ({rooms("unnest(%(names)s::text[]) AS n(name)")}) r CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE j.state = 'running')::int AS running,
           count(*) FILTER (WHERE j.state = 'running' AND j.cancel_requested_at IS NOT NULL)::int AS stopping,
           count(*) FILTER (WHERE j.state <> 'running')::int AS waiting,
           (array_agg(j.id ORDER BY j.state <> 'running', j.started_at, j.id))[1:{HOLDERS_TOLD}] AS holders
    FROM corral.jobs j WHERE {_of("r.name")}
) u
"""
# In the order of their ids, as all who lock several jobs do.
SUPERSEDE = f"""
WITH late AS MATERIALIZED (
    SELECT j.id, n.name, n.by
    FROM unnest(%(names)s::text[], %(bys)s::uuid[]) AS n(name, by) JOIN corral.jobs j ON {_of("n.name")}
    WHERE j.state <> 'running' AND j.id <> ALL(%(kept)s::uuid[])
), free AS MATERIALIZED (
    SELECT j.id, late.name, late.by FROM late JOIN corral.jobs j ON j.id = late.id
    WHERE j.state IN ('scheduled', 'queued') OR ({WAITS})
    ORDER BY j.id FOR NO KEY UPDATE OF j SKIP LOCKED
), ended AS (
    UPDATE corral.jobs j SET state = 'cancelled', finished_at = now(), updated_at = now(), run_at = NULL, suspect = false,
           error = jsonb_build_object('kind', 'superseded', 'message',
               'superseded by job ' || free.by || ', as the limit ' || split_part(free.name, '=', 1) || ' says')
    FROM free WHERE j.id = free.id
    RETURNING j.id, j.queue, j.type, 'cancelled' AS outcome,
              date_part('epoch', now() - j.queued_at) AS wait, NULL::float8 AS run, free.name, free.by{EVENT}
), {told("ended")}, counted AS ({appended("ended")})
SELECT ended.id, ended.name, ended.by FROM ended
UNION ALL SELECT late.id, NULL, NULL FROM late WHERE NOT EXISTS (SELECT FROM ended WHERE ended.id = late.id)
"""
# The oldest are chosen before they are locked: one that is just ending makes room, and no other has to stop for it.
OLDEST = f"""
SELECT o.id, n.name
FROM unnest(%(names)s::text[], %(counts)s::int4[]) AS n(name, count) CROSS JOIN LATERAL (
    SELECT j.id FROM corral.jobs j WHERE {_of("n.name")} AND j.state = 'running' AND j.cancel_requested_at IS NULL
    ORDER BY j.started_at, j.id LIMIT n.count
) o
"""
STOP = """
WITH asked AS (
    UPDATE corral.jobs j SET cancel_requested_at = now(), updated_at = now()
    FROM (
        SELECT l.id FROM corral.jobs l WHERE l.id = ANY(%(ids)s::uuid[]) AND l.state = 'running'
        ORDER BY l.id FOR NO KEY UPDATE SKIP LOCKED
    ) l WHERE j.id = l.id
    RETURNING j.id, j.worker
)
SELECT asked.id, w.name FROM asked LEFT JOIN corral.workers w ON w.id = asked.worker
"""


@dataclass(frozen=True, slots=True)
class AdmittedJobs:
    """Jobs that may be stored, and what then has to make room."""

    jobs: Sequence[NewJob]
    admission: Admission


def is_counted(job: NewJob) -> bool:
    """Whether its submission has to look at what waits."""
    return job.limits is not None and bool(job.limits.counted)


def refused(admission: Admission, size: int) -> LimitFull:
    """The error of a submission of so many jobs, some of which are refused."""
    waits = all(one.because is RefusedBecause.TOO_MANY_WAIT for one in admission.refused)
    return (TooManyWaiting if waits else LimitFull)(size, tuple(admission.refused))


async def lock(transaction: Transaction, jobs: Sequence[NewJob]) -> None:
    """Lock the keys that count these jobs: nobody else changes how many there are."""
    await transaction.count(LOCK, {"names": texts(_names(jobs))})


async def admitted(transaction: Transaction, jobs: Sequence[NewJob]) -> AdmittedJobs:
    """Decide about jobs whose keys are locked.

    Raises:
        LimitFull: one of them is refused; a TooManyWaiting where too many wait.
    """
    rows = await transaction.rows(LOADS, {"names": texts(_names(jobs))})
    loads = {
        name: load_of(name, values, bound=bound, jobs=tuple(counts)) for name, bound, values, *counts in rows
    }
    admission = admit([Counted(job.id, job.limits.counted if job.limits else ()) for job in jobs], loads)
    if admission.refused:
        raise refused(admission, len(jobs))
    return AdmittedJobs(jobs, admission)


async def make_room(transaction: Transaction, admitted: AdmittedJobs) -> list[Displaced]:
    """End and stop what makes room for jobs that are stored by now; what was ended, and who was asked to stop."""
    displaced: list[Displaced] = []
    if admitted.admission.superseding:
        displaced += await _supersede(transaction, admitted.admission)
    if admitted.admission.stopping:
        displaced += await _stop(transaction, admitted.admission.stopping)
    return displaced


def load_of(
    name: str,
    values: Mapping[str, Any],
    *,
    bound: float | None,
    jobs: tuple[int, int, int, Sequence[UUID] | None],
) -> KeyLoad:
    """The load of a key whose limit has these values in force: how many of its jobs run, stop and wait, and some of them."""
    running, stopping, waiting, holders = jobs
    keyed = bool(parsed(name)[1])
    when_full = WhenFull(values.get("on_full", WhenFull.QUEUE))
    if not keyed and values.get("each") is not None and when_full is not WhenFull.REFUSE:
        when_full = WhenFull.QUEUE  # it is about the key
    counts_here = keyed or values.get("by") is None
    return KeyLoad(
        name=name,
        when_full=when_full,
        bound=bound,
        max_waiting=values.get("max_waiting") if counts_here else None,
        running=running,
        stopping=stopping,
        waiting=waiting,
        holders=holders or (),
    )


async def _supersede(transaction: Transaction, admission: Admission) -> list[Displaced]:
    """End what waits. Who holds such a job promotes it, and is done soon, or ends it."""
    superseding = admission.superseding
    params = {
        "names": texts(superseding),
        "bys": array(superseding.values()),
        "kept": array(id for name in superseding for id in admission.kept[name]),
    }
    displaced: list[Displaced] = []
    held: list[UUID] = []
    for _ in range(HELD_TRIES):
        rows = await transaction.rows(SUPERSEDE, params)
        displaced += [Displaced(id, parsed(name)[0], by) for id, name, by in rows if name is not None]
        held = [id for id, name, _ in rows if name is None]
        if not held:
            return displaced
        await asyncio.sleep(HELD_SECONDS)
    log.warning("admission.held_by_others", jobs=len(held))
    return displaced


async def _stop(transaction: Transaction, stopping: Mapping[str, int]) -> list[Displaced]:
    """Ask the oldest to stop. One that somebody holds may be about to end: it is asked for a moment, and then left."""
    params = {"names": texts(stopping), "counts": array(stopping.values())}
    names = {id: parsed(name)[0] for id, name in await transaction.rows(OLDEST, params)}
    asked: dict[UUID, str | None] = {}
    for attempt in range(HELD_TRIES):
        if attempt:
            await asyncio.sleep(HELD_SECONDS)
        rows = await transaction.rows(STOP, {"ids": array(names.keys() - asked.keys())})
        asked |= dict(rows)
        if len(asked) == len(names):
            break
    return [Displaced(id, names[id], None, worker or "") for id, worker in asked.items()]


def _names(jobs: Sequence[NewJob]) -> list[str]:
    return sorted({name for job in jobs if job.limits is not None for name in job.limits.counted})
