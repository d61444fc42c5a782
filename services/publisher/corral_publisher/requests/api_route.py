"""A route of the API: a parameter of the query that it does not know is refused, rather than passed over."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from corral.actions.access.principal import Role
from corral.errors import FieldError
from corral_publisher.requests.auth import Requires, authorize
from corral_publisher.requests.parameters import PAGING, SEARCH, InvalidParameter
from corral_publisher.services import services_of

ANY_FIELD = f"{SEARCH}{{field}}"
"""How a route says that it takes `search.<field>` for every field."""


class ApiRoute(APIRoute):
    """A route that knows its parameters: those of its endpoint and its dependencies, and what it documents beside them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which is asked only with parameters that the route knows."""
        handler = super().get_route_handler()
        paging = (
            PAGING if "GET" in (self.methods or ()) else frozenset()
        )  # a client reads lists of one page as it reads others
        documented = (self.openapi_extra or {}).get("parameters", ())
        known = {*_names(self.dependant), *(one["name"] for one in documented if one["in"] == "query")}

        async def checked(request: Request) -> Response:
            if request.scope["query_string"] and (unknown := _unknown(request, known | paging)):
                for role in self.roles:  # who may not call this route hears that first, as everywhere
                    await authorize(request, services_of(request), role)
                raise InvalidParameter(*(FieldError(name[:100], _said(known)) for name in unknown[:20]))
            return await handler(request)

        return checked

    @property
    def roles(self) -> Iterator[Role]:
        """The roles that the route requires: one, or none where anybody may call it."""
        return (one.call.role for one in self.dependant.dependencies if isinstance(one.call, Requires))


def _names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        yield parameter.alias
    for inner in dependant.dependencies:
        yield from _names(inner)


def _unknown(request: Request, known: set[str]) -> list[str]:
    return [
        name
        for name in request.query_params
        if name not in known and not (ANY_FIELD in known and name.startswith(SEARCH))
    ]


def _said(known: set[str]) -> str:
    return (
        f"is no parameter here; known: {', '.join(sorted(known))}"
        if known
        else "is no parameter; there are none here"
    )
