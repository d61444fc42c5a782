"""The API under /api/v1: one module per resource."""

from fastapi import APIRouter, FastAPI

from corral_publisher.routes import (
    artifacts,
    events,
    health,
    job_actions,
    jobs,
    queues,
    stats,
    submission,
    types,
    workers,
)

PREFIX = "/api/v1"


def install(app: FastAPI) -> None:
    """Add every route."""
    api = APIRouter(prefix=PREFIX)
    for module in (submission, jobs, job_actions, artifacts, events, queues, types, workers, stats):
        api.include_router(module.router)
    app.include_router(api)
    app.include_router(health.router)
