"""POST /jobs and /jobs/bulk: the hot path. The body is read once, parsed once, checked once."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from corral import metrics
from corral.actions.access.principal import Principal
from corral.actions.submissions.bulk import SubmissionRefused, refuse_all
from corral.actions.submissions.job_request import TRACEPARENT, NewSubmission
from corral.actions.submissions.json_value import refuse_faults
from corral.bounded import Bounded
from corral.errors import CorralError, InvalidInput
from corral.job.bounds import Bounds
from corral.job.job import Accepted, Job, NewJob
from corral.job.limits import MAX_BULK
from corral_publisher.models.duplicates import DuplicateAnswer
from corral_publisher.models.requests import Bulk, Submission
from corral_publisher.models.responses import BulkAnswer
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.openapi import body as documented
from corral_publisher.requests import body as request_body
from corral_publisher.requests.auth import Operator
from corral_publisher.requests.checked import checked, refusal
from corral_publisher.requests.direct_route import DirectRoute
from corral_publisher.requests.headers import header_of
from corral_publisher.responses.json_response import JsonResponse, answer
from corral_publisher.routes.duplicates import about, counts, duplicate_answer, is_refused, status_of
from corral_publisher.routes.idempotent_submission import (
    KEY_HEADER,
    IdempotencyKey,
    submit_bulk_once,
    submit_once,
)
from corral_publisher.routes.waiting import look
from corral_publisher.services import PublisherServices, services_of
from corral_publisher.views.stored_job import stored, stored_text

log = structlog.get_logger(__name__)

router = APIRouter(prefix=PREFIX, tags=["jobs"], route_class=DirectRoute)

WAIT = Bounds(0, 60, "seconds")
"""Seconds that one request may wait for its job."""

Wait = Annotated[
    Annotated[float, Bounded(WAIT)] | None,
    Query(description="Seconds to wait for the job's end; 202 where it takes longer."),
]


@router.post(
    "/jobs",
    status_code=201,
    summary="Submit a job",
    openapi_extra=documented(Submission),
    responses={
        201: {"model": Job, "description": "Stored; with `wait`, ended."},
        200: {
            "model": Job | DuplicateAnswer,
            "description": "No new job: stored by an earlier request with this idempotency key, or a duplicate of a unique job.",
        },
        202: {"model": Job, "description": "Stored, and not ended within `wait` seconds."},
        **failures(400, 408, 409, 413, 429),
    },
)
async def submit(
    request: Request,
    caller: Operator,
    wait: Wait = None,
    _key: IdempotencyKey = None,  # documents the header; the direct route passes none
) -> Response:
    """Store one job and answer once it is committed.

    A duplicate of a unique job makes none: the answer is the job that holds its key, or 409 where its type refuses
    duplicates.
    """
    services = services_of(request)
    submission = parse_submission(await read_json(request, services), caller, request)
    key = header_of(request.scope, KEY_HEADER)
    if key is not None:
        return await submit_once(services, submission, key, wait)
    job = await services.submitter.prepare(submission)
    location = {"Location": f"/api/v1/jobs/{job.id}"}
    if not wait:
        accepted = await services.submitter.commit(job)
        if accepted.duplicate is not None:
            return await duplicate_answer(services, accepted, accepted.duplicate, None)
        return _response(job, lambda: JsonResponse(stored_text(job, accepted), 201, location), location)
    if job.unique is not None:
        return await _submit_unique_and_wait(services, job, wait)
    ended, last = await _submit_and_wait(services, job, wait)
    return _response(job, lambda: answer(last, 201 if ended else 202, location), location)


@router.post(
    "/jobs/bulk",
    status_code=201,
    summary="Submit many jobs",
    openapi_extra=documented(Bulk),
    responses={
        200: {
            "model": BulkAnswer,
            "description": "No new job: stored by an earlier request with this idempotency key, or all are duplicates.",
        },
        201: {"model": BulkAnswer},
        **failures(400, 408, 409, 413, 429),
    },
)
async def submit_bulk(
    request: Request,
    caller: Operator,
    partial: Annotated[
        bool, Query(description="Store the valid jobs; left out, one invalid job refuses all.")
    ] = False,
    _key: IdempotencyKey = None,
) -> Response:
    """Store up to 10,000 jobs in one transaction."""
    services = services_of(request)
    value = await read_json(request, services, in_parts=partial)
    trace = trace_of(request)
    submissions = [
        item if isinstance(item, SubmissionRefused) else item.submission(caller.name, trace)
        for item in parse_bulk(value, partial=partial)
    ]
    if services.job_throttle is not None:
        await services.job_throttle.take(f"name:{caller.name}", len(submissions))
    key = header_of(request.scope, KEY_HEADER)
    if key is not None:
        whole = [item for item in submissions if isinstance(item, NewSubmission)]
        return await submit_bulk_once(services, whole, key, partial=partial)
    results = await services.submitter.submit_many(submissions, partial=partial)
    refused = sum(isinstance(item, SubmissionRefused) for item in results)
    if refused == len(results):
        refuse_all(results)
    refused += sum(map(is_refused, results))
    told = {
        "accepted": len(results) - refused,
        "refused": refused,
        **counts(results),
        "jobs": [_bulk_item(index, item) for index, item in enumerate(results)],
    }
    return answer(told, status_of(results))


def _response(job: NewJob, shape: Callable[[], Response], location: dict[str, str]) -> Response:
    """The response about a stored job. Where making it fails, the caller still gets the job's id."""
    try:
        return shape()
    except Exception as error:
        metrics.SWALLOWED.labels("submit-answer").inc()
        log.exception("submit.answer_unreadable", job=str(job.id), error=repr(error))
        return answer({"id": job.id, "type": job.type, "queue": job.queue}, 201, location)


async def read_json(request: Request, services: PublisherServices, *, in_parts: bool = False) -> Any:
    """The request's body as a JSON value. Takes and raises what `body.read` and `body.parse_from` do."""
    settings = services.settings
    limit, seconds = settings.max_body_bytes, settings.body_timeout
    raw = await request_body.read_from(request, limit=limit, seconds=seconds)
    return request_body.parse_from(request, raw, in_parts=in_parts)


def parse_submission(value: Any, caller: Principal, request: Request) -> NewSubmission:
    """The submission in a body.

    Raises:
        InvalidInput: fields are missing, unknown or of the wrong type.
    """
    return checked(Submission, value).submission(caller.name, trace_of(request))


def trace_of(request: Request) -> str | None:
    """The trace that the request belongs to. A malformed header is ignored, as the standard says."""
    header = header_of(request.scope, b"traceparent")
    return header if header is not None and TRACEPARENT.fullmatch(header) else None


def parse_bulk(value: Any, *, partial: bool) -> list[Submission | SubmissionRefused]:
    """The submissions of a bulk; with `partial`, each malformed one is refused by itself.

    Raises:
        InvalidInput: the bulk is malformed.
    """
    items: Any = value.get("jobs") if isinstance(value, dict) else None
    in_parts = partial and isinstance(items, list) and 0 < len(items) <= MAX_BULK and value.keys() == {"jobs"}
    try:
        if partial:
            refuse_faults(value, "")
        return [*Bulk.model_validate(value).jobs]
    except InvalidInput:
        if not in_parts:
            raise
    except ValidationError as error:
        if not in_parts:
            raise refusal(Bulk, value, error) from error
    return list(map(_parse_item, items))


def _parse_item(value: Any) -> Submission | SubmissionRefused:
    try:
        refuse_faults(value, "")
        return checked(Submission, value)
    except InvalidInput as error:
        return SubmissionRefused(error.errors)


async def _submit_and_wait(services: PublisherServices, job: NewJob, seconds: float) -> tuple[bool, Job]:
    """Store the job and wait for its end (protocol rule 28). Returns whether it ended, and the job."""
    with services.waiters.waiting(job.id) as end:
        accepted = await services.submitter.commit(job)
        if end is not None:
            try:
                async with asyncio.timeout(seconds):
                    return True, await end
            except TimeoutError:
                pass
    try:
        now = await services.store.jobs.get(job.id)
    except CorralError as error:  # it is stored: the caller must not hear otherwise
        metrics.SWALLOWED.labels("wait").inc()
        log.warning("wait.blind", job=str(job.id), error=str(error))
        now = None
    return (now.state.terminal, now) if now is not None else (False, stored(job, accepted))


async def _submit_unique_and_wait(services: PublisherServices, job: NewJob, seconds: float) -> Response:
    """Store a unique job, and wait for the end of whichever job holds its key then."""
    accepted = await services.submitter.commit(job)
    if accepted.duplicate is not None:
        return await duplicate_answer(services, accepted, accepted.duplicate, seconds)
    now = await look(services, job.id, seconds) or stored(job, accepted)
    location = {"Location": f"/api/v1/jobs/{job.id}"}
    return _response(job, lambda: answer(now, 201 if now.state.terminal else 202, location), location)


def _bulk_item(index: int, item: Accepted | SubmissionRefused) -> dict[str, Any]:
    if isinstance(item, Accepted):
        told = {"index": index, "id": item.id, "state": item.state}
        return told if item.duplicate is None else told | about(item.duplicate)
    errors = [{"pointer": error.pointer, "detail": error.message} for error in item.errors]
    return {"index": index, "errors": errors}
