"""GET /jobs/{id}/effects and POST /jobs/{id}/settle: effects that must not be repeated."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral_publisher.models.requests import Settlement
from corral_publisher.models.responses import EffectPage
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["jobs"], route_class=ApiRoute)


@router.get(
    "/jobs/{job_id}/effects",
    summary="List what a job does only once",
    responses={200: {"model": EffectPage}, **failures(404)},
)
async def list_effects(request: Request, job_id: str, _: Viewer) -> Response:
    """List what its handler did with `ctx.once`, in the order in which it was begun.

    An effect without `ended_at` is under way while the job runs. Otherwise it is perhaps done: settle it.
    """
    services = services_of(request)
    job = await services.jobs.get(parameters.job_id(job_id))
    return answer({"items": await services.store.effects.of(job.id), "next": None})


@router.post(
    "/jobs/{job_id}/settle",
    summary="Settle an effect that is perhaps done",
    openapi_extra=body(Settlement),
    responses={200: {"model": EffectPage}, **failures(400, 404, 408, 409, 413)},
)
async def settle(request: Request, job_id: str, caller: Operator) -> Response:
    """Say that it is done, with the receipt that later attempts get, or that it is to be done again.

    The job must not be running. It is not run again by this: retry it afterwards.
    """
    services = services_of(request)
    found = parameters.job_id(job_id)
    wanted = checked(Settlement, await read_json(request, services))
    await services.jobs.settle(
        found, wanted.effect, caller.name, done=wanted.outcome == "done", receipt=wanted.receipt
    )
    return answer({"items": await services.store.effects.of(found), "next": None})
