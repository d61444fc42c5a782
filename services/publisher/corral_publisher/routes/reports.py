"""Reports: `/api/v1/reports`, and the same at `/reports`, where the systems that Corral replaces had them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from corral.actions.access.principal import Principal, Role
from corral.actions.existing import existing
from corral.actions.jobs import only
from corral.errors import Conflict, FieldError, InvalidInput
from corral.job.job import Job
from corral.store import EarlierRequest
from corral.store.jobs.commands import CommandEffect
from corral_publisher.models.reports import ReportAnswer, ReportList, ReportStarted
from corral_publisher.models.requests import ReportsBody
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.openapi import body as documented
from corral_publisher.requests import body as request_body
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Requires, Viewer
from corral_publisher.requests.download_link import check_link
from corral_publisher.requests.parameters import Cursor
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.artifacts import FILE_RESPONSES, file_response
from corral_publisher.routes.idempotent_submission import HEADER, IdempotencyKey
from corral_publisher.routes.submission import trace_of
from corral_publisher.services import PublisherServices, services_of
from corral_publisher.views.report_request import of_the_body, report_submission
from corral_publisher.views.reports import (
    ReportStatus,
    file_name,
    find_report,
    list_reports,
    one_report,
    result_of,
)

router = APIRouter(prefix=PREFIX, tags=["reports"], route_class=ApiRoute)
old_router = APIRouter(include_in_schema=False)
"""The same without the prefix, but for what is a page or a form to browsers (`pages.reports`)."""

STARTED = "Report generation started"


class LinkOrViewer(Requires):
    """The dependency of a download: the secret of a link, which the route checks, or a caller who may look."""

    async def __call__(self, request: Request) -> Principal | None:  # type: ignore[override]
        """The caller; None for one who comes with a link.

        Raises:
            Unauthenticated, Forbidden: as `Requires`.
        """
        return None if request.query_params.get("token") else await super().__call__(request)


Reader = Annotated[Principal | None, Depends(LinkOrViewer(Role.VIEWER))]


@router.post(
    "/reports",
    status_code=202,
    summary="Ask for a report",
    openapi_extra=documented(ReportsBody, required=False),
    responses={202: {"model": ReportStarted}, **failures(400, 408, 413)},
)
async def start_report(request: Request, caller: Operator, _key: IdempotencyKey = None) -> Response:
    """Answer once it is stored. An empty body reports the statistics of the queues."""
    return await started(request, services_of(request), caller, await _body(request))


@router.get(
    "/reports",
    summary="List reports, newest first",
    responses={200: {"model": ReportList}, **failures()},
)
async def get_reports(
    request: Request,
    _: Viewer,
    status: Annotated[str, Query(description="One of PENDING, RUNNING, READY, FAILED, CANCELLED.")] = "",
    q: Annotated[str, Query(description="The beginning of an id.")] = "",
    before: Cursor = None,
) -> Response:
    """50 on a page; `next` is the `cursor` of the following one."""
    return await listed(request, before, status, q)


@old_router.get("/reports/{report_id}/status")
@router.get(
    "/reports/{report_id}/status",
    summary="One report",
    responses={200: {"model": ReportAnswer}, **failures(404)},
)
async def get_status(request: Request, report_id: str, _: Viewer) -> Response:
    """Return the report as it is now. `progress` is 0 while it is PENDING, and 10 to 100 while it is RUNNING."""
    return answer((await one_report(services_of(request), parameters.job_id(report_id))).status_json())


@old_router.get("/reports/{report_id}/download")
@router.get(
    "/reports/{report_id}/download",
    summary="The PDF of a report that is READY, or its data",
    responses={**FILE_RESPONSES, **failures(404, 409, 410, 416)},
)
async def download(
    request: Request,
    report_id: str,
    caller: Reader,
    token: Annotated[str, Query(description="The secret of a link in a mail, instead of a key.")] = "",
    file_format: Annotated[
        str, Query(alias="format", description="pdf; csv or xlsx: its data, as programs read them.")
    ] = "pdf",
) -> Response:
    """Return the file. With a link's `token` no key is needed, as long as the link is good."""
    services = services_of(request)
    job = await find_report(services, parameters.job_id(report_id))
    if caller is None:
        check_link(result_of(job).get("link"), token)
    status = ReportStatus.of(job.state)
    if status is not ReportStatus.READY:
        raise Conflict(f"report {job.id} is {status}: it can be downloaded once it is READY")
    name = file_name(result_of(job), file_format)
    file = None if name is None else await services.store.artifacts.find(job.id, name)
    found = existing(file, f"{file_format} file of report", job.id)
    return await file_response(request, services, found, inline=False)


@old_router.delete("/reports/{report_id}")
@router.delete(
    "/reports/{report_id}",
    summary="Cancel a report",
    responses={
        200: {"model": ReportAnswer, "description": "It was PENDING and is CANCELLED."},
        202: {"model": ReportAnswer, "description": "It is RUNNING, and will be CANCELLED within seconds."},
        **failures(404, 409),
    },
)
async def cancel_report(request: Request, report_id: str, caller: Operator) -> Response:
    """A report that waits is cancelled at once, one that runs within seconds."""
    services = services_of(request)
    job = await find_report(services, parameters.job_id(report_id))
    effect = await cancelled(services, job, caller)
    view = await one_report(services, job.id)
    return answer(view.status_json(), 202 if effect is CommandEffect.REQUESTED else 200)


@router.post(
    "/reports/{report_id}/retry",
    status_code=202,
    summary="Make a report again",
    responses={202: {"model": ReportAnswer}, **failures(404, 409)},
)
async def retry_report(request: Request, report_id: str, caller: Operator) -> Response:
    """Give a report that FAILED or was CANCELLED a new life, with all its tries."""
    services = services_of(request)
    job = await find_report(services, parameters.job_id(report_id))
    await retried(services, job, caller)
    return answer((await one_report(services, job.id)).status_json(), 202)


async def listed(request: Request, before: UUID | None, status: str, id_begins: str) -> Response:
    """The list as JSON. Raises as `status_of` does."""
    page = await list_reports(
        services_of(request),
        status=status_of(status),
        id_begins=id_begins,
        cursor=before,
    )
    return answer({"items": [view.json() for view in page.items], "next": page.next})


async def started(request: Request, services: PublisherServices, caller: Principal, body: Any) -> Response:
    """Store the report that a body asks for, and say so."""
    submission = report_submission(body, services.settings, created_by=caller.name, trace=trace_of(request))
    try:
        job = await services.submitter.prepare(submission)
    except InvalidInput as error:
        raise of_the_body(error) from error
    report, key = job.id, request.headers.get(HEADER)
    if key is None:
        await services.submitter.commit(job)
    else:
        stored = await services.submitter.submit_once([submission], [job], key)
        if isinstance(stored, EarlierRequest):
            report = stored.jobs[0].id
    said = {"id": report, "status": ReportStatus.PENDING, "message": STARTED}
    return answer(said, 202, {"Location": f"{PREFIX}/reports/{report}/status"})


async def cancelled(services: PublisherServices, job: Job, caller: Principal) -> CommandEffect:
    """Cancel a report's job; whether it is done or asked for.

    Raises:
        Conflict: it is READY, FAILED or CANCELLED.
    """
    try:
        return only("cancel", await services.jobs.cancel([job.id], caller.name)).effect
    except Conflict as error:
        now = ReportStatus.of((await services.jobs.get(job.id)).state)
        raise Conflict(
            f"report {job.id} is {now}: only one that is PENDING or RUNNING is cancelled"
        ) from error


async def retried(services: PublisherServices, job: Job, caller: Principal) -> None:
    """Give a report's job a new life.

    Raises:
        Conflict: it is neither FAILED nor CANCELLED.
    """
    status = ReportStatus.of(job.state)
    if status not in (ReportStatus.FAILED, ReportStatus.CANCELLED):
        raise Conflict(f"report {job.id} is {status}: only one that FAILED or was CANCELLED is made again")
    only("retry", await services.jobs.retry([job.id], caller.name))


def status_of(text: str) -> ReportStatus | None:
    """The status that a query names; None for any.

    Raises:
        InvalidParameter: it names none.
    """
    if not text:
        return None
    try:
        return ReportStatus(text.upper())
    except ValueError:
        known = ", ".join(ReportStatus)
        raise parameters.InvalidParameter(
            FieldError("status", f"{text[:50]!r} is no status; known: {known}")
        ) from None


async def _body(request: Request) -> Any:
    settings = services_of(request).settings
    raw = await request_body.read(
        request.receive, request.headers, limit=settings.max_body_bytes, seconds=settings.body_timeout
    )
    return request_body.parse_from(request, raw) if raw.strip() else None
