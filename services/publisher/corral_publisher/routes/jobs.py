"""GET /jobs and what belongs to one job."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.bounded import Bounded
from corral.job.bounds import Bounds
from corral.job.job import Job
from corral_publisher.models.responses import AttemptPage, FollowUpPage, JobPage, LogPage
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ANY_FIELD, ApiRoute
from corral_publisher.requests.auth import Viewer
from corral_publisher.requests.parameters import Cursor, Limit
from corral_publisher.responses.hint import hint_of
from corral_publisher.responses.json_response import answer
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["jobs"], route_class=ApiRoute)

LINES = Bounds(1, 2000, "lines")
LINE = Bounds(0, 2**31 - 1)

_FILTERS = [
    ("state", "array", "Any of these states; may be repeated."),
    ("type", "string", "The job type's name."),
    ("queue", "string", "The queue's name."),
    ("tag", "string", "One of its tags."),
    ("created_after", "string", "At or after this time (RFC 3339)."),
    ("created_before", "string", "Before this time (RFC 3339)."),
    ("error", "string", "Part of the error's message or class."),
    (ANY_FIELD, "string", "A searchable field of the payload: `search.customer=acme`."),
]


@router.get(
    "/jobs",
    summary="List jobs, newest first",
    openapi_extra={
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": words,
                "schema": {"type": kind, "items": {"type": "string"}} if kind == "array" else {"type": kind},
            }
            for name, kind, words in _FILTERS
        ]
    },
    responses={200: {"model": JobPage}, **failures()},
)
async def list_jobs(request: Request, _: Viewer, limit: Limit = 50, before: Cursor = None) -> Response:
    """Jobs match when all given filters do. `next` leads to the next page; every page takes the same time.

    A text in errors, or a tag or field that many jobs have, is searched for among the newest first, and only for so long
    that every page is answered at once: then a page may be short or empty, `hint` says how far the search went and how to
    narrow it, and `next` continues there. A payload or result over 1,024 bytes is null here and named in `omitted`; the
    job itself has it.
    """
    page = await services_of(request).store.jobs.page(
        parameters.job_filter(request.query_params),
        cursor=before,
        limit=limit,
    )
    return answer({"items": page.items, "next": page.next, "hint": hint_of(page)})


@router.get("/jobs/{job_id}", summary="One job", responses={200: {"model": Job}, **failures(404)})
async def get_job(request: Request, job_id: str, _: Viewer) -> Response:
    """Return the job as it is now."""
    return answer(await services_of(request).jobs.get(parameters.job_id(job_id)))


@router.get(
    "/jobs/{job_id}/attempts",
    summary="Its earlier attempts",
    responses={200: {"model": AttemptPage}, **failures(404)},
)
async def list_attempts(request: Request, job_id: str, _: Viewer) -> Response:
    """List attempts that did not succeed, and successful ones before a retry by a person; oldest first."""
    services = services_of(request)
    job = await services.jobs.get(parameters.job_id(job_id))
    return answer({"items": await services.store.jobs.attempts(job.id), "next": None})


@router.get(
    "/jobs/{job_id}/follow-ups",
    summary="The jobs that were stored with its outcome",
    responses={200: {"model": FollowUpPage}, **failures(404)},
)
async def list_follow_ups(request: Request, job_id: str, _: Viewer) -> Response:
    """List the jobs that its handler announced with `ctx.then` and whose outcome came, oldest first, at most 1,000.

    `type` and `state` are null where the follow-up was removed.
    """
    services = services_of(request)
    job = await services.jobs.get(parameters.job_id(job_id))
    return answer({"items": await services.store.follow_ups.of(job.id), "next": None})


@router.get("/jobs/{job_id}/logs", summary="Its log", responses={200: {"model": LogPage}, **failures(404)})
async def list_logs(
    request: Request,
    job_id: str,
    _: Viewer,
    after: Annotated[int, Bounded(LINE), Query(description="Lines after this `seq`.")] = 0,
    limit: Annotated[int, Bounded(LINES), Query(description="Lines on one page.")] = 500,
) -> Response:
    """List the lines in order. `next` is the `after` of the next page; null where there is none yet."""
    services = services_of(request)
    job = await services.jobs.get(parameters.job_id(job_id))
    lines = await services.store.jobs.logs(job.id, after, limit)
    return answer({"items": lines, "next": lines[-1].seq if len(lines) == limit else None})
