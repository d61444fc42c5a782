"""Probes. Open to all: they tell no more than whether things work."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.errors import CorralError, SchemaMismatch, Unavailable
from corral.store import WorkerState
from corral_publisher.answer import answer
from corral_publisher.services import Services

router = APIRouter(tags=["health"])

PATIENCE_SECONDS = 3.0
"""A probe answers within this, whatever hangs."""
REDIS_SECONDS = 1.0
"""How long a Redis that hangs may delay an answer that does not depend on it."""


@router.get("/healthz", summary="Is this process alive?")
async def alive() -> Response:
    """200 as long as the process can answer."""
    return answer({"status": "ok"})


@router.get(
    "/readyz",
    summary="Can it accept jobs?",
    responses={
        200: {"description": "Yes; `degraded` names what is away and not needed for that."},
        503: {"description": "No; `missing` names what it waits for."},
    },
)
async def ready(request: Request) -> Response:
    """Postgres must answer with a schema that fits.

    Without Redis the status is `degraded` and the answer still 200: jobs are accepted and kept, every page and list
    works, and the sweep dispatches what came meanwhile once Redis is back. A publisher that called itself unready
    would turn submissions away for nothing.
    """
    services: Services = request.app.state.services
    postgres, redis = await asyncio.gather(
        _try("postgres", services.store.schema.check(), PATIENCE_SECONDS),
        _try("redis", services.dispatch.suspended(), REDIS_SECONDS),
    )
    missing = []
    if postgres is not None:
        missing.append("schema" if isinstance(postgres, SchemaMismatch) else "postgres")
    elif services.unready is not None:
        missing.append("starting")
    degraded = ["redis"] if redis is not None else []
    details = {
        name: str(error) for name, error in (("postgres", postgres), ("redis", redis)) if error is not None
    }
    body: dict[str, Any] = {
        "status": "unready" if missing else "degraded" if degraded else "ready",
        "missing": missing,
        "degraded": degraded,
        "details": details,
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
    """Counts of workers, and what they run. Pools that rest at zero are well."""
    services: Services = request.app.state.services
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
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
    }
    return answer(body, 503 if status == "none" else 200)


async def _at_rest(services: Services) -> bool:
    """Whether somebody scales pools now, and all of them are to have no workers."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            pools = await services.dispatch.pools()
    except (CorralError, TimeoutError):
        return False
    return bool(pools) and all(pool.desired == 0 for pool in pools)


async def _try(dependency: str, check: Any, seconds: float) -> CorralError | None:
    """What is wrong; None where the check passes in time."""
    try:
        async with asyncio.timeout(seconds):
            await check
    except CorralError as error:
        return error
    except TimeoutError:
        return Unavailable(dependency, "no answer in time")
    return None
