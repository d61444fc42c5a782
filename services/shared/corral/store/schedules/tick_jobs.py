"""Storing the jobs of ticks; one that is a duplicate of a unique job leaves its tick with the job that holds the key."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from corral.job.job import Accepted, NewJob
from corral.job.unique import Deduplication
from corral.store.jobs.insert import insert_within
from corral.store.jobs.shaping import moment
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Transaction
from corral.store.postgres.sql_params import array, texts
from corral.store.unique.unique_jobs import insert_unique

TOLD = """
UPDATE corral.schedule_ticks t
SET job = CASE WHEN i.refused THEN NULL ELSE i.holder END, reason = i.reason,
    verdict = CASE WHEN i.refused THEN 'refused' ELSE t.verdict END
FROM unnest(%(schedules)s::text[], %(ticks)s::timestamptz[], %(holders)s::uuid[], %(refused)s::bool[], %(reasons)s::text[])
    AS i(schedule, tick, holder, refused, reason)
WHERE t.schedule = i.schedule AND t.tick = i.tick
"""
# What runs for the schedule is the job that holds the key, whoever submitted it.
COUNTED = """
UPDATE corral.schedules s
SET last_job = CASE WHEN s.last_job = i.job THEN i.holder ELSE s.last_job END,
    submitted = s.submitted - i.refused::int, refused = s.refused + i.refused::int
FROM unnest(%(schedules)s::text[], %(jobs)s::uuid[], %(holders)s::uuid[], %(refused)s::bool[])
    AS i(schedule, job, holder, refused)
WHERE s.name = i.schedule
"""


async def insert_of_ticks(
    transaction: Transaction, written: Sequence[Row], jobs: Mapping[UUID, NewJob], *, counted: bool = True
) -> list[Accepted]:
    """Store the jobs of ticks whose rows (schedule, tick, verdict, job) were just written; what is told of each.

    `counted`: the schedules' rows count them already.

    Raises:
        InvalidInput: Postgres refuses a job.
        Refused: somebody holds a unique key.
    """
    rows = [row for row in written if row[3] is not None]
    new = [jobs[row[3]] for row in rows]
    if all(job.unique is None for job in new):
        return await insert_within(transaction, new)
    (answers,) = await insert_unique(transaction, [new], partial=True)
    assert isinstance(answers, list), "with partial, nothing is refused as a whole"
    duplicates = [
        (row[0], moment(row[1]).isoformat(), job.id, one)
        for row, job, one in zip(rows, new, answers, strict=True)
        if one.duplicate is not None
    ]
    # Each by itself: several ticks of one schedule may be among them, and an UPDATE changes a row once.
    for schedule, tick, job, one in duplicates:
        assert one.duplicate is not None
        refused = one.duplicate.what is Deduplication.REFUSED
        about = f"job {one.id} holds its unique key: {one.duplicate.rule}"
        params = {
            "schedules": texts([schedule]),
            "ticks": texts([tick]),
            "jobs": array([job]),
            "holders": array([one.id]),
            "refused": array([refused]),
            "reasons": texts([about]),
        }
        await transaction.count(TOLD, params)
        if counted:
            await transaction.count(COUNTED, params)
    return answers
