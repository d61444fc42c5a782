"""Queues: their jobs per state; pausing, resuming, options, and removing ended jobs."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.job.state import State
from corral.store import StoredQueue
from corral_publisher.models.options import QueuePatch
from corral_publisher.models.requests import Clean
from corral_publisher.models.responses import Cleaned, QueuePage, QueueView
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Admin, Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(prefix=PREFIX, tags=["queues"], route_class=ApiRoute)

_ONE = {200: {"model": QueueView}, **failures(404)}


@router.get("/queues", summary="All queues", responses={200: {"model": QueuePage}, **failures()})
async def list_queues(request: Request, _: Viewer) -> Response:
    """List every queue that a job type or a job has named, with its jobs per state."""
    services = services_of(request)
    counts = await services.counts.by_queue()
    items = [_view(queue, counts.get(queue.name, {})) for queue in await services.store.queues.list()]
    return answer({"items": items, "next": None})


@router.get("/queues/{name}", summary="One queue", responses=_ONE)
async def get_queue(request: Request, name: str, _: Viewer) -> Response:
    """Return the queue as it is now."""
    services = services_of(request)
    return await _answer(services, await services.queues.get(name))


@router.patch(
    "/queues/{name}",
    summary="Set its options",
    openapi_extra=body(QueuePatch),
    responses={**_ONE, **failures(400, 404, 408, 413)},
)
async def patch_queue(request: Request, name: str, caller: Operator) -> Response:
    """Set options for later submissions. They survive deploys; null removes one."""
    services = services_of(request)
    patch = checked(QueuePatch, await read_json(request, services))
    queue = await services.queues.set(
        name,
        caller.name,
        overrides=patch.overrides.model_dump(mode="json", exclude_unset=True),
        defaults=patch.defaults.model_dump(mode="json", exclude_unset=True),
    )
    return await _answer(services, queue)


@router.post("/queues/{name}/pause", summary="Pause it", responses=_ONE)
async def pause(request: Request, name: str, caller: Operator) -> Response:
    """Stop claims: once this is answered, no job of the queue is claimed. Running jobs go on."""
    services = services_of(request)
    return await _answer(services, await services.queues.pause(name, caller.name))


@router.post("/queues/{name}/resume", summary="Resume it", responses=_ONE)
async def resume(request: Request, name: str, caller: Operator) -> Response:
    """Let the queue's jobs be claimed again."""
    services = services_of(request)
    return await _answer(services, await services.queues.resume(name, caller.name))


@router.post(
    "/queues/{name}/clean",
    summary="Remove ended jobs for good",
    openapi_extra=body(Clean),
    responses={200: {"model": Cleaned}, **failures(400, 404, 408, 413)},
)
async def clean(request: Request, name: str, caller: Admin) -> Response:
    """Remove at most 100,000 ended jobs; `more` says whether some are left."""
    services = services_of(request)
    wanted = checked(Clean, await read_json(request, services))
    removed, more = await services.queues.clean(
        name, [State(state) for state in wanted.states], wanted.older_than, caller.name
    )
    return answer({"removed": removed, "more": more})


async def _answer(services: PublisherServices, queue: StoredQueue) -> Response:
    counts = await services.counts.by_queue()
    return answer(_view(queue, counts.get(queue.name, {})))


def _view(queue: StoredQueue, counts: Mapping[State, int]) -> dict[str, Any]:
    return {
        "name": queue.name,
        "paused": queue.paused,
        "paused_at": queue.paused_at,
        "paused_by": queue.paused_by,
        "overrides": queue.overrides,
        "defaults": queue.defaults,
        "declared": queue.declared,
        "created_at": queue.created_at,
        "counts": counts,
    }
