"""Submissions with an Idempotency-Key: stored once, however often they are sent (protocol rule 3).

Source: the header's name and use follow draft-ietf-httpapi-idempotency-key-header.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Header
from starlette.responses import Response

from corral.actions.submissions.job_request import NewSubmission
from corral.errors import FieldError, InvalidInput
from corral.store import EarlierJob, EarlierRequest
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.duplicates import about, counts, duplicate_answer, status_of
from corral_publisher.routes.waiting import look
from corral_publisher.services import PublisherServices
from corral_publisher.views.stored_job import stored

HEADER = "Idempotency-Key"
KEY_HEADER = HEADER.lower().encode()
REPLAYED = {"Idempotent-Replayed": "true"}
"""Says that the answer is about jobs that an earlier request made."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        description="1 to 255 characters of your choice. The same request with the same key is stored once: sent again "
        "within 24 hours, or while its jobs are live, it answers 200 with the jobs of the first one.",
    ),
]


async def submit_once(
    services: PublisherServices, submission: NewSubmission, key: str, wait: float | None
) -> Response:
    """One job.

    Raises:
        InvalidInput: fields are wrong, the key is none, or was used for another request.
        Duplicate: another job holds its unique key, and its type refuses duplicates.
        OutcomeUnknown, Unavailable: as in `Submitter.submit`.
    """
    job = await services.submitter.prepare(submission)
    result = await services.submitter.submit_once([submission], [job], key)
    if isinstance(result, EarlierRequest):
        (earlier,) = result.jobs
        now = await look(services, earlier.id, wait)
        headers = {"Location": f"/api/v1/jobs/{earlier.id}"} | REPLAYED
        if now is None:
            return answer(_expired(earlier), 200, headers)
        return answer(now, 202 if wait and not now.state.terminal else 200, headers)
    (accepted,) = result
    if accepted.duplicate is not None:
        return await duplicate_answer(services, accepted, accepted.duplicate, wait)
    location = {"Location": f"/api/v1/jobs/{job.id}"}
    if not wait:
        return answer(stored(job, accepted), 201, location)
    now = await look(services, job.id, wait) or stored(job, accepted)
    return answer(now, 201 if now.state.terminal else 202, location)


async def submit_bulk_once(
    services: PublisherServices, submissions: Sequence[NewSubmission], key: str, *, partial: bool
) -> Response:
    """A bulk, all or nothing. Raises as `submit_once` does."""
    if partial:
        raise InvalidInput(
            FieldError(
                "/idempotency_key",
                "can't be given together with partial: what is stored once is stored whole",
            )
        )
    jobs = await services.submitter.prepare_bulk(submissions)
    result = await services.submitter.submit_once(submissions, jobs, key)
    if isinstance(result, EarlierRequest):
        items = [{"index": index} | _listed(earlier) for index, earlier in enumerate(result.jobs)]
        return answer({"accepted": len(items), "refused": 0, "jobs": items}, 200, REPLAYED)
    new = [
        {"index": index, "id": job.id, "state": job.state} | (about(job.duplicate) if job.duplicate else {})
        for index, job in enumerate(result)
    ]
    return answer({"accepted": len(new), "refused": 0, "jobs": new} | counts(result), status_of(result))


def _listed(earlier: EarlierJob) -> dict[str, Any]:
    return _expired(earlier) if earlier.removed else {"id": earlier.id, "state": earlier.state}


def _expired(earlier: EarlierJob) -> dict[str, Any]:
    """What is known of a job that retention removed."""
    return {"id": earlier.id, "state": earlier.state, "expired": True}
