"""Slots of limits for programs that are no handlers: taken, renewed, given back."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.ids import new_id
from corral_publisher.models.limit_slots import SlotRenewed, SlotRequest, SlotView
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator
from corral_publisher.requests.checked import checked
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["limits"], route_class=ApiRoute)


@router.post(
    "/limits/{name}/slots",
    summary="Hold a slot",
    status_code=201,
    openapi_extra=body(SlotRequest),
    responses={201: {"model": SlotView}, **failures(400, 404, 408, 409, 413)},
)
async def take(request: Request, name: str, _: Operator) -> Response:
    """Hold a slot of the limit from outside of jobs, until it is given back or was not renewed.

    Without a free slot the answer is 409 at once (`no-free-slot`): ask again after a moment.
    """
    services = services_of(request)
    asked = checked(SlotRequest, await read_json(request, services))
    slot = await services.program_slots.take(asked.id or new_id(), name, asked.key, asked.program)
    return answer(slot, status=201)


@router.post(
    "/limits/{name}/slots/{slot}/renew",
    summary="Renew a slot",
    responses={200: {"model": SlotRenewed}, **failures(404)},
)
async def renew(request: Request, name: str, slot: UUID, _: Operator) -> Response:
    """Hold it on. Renew at a third of `lease_seconds`; with 404 it is held no more, and others may hold it."""
    seconds = await services_of(request).program_slots.renew(slot, name)
    return answer({"id": slot, "lease_seconds": seconds})


@router.delete(
    "/limits/{name}/slots/{slot}",
    summary="Give a slot back",
    status_code=204,
    responses=failures(404),
)
async def release(request: Request, name: str, slot: UUID, _: Operator) -> Response:
    """Let others have it. With 404 it was held no more."""
    await services_of(request).program_slots.release(slot, name)
    return Response(status_code=204)
