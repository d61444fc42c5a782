"""The outermost layer of a request: its id, its metrics, security headers, and a response for every error."""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from os import urandom

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corral import metrics
from corral_publisher.requests.body import ClientGone
from corral_publisher.requests.head import HeadersWereAllError, as_get
from corral_publisher.responses import problems

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,100}")
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]
UNKNOWN_ROUTE = "unknown"
"""The metrics' name for a path without a route, so that the number of labels stays small."""


class RequestMiddleware:
    """ASGI middleware that adds a request id, metrics and security headers, and answers unexpected errors."""

    def __init__(self, app: ASGIApp, failed: Callable[[Request, str], Response] = problems.failed) -> None:
        """`failed` makes the answer to a request that met an unexpected error, from it and its id."""
        self._app = app
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method = scope["method"] if scope["method"] in _METHODS else "other"
        request_id = _request_id(scope)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *HEADERS, (b"x-request-id", request_id)]
            await send(message)

        respond: Send = sending
        if method == "HEAD":
            receive, respond = as_get(scope, sending)
        try:
            await self._app(scope, receive, respond)
        except (ClientGone, ClientDisconnect, HeadersWereAllError):
            status = status or 499  # nobody reads an answer
        except Exception:
            log.exception("request.failed", request=request_id.decode(), path=scope["path"])
            metrics.SWALLOWED.labels("http").inc()
            if status == 0:
                answer = self._failed(Request(scope), request_id.decode())
                await answer(scope, receive, respond)
        finally:
            route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
            count, seconds = _metrics_of(method, route, status)
            count.inc()
            seconds.observe(time.perf_counter() - started)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@lru_cache(maxsize=2048)
def _metrics_of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The two metrics for a route and status, cached because looking them up by label costs more than counting."""
    return metrics.HTTP_REQUESTS.labels(method, route, status), metrics.HTTP_SECONDS.labels(method, route)


def _request_id(scope: Scope) -> bytes:
    """The request id that the caller sent, where it is well formed; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return bytes(value)
    return urandom(16).hex().encode()
