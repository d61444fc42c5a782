"""Areas: `/api/v1/areas`, and the same at `/areas` for programs."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.actions.access.principal import Principal
from corral.actions.submissions.job_request import NewSubmission
from corral.errors import FieldError, InvalidInput
from corral.store import EarlierRequest
from corral_publisher.models.areas import AreaAnswer, AreaBody, AreaList, AreaStarted
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.requests.parameters import Cursor
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.idempotent_submission import HEADER, IdempotencyKey
from corral_publisher.routes.submission import read_json, trace_of
from corral_publisher.services import services_of
from corral_publisher.views.areas import FETCH, AreaStatus, list_areas, one_area
from corral_publisher.views.report_request import of_the_body

router = APIRouter(prefix=PREFIX, tags=["areas"], route_class=ApiRoute)


@router.post(
    "/areas",
    status_code=202,
    summary="Fetch and measure an area",
    openapi_extra=body(AreaBody),
    responses={202: {"model": AreaStarted}, **failures(400, 408, 413)},
)
async def start_area(request: Request, caller: Operator, _key: IdempotencyKey = None) -> Response:
    """Answer once it is stored. The provider is asked within what it allows; workers measure."""
    return await started(request, caller)


@router.get("/areas", summary="List areas, newest first", responses={200: {"model": AreaList}, **failures()})
async def get_areas(request: Request, _: Viewer, before: Cursor = None) -> Response:
    """20 on a page; `next` is the `cursor` of the following one."""
    return await listed(request, before)


@router.get("/areas/{area_id}", summary="One area", responses={200: {"model": AreaAnswer}, **failures(404)})
async def get_area(request: Request, area_id: str, _: Viewer) -> Response:
    """Return the area as it is now."""
    return answer((await one_area(services_of(request), parameters.job_id(area_id))).json())


async def started(request: Request, caller: Principal, value: Any = None) -> Response:
    """Store the job for a body, or for the value of a form.

    Raises:
        InvalidInput: names the fields.
    """
    services = services_of(request)
    payload = await read_json(request, services) if value is None else value
    if not isinstance(payload, dict):
        raise InvalidInput(FieldError("", "must be an object"))
    submission = NewSubmission(
        type=FETCH,
        payload=payload,
        created_by=caller.name,
        traceparent=trace_of(request),
        from_wire=value is None,
    )
    try:
        job = await services.submitter.prepare(submission)
    except InvalidInput as error:
        raise of_the_body(error) from error
    key = request.headers.get(HEADER)
    if key is None:
        area = (await services.submitter.commit(job)).id
    else:
        stored = await services.submitter.submit_once([submission], [job], key)
        area = stored.jobs[0].id if isinstance(stored, EarlierRequest) else stored[0].id
    return answer({"id": area, "status": AreaStatus.PENDING}, 202, {"Location": f"{PREFIX}/areas/{area}"})


async def listed(request: Request, before: UUID | None) -> Response:
    """One page of areas as JSON."""
    page = await list_areas(services_of(request), before)
    return answer({"items": [one.json() for one in page.items], "next": page.next})
