"""Workers: lists them, drains one, and lifts a drain."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.bounded import Bounded
from corral.job.bounds import Bounds
from corral.store import WorkerRecord
from corral_publisher.models.responses import Drained, Undrained, WorkerPage
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.responses.json_response import answer
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["workers"], route_class=ApiRoute)

ENDED = Bounds(0, 1000, "workers")


@router.get("/workers", summary="Workers", responses={200: {"model": WorkerPage}, **failures()})
async def list_workers(
    request: Request,
    _: Viewer,
    ended: Annotated[
        int,
        Bounded(ENDED),
        Query(description="The newest so many, those that ended included; 0: the live ones."),
    ] = 0,
) -> Response:
    """List the workers, one item per incarnation."""
    workers = await services_of(request).store.workers.list(ended=ended)
    return answer({"items": [view(worker) for worker in workers], "next": None})


@router.post(
    "/workers/{name}/drain", summary="Drain it", responses={200: {"model": Drained}, **failures(404)}
)
async def drain(request: Request, name: str, caller: Operator) -> Response:
    """Let a worker, by name or id, finish what it runs and claim no more."""
    return answer({"drained": await services_of(request).store.workers.drain(name, caller.name)})


@router.post(
    "/workers/{name}/undrain",
    summary="Let it claim again",
    responses={200: {"model": Undrained}, **failures(404, 409)},
)
async def undrain(request: Request, name: str, caller: Operator) -> Response:
    """Lift a person's drain, by name or id. A pool's drain is refused with 409: the pool's autoscaler lifts it."""
    return answer({"undrained": await services_of(request).store.workers.lift(name, caller.name)})


def view(worker: WorkerRecord) -> dict[str, Any]:
    """A worker as the API shows it."""
    return {
        "id": worker.id,
        "name": worker.name,
        "pool": worker.status.get("pool"),
        "state": worker.state,
        "drained_by": worker.drained_by,
        "sealed": worker.status.get("sealed") is True,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "queues": list(worker.queues),
        "types": list(worker.types),
        "slots": worker.slots,
        "running": worker.running,
        "status": worker.status,
        "started_at": worker.registered_at,
        "seen_at": worker.seen_at,
        "silent_for": round(worker.silent_for, 1),
        "ended_at": worker.ended_at,
    }
