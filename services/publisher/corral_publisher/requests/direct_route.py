"""A fast route for submissions: FastAPI documents it, but does not resolve dependencies for it."""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from corral.errors import CorralError
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import authorize
from corral_publisher.responses import problems
from corral_publisher.services import services_of


class DirectRoute(ApiRoute):
    """A route whose endpoint takes (request, caller, …) and is called directly when the request has no query.

    Resolving dependencies costs more time than submitting a job. The role is the one that the endpoint declares.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["query_string"] or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            (role,) = self.roles
            caller = await authorize(request, services_of(request), role)
            response = await self.endpoint(request, caller)
        except CorralError as error:
            response = problems.of(error, request.method)
        await response(scope, receive, send)
