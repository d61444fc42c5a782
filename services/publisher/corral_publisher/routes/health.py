"""Probes. They need no key, because they say only whether things work."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.actions.servers import POSTGRES_SECONDS, REDIS_SECONDS
from corral.errors import CorralError
from corral.store import WorkerRecord, WorkerState
from corral_publisher.responses.json_response import answer
from corral_publisher.services import PublisherServices

router = APIRouter(tags=["health"])

MAX_WORKERS = 500
"""Workers that are shown one by one; the counts are of all."""


@router.get("/healthz", summary="Is this process alive?")
async def alive() -> Response:
    """200 as long as the process can answer."""
    return answer({"status": "ok"})


@router.get(
    "/readyz",
    summary="Can it accept jobs?",
    responses={
        200: {"description": "Yes; `degraded` names what does not do its part and is not needed for that."},
        503: {"description": "No; `missing` names what it waits for."},
    },
)
async def ready(request: Request) -> Response:
    """Both servers are tried out: a job is inserted and rolled back, and an id is queued on a key for this test.

    Without Redis, or with one that takes no writes, the status is `degraded` and the answer still 200: jobs are accepted
    and kept, every page and list works, and the sweep dispatches what came meanwhile once Redis is back. A publisher
    that called itself unready would refuse submissions without need. `details` says what is wrong with each server.
    """
    services: PublisherServices = request.app.state.services
    found = await services.servers.try_out()
    missing = []
    if found.postgres is not None:
        missing.append("schema" if found.schema else "postgres")
    elif services.unready is not None:
        missing.append("starting")
    degraded = ["redis"] if found.redis is not None else []
    wrong = (("postgres", found.postgres), ("redis", found.redis))
    body: dict[str, Any] = {
        "status": "unready" if missing else "degraded" if degraded else "ready",
        "missing": missing,
        "degraded": degraded,
        "details": {name: str(error) for name, error in wrong if error is not None},
    }
    return answer(body, 503 if missing else 200)


@router.get(
    "/health/workers",
    summary="Does any worker live?",
    responses={
        200: {
            "description": "Yes; or `at-rest`: none is needed, and whoever scales the pools would start one."
        },
        503: {"description": "No, or nobody knows."},
    },
)
async def workers(request: Request) -> Response:
    """Counts of workers and of the jobs they run, and the health of each. None is needed while the target of every pool is zero.

    Of each worker, of the first 500: how many jobs `succeeded` and `failed` for good in its `uptime` seconds,
    `memory_bytes` of it and its child processes, `cpu_seconds` of the processor, as its last heartbeat told.
    """
    services: PublisherServices = request.app.state.services
    try:
        async with asyncio.timeout(POSTGRES_SECONDS):
            found = await services.store.workers.list()
    except (CorralError, TimeoutError) as error:
        return answer({"status": "unknown", "details": str(error) or "no answer in time"}, 503)
    active = sum(worker.state is WorkerState.ACTIVE for worker in found)
    status = "ok" if active else "at-rest" if await _at_rest(services) else "none"
    body = {
        "status": status,
        "active": active,
        "draining": len(found) - active,
        "sealed": sum(worker.status.get("sealed") is True for worker in found),
        "running": sum(worker.running for worker in found),
        "workers": [_health_of(worker) for worker in found[:MAX_WORKERS]],
    }
    return answer(body, 503 if status == "none" else 200)


def _health_of(worker: WorkerRecord) -> dict[str, Any]:
    """One worker, without its name: this route asks nobody who they are."""
    told = worker.status
    return {
        "pool": told.get("pool"),
        "state": worker.state,
        "running": worker.running,
        **{name: told.get(name) for name in ("succeeded", "failed", "uptime", "memory_bytes", "cpu_seconds")},
    }


async def _at_rest(services: PublisherServices) -> bool:
    """Whether an autoscaler reports pools now, and the target of all of them is zero."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            pools = await services.dispatch.pools.all()
    except (CorralError, TimeoutError):
        return False
    return bool(pools) and all(pool.desired == 0 for pool in pools)
