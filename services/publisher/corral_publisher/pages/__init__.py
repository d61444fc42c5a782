"""Pages: server-rendered HTML, enhanced with htmx, complete without scripts."""

from fastapi import FastAPI

from corral_publisher.pages import (
    job,
    jobs,
    live,
    load,
    pools,
    problem,
    queues,
    render,
    sign_in,
    start,
    workers,
)


def install(app: FastAPI) -> None:
    """Add every page."""
    render.environment()
    problem.install(app)
    for module in (sign_in, start, load, jobs, job, queues, workers, pools, live):
        app.router.routes.extend(module.router.routes)
