"""Jobs of a limit that counts by customers, queued by the million: one of each customer as a submission stores it, then copies."""

import asyncio
from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from bench.installation import Installation, job_of
from bench.jobs import call, customer
from corral.job.job import NewJob
from corral.job.lane import Lane
from corral.job.limit_use import LimitUse, uses_of

COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = 'corral.jobs'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND attname NOT IN ('id', 'payload')
"""
# Rows of one length leave the same space on each page, and by chance all jobs of another type fit in there, or none.
COPY = """
INSERT INTO corral.jobs (id, payload, {columns})
SELECT uuidv7(), (payload::jsonb || jsonb_build_object('note', repeat('.', mod(hashint4(number) & 1023, 400))))::json, {columns}
FROM corral.jobs, generate_series(1, %(copies)s) AS number WHERE id = %(id)s
"""


def new_call(name: str, seconds: float, queue: str = call.options.queue) -> NewJob:
    """A call of that customer, as the publisher would resolve it."""
    options = call.options
    uses = [LimitUse(customer.name), LimitUse(customer.name, name)]
    limits = uses_of(queue, options.priority, uses)
    return job_of(call.name, options, {"customer": name, "seconds": seconds}, queue=queue, limits=limits)


def queue_calls(
    installation: Installation, counts: Mapping[str, int], seconds: float, queue: str = call.options.queue
) -> None:
    """Queues so many of each customer, past the API; not timed."""
    asyncio.run(_queue(installation, counts, seconds, queue))


async def calls_one_by_one(
    installation: Installation, names: Iterable[str], seconds: float, pause: float
) -> None:
    """A call of each of these customers, past the API, with so many seconds between them."""
    async with installation.store() as store, installation.dispatch() as dispatch:
        for name in names:
            job = new_call(name, seconds)
            await store.jobs.insert([job])
            assert job.limits is not None
            await dispatch.rings.join({(Lane(job.queue, job.priority), job.limits.group): 1})
            await asyncio.sleep(pause)


async def _queue(installation: Installation, counts: Mapping[str, int], seconds: float, queue: str) -> None:
    jobs = [new_call(name, seconds, queue) for name in counts]
    async with installation.store() as store, installation.dispatch() as dispatch:
        await store.jobs.insert(jobs)
        with psycopg.connect(installation.servers.dsn(), autocommit=True) as connection:
            names = [row[0] for row in connection.execute(COLUMNS).fetchall()]
            copy = sql.SQL(COPY).format(columns=sql.SQL(", ").join(map(sql.Identifier, names)))
            for job, count in zip(jobs, counts.values(), strict=True):
                connection.execute(copy, {"copies": count - 1, "id": job.id})
        await dispatch.rings.join(
            {
                (Lane(job.queue, job.priority), job.limits.group): count
                for job, count in zip(jobs, counts.values(), strict=True)
                if job.limits is not None
            }
        )
