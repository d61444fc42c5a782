"""FastAPI, in which a submission does not pass layers that have nothing to do for it."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from corral.tracing import activation
from corral_publisher.requests.direct_route import DirectRoute
from corral_publisher.requests.middleware import RequestMiddleware


class Application(FastAPI):
    """The publisher's application.

    FastAPI and Starlette call nine functions one within another before a route is served. Direct routes answer their
    errors themselves and resolve no dependencies, so of those layers they need the outermost one of Corral's alone.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._direct: dict[tuple[str, str], tuple[DirectRoute, ASGIApp]] = {}
        """Method and path, and what serves them; nothing where another layer has to see each request."""

    def build_middleware_stack(self) -> ASGIApp:
        """The layers, once there are no more to come."""
        if all(one.cls is RequestMiddleware for one in self.user_middleware):  # type: ignore[comparison-overlap]
            self._direct = {
                (method, route.path): (route, RequestMiddleware(route.handle))
                for route in self.routes
                if isinstance(route, DirectRoute)
                for method in route.methods or ()
            }
        return super().build_middleware_stack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Spans are made by FastAPI's layers, so with tracing they see every request."""
        if scope["type"] == "http" and not scope["query_string"] and activation.tracer() is None:
            found = self._direct.get((scope["method"], scope["path"]))
            if found is not None and not scope["root_path"]:
                scope["app"] = self
                scope["route"], serve = found
                await serve(scope, receive, send)
                return
        await super().__call__(scope, receive, send)
