"""The routes of the publish/subscribe system that Corral replaces: /api/jobs, /api/results and /admin/queues."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from corral.bounded import Bounded
from corral.errors import FieldError, InvalidInput, UnknownType
from corral.job.bounds import Bounds
from corral.store import JobFilter
from corral_publisher.requests import parameters
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.requests.parameters import InvalidParameter
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json, trace_of
from corral_publisher.services import services_of
from corral_publisher.views.legacy_jobs import STATUSES, TYPES, LegacySubmission, in_legacy_words, of_the_data
from corral_publisher.views.stored_job import stored

router = APIRouter(include_in_schema=False)


@router.post("/api/jobs", status_code=201)
async def submit_job(request: Request, caller: Operator) -> Response:
    """Store a job, and answer it as that system did."""
    services = services_of(request)
    asked = checked(LegacySubmission, await read_json(request, services))
    try:
        submission = asked.submission(services.settings, created_by=caller.name, trace=trace_of(request))
    except InvalidInput as error:  # of a report: its fields are the data's
        raise InvalidInput(
            *(FieldError(f"/data{one.pointer}", one.message) for one in error.errors)
        ) from error
    try:
        job = await services.submitter.prepare(submission)
    except UnknownType:
        types = (await services.types.all()).types
        known = ", ".join(word for word, name in TYPES.items() if name in types)
        raise UnknownType(
            FieldError(
                "/type", f"{asked.type!r} is no job type that this installation knows; it knows {known}"
            )
        ) from None
    except InvalidInput as error:
        raise of_the_data(error) from error
    accepted = await services.submitter.commit(job)
    return answer(in_legacy_words(stored(job, accepted)), 201, {"Location": f"/api/jobs/{job.id}"})


@router.get("/api/jobs/{job_id}")
async def get_job(request: Request, job_id: str, _: Viewer) -> Response:
    """One job with its result; its page where HTML is asked for."""
    job = await services_of(request).jobs.get(parameters.job_id(job_id))
    if wants_html(request):
        return RedirectResponse(f"/jobs/{job.id}", status_code=303)
    return answer(in_legacy_words(job))


@router.get("/api/results")
async def list_results(
    request: Request,
    _: Viewer,
    type_: Annotated[str, Query(alias="type")] = "",
    status: str = "",
    limit: Annotated[int, Bounded(Bounds(1, 200, "items"))] = 50,
) -> Response:
    """Jobs, newest first: `{items, next}`; `next` is the `cursor` of the following page.

    Data and results over 1,024 bytes are null here; the job itself has them.
    """
    if wants_html(request):
        return RedirectResponse("/jobs", status_code=303)
    if status and status not in STATUSES:
        known = ", ".join(STATUSES)
        raise InvalidParameter(FieldError("status", f"{status[:50]!r} is no status; known: {known}"))
    page = await services_of(request).store.jobs.page(
        JobFilter(type=TYPES.get(type_, type_) or None, states=STATUSES.get(status, frozenset())),
        cursor=parameters.cursor(request.query_params),
        limit=limit,
    )
    items = [in_legacy_words(job) for job in page.items]
    return answer({"items": items, "next": page.next})


@router.get("/admin/queues")
async def queues() -> Response:
    """The dashboard is the page of queues now."""
    return RedirectResponse("/queues", status_code=303)
