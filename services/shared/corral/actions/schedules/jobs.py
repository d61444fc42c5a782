"""From a tick of a schedule to the job that it submits."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeAlias

from corral.actions.submissions.job_request import NewSubmission
from corral.catalog.schedules.definition import ScheduleDefinition, written
from corral.errors import FieldError, InvalidInput, TooLarge
from corral.job.job import NewJob
from corral.refusals import LimitFull

ACTOR = "schedule:"
"""Before the name of a schedule: who created its jobs, and one of their tags."""


Prepare: TypeAlias = Callable[[NewSubmission], Awaitable[NewJob]]
"""Makes a checked job of a submission, as `Submitter.prepare` does."""


async def job_of(
    prepare: Prepare, definition: ScheduleDefinition, tick: datetime, *, run_at: datetime | None = None
) -> NewJob:
    """The job of a tick, checked and not yet stored; `run_at` where it is not due at once.

    Raises:
        InvalidInput: the type, a field of its payload or an option is refused; nobody can submit it as it is.
    """
    name = f"{ACTOR}{definition.name}"
    submission = NewSubmission(
        type=definition.type,
        payload=definition.payload_at(tick),
        queue=definition.queue,
        priority=definition.priority,
        run_at=run_at,
        retries=definition.retries,
        timeout=definition.timeout,
        expires_in=definition.expires_in,
        tags=(*definition.tags, name),
        created_by=name,
    )
    try:
        return await prepare(submission)
    except TooLarge as error:
        raise InvalidInput(FieldError("/payload", str(error))) from error


def told(error: InvalidInput | LimitFull, tick: datetime) -> str:
    """Why the job of a tick is refused, in one line."""
    return f"the job of {written(tick)} was refused: {error}"[:1000]
