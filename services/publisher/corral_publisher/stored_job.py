"""A job as it is in the database right after its insert, without reading it."""

from datetime import timedelta

from corral.job.job import Accepted, Job, NewJob
from corral.job.state import State
from corral.json_codec import Document


def stored(job: NewJob, accepted: Accepted) -> Job:
    """The job as it is in the database right after its insert."""
    queued = accepted.state is State.QUEUED
    return Job(
        id=job.id,
        type=job.type,
        queue=accepted.queue,
        priority=accepted.priority,
        state=accepted.state,
        payload=Document(job.payload),
        result=None,
        error=None,
        attempt=0,
        errors=0,
        stalls=0,
        releases=0,
        snoozes=0,
        life=1,
        retries=job.retries,
        timeout=job.timeout,
        max_stalls=job.max_stalls,
        suspect=False,
        created_at=accepted.created_at,
        run_at=accepted.run_at,
        queued_at=accepted.created_at if queued else None,
        started_at=None,
        finished_at=None,
        updated_at=accepted.created_at,
        expires_at=None
        if job.expires_in is None
        else accepted.created_at + timedelta(seconds=job.expires_in),
        cancel_requested_at=None,
        worker=None,
        progress=0,
        progress_message=None,
        tags=list(job.tags),
        parent=job.parent,
        created_by=job.created_by,
        unique_key=job.unique.key if job.unique else None,
    )
