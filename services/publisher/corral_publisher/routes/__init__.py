"""The API under /api/v1: one module per resource."""

from fastapi import FastAPI

from corral_publisher.routes import (
    areas,
    artifacts,
    effects,
    events,
    feeds,
    health,
    imports,
    job_actions,
    jobs,
    legacy_jobs,
    limit_slots,
    limits,
    load,
    pools,
    providers,
    queues,
    reports,
    schedules,
    stats,
    submission,
    types,
    uploads,
    webhooks,
    workers,
)


def install(app: FastAPI) -> None:
    """Add every route directly to the application: included routers would add a layer to each request."""
    for module in (
        submission,
        jobs,
        job_actions,
        artifacts,
        uploads,
        effects,
        events,
        queues,
        schedules,
        types,
        limits,
        limit_slots,
        providers,
        workers,
        pools,
        legacy_jobs,
        load,
        reports,
        stats,
        imports,
        feeds,
        webhooks,
        areas,
        health,
    ):
        app.router.routes.extend(module.router.routes)
    app.router.routes.extend(reports.old_router.routes)
