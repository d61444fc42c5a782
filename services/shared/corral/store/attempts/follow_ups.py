"""Follow-ups: jobs that are inserted by the very statement that records the outcome of an attempt (protocol rule 34).

They join the rows that this statement has ended. So the fence of the outcome is theirs, too: an attempt that was fenced
leaves none, and an outcome that is repeated after a lost answer ends no row, and inserts none a second time. Attempts
without follow-ups are ended by the statements without this part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.job.follow_up import FollowsOn
from corral.job.job import Accepted
from corral.job.outcome import Finished
from corral.job.state import State
from corral.store.attempts.endings import (
    END,
    END_LIMITED,
    END_LIMITED_STEPS,
    END_LIMITED_TOLD_STEPS,
    END_STEPS,
    END_TOLD_STEPS,
    ENDED,
    SUCCEED,
    SUCCEED_LIMITED,
    SUCCEED_LIMITED_STEPS,
    SUCCEED_LIMITED_TOLD_STEPS,
    SUCCEED_STEPS,
    SUCCEED_TOLD_STEPS,
    SUCCEEDED,
    TOLD,
    WITH_WEBHOOKS,
)
from corral.store.jobs.accepted import accepted_from
from corral.store.jobs.insert import ARRAYS, DUE, INSERT, NAMED, NAMES
from corral.store.jobs.insert_columns import columns_of
from corral.store.limits.states import SHOWN
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Database, Params
from corral.store.postgres.sql_params import array, texts


@dataclass(frozen=True, slots=True)
class StoredFollowUp:
    """A job that was stored with an outcome."""

    job: UUID
    """The job whose attempt announced it."""
    attempt: int
    on: FollowsOn
    follow_up: UUID
    type: str | None
    """None, as is the state, where retention has removed it."""
    state: State | None


_PREFIX = "new_"
"""Of the parameters of new jobs: those of the endings have the same names."""
_MATCHES = """(
        i.follows_on = CASE e.outcome WHEN 'completed' THEN 'success' WHEN 'failed' THEN 'failure'
                       WHEN 'errored' THEN 'retry' ELSE e.outcome END
        OR i.follows_on = 'end' AND e.outcome IN ('completed', 'failed', 'cancelled')
    )"""
FOLLOW = f"""
, input AS MATERIALIZED (
    SELECT i.*, {DUE}
    FROM unnest(
        {ARRAYS.replace("%(", f"%({_PREFIX}")},
        %(follow_jobs)s::uuid[], %(follow_attempts)s::int4[], %(follows_on)s::text[]
    ) AS i({NAMES}, ended_job, ended_attempt, follows_on)
    JOIN ended e ON e.id = i.ended_job AND e.attempt = i.ended_attempt
    WHERE {_MATCHES}
), {NAMED}, inserted AS (
    {INSERT}
    RETURNING j.id, {SHOWN} AS state, j.run_at, j.queue, j.priority, j.created_at, j.limit_group
), noted AS (
    INSERT INTO corral.follow_ups (job, attempt, follows_on, follow_up)
    SELECT i.ended_job, i.ended_attempt, i.follows_on, i.id FROM input i
)"""


def _followed(told: str) -> str:
    """SQL of the rows of the follow-ups, beside those of the attempts: they have no attempt."""
    return f"""
UNION ALL
SELECT f.id, 0, f.state, coalesce(date_part('epoch', f.run_at - now()), 0), f.queue, f.priority, false{told},
       f.run_at, f.created_at, f.limit_group
FROM inserted f
"""


_NONE = ", NULL::timestamptz, NULL::timestamptz, NULL::uuid FROM ended"
_LIMITED = ", NULL::text[], NULL::uuid"
_PLAIN_ENDS = (
    (SUCCEED, SUCCEED_STEPS, SUCCEED_TOLD_STEPS, SUCCEEDED),
    (END, END_STEPS, END_TOLD_STEPS, ENDED),
)
_LIMITED_ENDS = (
    (SUCCEED_LIMITED, SUCCEED_LIMITED_STEPS, SUCCEED_LIMITED_TOLD_STEPS, f"{SUCCEEDED}{TOLD}"),
    (END_LIMITED, END_LIMITED_STEPS, END_LIMITED_TOLD_STEPS, f"{ENDED}{TOLD}"),
)
FOLLOWING = {
    statement: f"{steps}{FOLLOW}{rows}{_NONE}{_followed(limits)}"
    for ends, limits in ((_PLAIN_ENDS, ""), (_LIMITED_ENDS, _LIMITED))
    for plain, plain_steps, told_steps, rows in ends
    for statement, steps in ((plain, plain_steps), (WITH_WEBHOOKS[plain], told_steps))
}
"""The statement that also inserts, for each that only ends attempts."""

OF_JOB = f"""
SELECT f.job, f.attempt, f.follows_on, f.follow_up, j.type, {SHOWN}
FROM corral.follow_ups f LEFT JOIN corral.jobs j ON j.id = f.follow_up
WHERE f.job = %(job)s ORDER BY f.follow_up LIMIT %(limit)s
"""
MAX_LISTED = 1_000


class FollowUps:
    """Reads which jobs were stored with the outcomes of a job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, job: UUID, limit: int = MAX_LISTED) -> list[StoredFollowUp]:
        """The follow-ups of a job, oldest first, at most `limit`.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(OF_JOB, {"job": job, "limit": limit})
        return [
            StoredFollowUp(job, attempt, FollowsOn(on), id, type, State.read(state) if state else None)
            for job, attempt, on, id, type, state in rows
        ]


def ending(statement: str, params: Params, finished: Sequence[Finished]) -> tuple[str, Params]:
    """The statement that ends these attempts and stores their follow-ups; itself where there are none.

    Those with a unique key are kept by a step of their own (`keyed_follow_ups`).

    Raises:
        InvalidInput: a follow-up holds what can't be stored.
    """
    offered = [(item, one) for item in finished for one in item.follow_ups if one.job.unique is None]
    if not offered:
        return statement, params
    columns = columns_of([one.job for _, one in offered])
    return FOLLOWING[statement], {
        **params,
        **{f"{_PREFIX}{name}": value for name, value in columns.items()},
        "follow_jobs": array(item.id for item, _ in offered),
        "follow_attempts": array(item.attempt for item, _ in offered),
        "follows_on": texts(one.on.value for _, one in offered),
    }


def is_follow_up(row: Row) -> bool:
    """Whether a row that an ending answered is one of a follow-up."""
    attempt: int = row[1]
    return attempt == 0


def accepted(row: Row) -> Accepted:
    """The job in a row of `_followed`."""
    id, _, state, due_in, queue, priority, _, *_, run_at, created_at, limit_group = row
    return accepted_from((id, queue, priority, state, run_at, created_at, due_in, limit_group))
