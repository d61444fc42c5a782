"""ASGI middleware that refuses callers who send too many requests. It is there only where a rate is set."""

import math
from collections.abc import AsyncIterator, Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corral.actions.access.throttle import Throttle
from corral.dispatch.caller_rates import CallerTake
from corral.errors import Forbidden, Unauthenticated, Unavailable
from corral.refusals import RateExceeded
from corral_publisher.pages.problem import answer_of
from corral_publisher.requests.auth import identify
from corral_publisher.services import PublisherServices

EXEMPT = ("/healthz", "/readyz", "/health/workers")
"""Paths that are asked by whoever keeps the publisher running."""
ASSETS = "/static/"
SUBMISSION = "/api/v1/jobs"


class CallerLimit:
    """Counts requests by caller: a key or a person who is signed in, and the address of anybody else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path in EXEMPT or path.startswith(ASSETS):
            await self._app(scope, receive, send)
            return
        services: PublisherServices = scope["app"].state.services
        if services.unready is not None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            headers = [header async for header in _taken(request, services)]
        except RateExceeded as error:
            await answer_of(request, error)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await self._app(scope, receive, sending)


async def _taken(request: Request, services: PublisherServices) -> AsyncIterator[tuple[bytes, bytes]]:
    """Take of each rate that the request counts for; headers that say what is left.

    Raises:
        RateExceeded: of one there is nothing left.
    """
    caller = await _caller(request, services)
    one_job = request.method == "POST" and request.url.path == SUBMISSION  # a bulk counts its jobs itself
    for throttle in (services.request_throttle, services.job_throttle if one_job else None):
        if throttle is not None and (taken := await throttle.take(caller)) is not None:
            for header in _headers(throttle, taken):
                yield header


async def _caller(request: Request, services: PublisherServices) -> str:
    try:
        principal = await identify(request, services)
    except (Unauthenticated, Forbidden, Unavailable):  # the route says so
        principal = None
    if principal is not None:
        return f"name:{principal.name}"
    return f"address:{request.client.host if request.client is not None else ''}"


def _headers(throttle: Throttle, taken: CallerTake) -> Iterable[tuple[bytes, bytes]]:
    """What is left. Source: RateLimit header fields for HTTP, draft-ietf-httpapi-ratelimit-headers."""
    yield (b"ratelimit", f'"{throttle.name}";r={taken.left};t={math.ceil(taken.seconds)}'.encode())
    yield (b"ratelimit-policy", throttle.rate.policy(throttle.name).encode())
