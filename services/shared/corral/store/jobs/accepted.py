"""What became of jobs that were inserted, from what Postgres answered."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from corral import metrics
from corral.job.job import Accepted, Displaced, NewJob
from corral.job.moment import LATEST
from corral.job.priority import Priority
from corral.job.state import State
from corral.store.jobs.shaping import moment
from corral.store.postgres.connections import Row

log = structlog.get_logger(__name__)


def displacing(accepted: list[Accepted], displaced: Sequence[Displaced]) -> list[Accepted]:
    """The answers, with what made room at the last of them; some may have made room themselves."""
    gone = {one.id for one in displaced if one.by is not None}
    told = [
        replace(one, state=State.CANCELLED, run_at=None, due_in=0.0) if one.id in gone else one
        for one in accepted
    ]
    told[-1] = replace(told[-1], displaced=tuple(displaced))
    return told


Shape = Callable[[Sequence[NewJob], Sequence[Row]], list[Accepted]]


def told(jobs: Sequence[NewJob], rows: Sequence[Row], shape: Shape) -> list[Accepted]:
    """What the insert answered, one for each job. They are stored: nothing may say otherwise from here on."""
    try:
        return shape(jobs, rows)
    except Exception as error:  # noqa: BLE001  # whatever it is, the commit stands
        metrics.SWALLOWED.labels("insert-answer").inc()
        log.warning("insert.answer_unreadable", jobs=len(jobs), error=repr(error))
        return [_supposed(job) for job in jobs]


def _supposed(job: NewJob) -> Accepted:
    """What became of a stored job as far as it can be told without reading it, by this machine's clock."""
    now = datetime.now(UTC)
    due_in = (job.run_at - now).total_seconds() if job.run_at else job.delay
    due_in = min(max(0.0, due_in), (LATEST - now).total_seconds())
    return _accepted_one(job, now, now + timedelta(seconds=due_in) if due_in else None, due_in)


def accepted_new(jobs: Sequence[NewJob], rows: Sequence[Row]) -> list[Accepted]:
    """What INSERT_NEW's rows mean: the first is the time, the others are the jobs that wait for theirs."""
    (_, created_at, _), *waiting = rows
    if not waiting:
        return [_accepted_one(job, created_at, None, 0.0) for job in jobs]
    later = {id.int: (run_at, due_in) for id, run_at, due_in in waiting}
    return [_accepted_one(job, created_at, *later.get(job.id.int, (None, 0.0))) for job in jobs]


def accepted_again(jobs: Sequence[NewJob], rows: Sequence[Row]) -> list[Accepted]:
    """One for each job, also where a job has ended and was removed since."""
    found = {row[0]: accepted_from(row) for row in rows}
    return [found.get(job.id) or _supposed(job) for job in jobs]


def _accepted_one(job: NewJob, created_at: datetime, run_at: datetime | None, due_in: float) -> Accepted:
    return Accepted(
        id=job.id,
        queue=job.queue,
        priority=job.priority,
        state=State.QUEUED if run_at is None else State.SCHEDULED,
        run_at=run_at,
        created_at=created_at,
        due_in=max(0.0, due_in),
        limit_group=job.limits.group if job.limits else None,
    )


def in_order(ids: Sequence[UUID], rows: Sequence[Row]) -> list[Accepted]:
    """Those of the ids that there are, in their order."""
    accepted = {row[0]: accepted_from(row) for row in rows}
    return [accepted[id] for id in ids if id in accepted]


def accepted_from(row: Row) -> Accepted:
    """A row of ANSWER."""
    id, queue, priority, state, run_at, created_at, due_in, limit_group = row
    return Accepted(
        id=id,
        queue=queue,
        priority=Priority.read(priority),
        state=State.read(state),
        run_at=run_at and moment(run_at),
        created_at=moment(created_at),
        due_in=max(0.0, due_in or 0.0),
        limit_group=limit_group,
    )
