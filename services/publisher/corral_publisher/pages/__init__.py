"""The pages: HTML rendered on the server. htmx updates them; without scripts they work, too."""

from fastapi import FastAPI

from corral_publisher.pages import (
    areas,
    feeds,
    imports,
    job,
    jobs,
    limits,
    live,
    load,
    mails,
    pools,
    problem,
    providers,
    queues,
    render,
    reports,
    schedules,
    sign_in,
    start,
    types,
    webhooks,
    workers,
)


def install(app: FastAPI) -> None:
    """Add the routes of all pages."""
    render.environment()
    problem.install(app)
    for module in (
        sign_in,
        start,
        load,
        jobs,
        job,
        queues,
        types,
        limits,
        providers,
        schedules,
        workers,
        pools,
        reports,
        mails,
        feeds,
        imports,
        webhooks,
        areas,
        live,
    ):
        app.router.routes.extend(module.router.routes)
