"""A job as it is after a while (protocol rule 28)."""

import asyncio
from uuid import UUID

from corral.job.job import Job
from corral_publisher.services import PublisherServices


async def look(services: PublisherServices, job_id: UUID, wait: float | None) -> Job | None:
    """The job as it is now, or after it has ended within `wait` seconds; None where it was removed."""
    if not wait:
        return await services.store.jobs.get(job_id)
    with services.waiters.waiting(job_id) as end:  # before the first look, so that no end is missed
        job = await services.store.jobs.get(job_id)
        if job is None or job.state.terminal or end is None:
            return job
        try:
            async with asyncio.timeout(wait):
                return await end
        except TimeoutError:
            return await services.store.jobs.get(job_id)
