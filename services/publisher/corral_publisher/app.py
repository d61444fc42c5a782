"""The ASGI application: the API, the pages and the services that their routes use."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.staticfiles import StaticFiles

from corral.process.startup import say_ready
from corral.process.status_server import METRICS, StatusServer
from corral.settings import Settings
from corral.tracing import activation
from corral_publisher import pages, routes
from corral_publisher.assets import FOLDER
from corral_publisher.openapi import describe
from corral_publisher.release import VERSION
from corral_publisher.requests.application import Application
from corral_publisher.requests.caller_limit import CallerLimit
from corral_publisher.requests.middleware import RequestMiddleware
from corral_publisher.requests.spans import REQUEST_SPANS
from corral_publisher.responses import problems
from corral_publisher.services import PublisherServices

READY_SECONDS = 3.0
"""Seconds that a process waits for its database before it listens. After that it listens, and is not ready yet."""


def create_app(
    settings: Settings,
    *,
    metrics_listener: socket.socket | None = None,
    ready: int | None = None,
    opened: Callable[[Settings], PublisherServices] = PublisherServices,
) -> Application:
    """Make the application. It connects to Postgres and Redis when it is started, and then writes a byte to `ready`.

    `opened` makes the services of its routes.
    """

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        activation.start("corral-publisher")
        services = app.state.services = opened(settings)
        services.start()
        await services.wait_until_ready(READY_SECONDS)
        metrics_server = None if metrics_listener is None else StatusServer(metrics_listener, METRICS)
        if ready is not None:
            say_ready(ready)
        try:
            yield
        finally:
            if metrics_server is not None:
                await asyncio.to_thread(metrics_server.close)
            await services.close()
            await asyncio.to_thread(activation.stop)

    app = Application(
        title="Corral",
        version=VERSION,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=REQUEST_SPANS,
    )
    app.state.settings = settings
    if settings.api_rate is not None or settings.api_job_rate is not None:
        app.add_middleware(CallerLimit)
    app.add_middleware(RequestMiddleware, failed=pages.problem.failed)
    problems.install(app)
    routes.install(app)
    pages.install(app)
    app.mount("/static", StaticFiles(directory=FOLDER), name="static")
    describe(app)
    return app
