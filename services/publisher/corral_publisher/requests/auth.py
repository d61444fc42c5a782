"""Who may call a route: every route declares its role through `Requires`, and through nothing else."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as BearerScheme
from fastapi.security.base import SecurityBase

from corral.actions.access.principal import Principal, Role
from corral.errors import Forbidden, Unauthenticated
from corral_publisher.requests.headers import header_of
from corral_publisher.requests.parameters import refuse_nul
from corral_publisher.requests.session import COOKIE, same_origin
from corral_publisher.services import PublisherServices, services_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Requires(SecurityBase):
    """The FastAPI dependency that authenticates a caller, by a key (`Authorization: Bearer`) or a session's cookie."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.model = BearerScheme(description="A key, as `corral keys create` or `corral up` prints it once.")
        self.scheme_name = "key"

    async def __call__(self, request: Request) -> Principal:
        """The caller, where its role is sufficient.

        Raises:
            Unauthenticated: no key or session, or none that is valid.
            Forbidden: its role is not sufficient, or a page of another site sent the request.
        """
        return await authorize(request, services_of(request), self.role)


async def authorize(request: Request, services: PublisherServices, least: Role) -> Principal:
    """The caller of a request, which must have at least the role `least`. Raises as `Requires` and `refuse_nul` do.

    Every route asks here first, so whatever comes after it reads an address without NUL characters.
    """
    principal = await identify(request, services)
    if principal is None:
        raise Unauthenticated("send a key as Authorization: Bearer <key>, or sign in at /sign-in")
    if not principal.role.includes(least):
        raise Forbidden(f"this needs the role {least}; {principal.name} is {principal.role}")
    refuse_nul(request)
    return principal


async def identify(request: Request, services: PublisherServices) -> Principal | None:
    """The caller of a request; None where the request has neither key nor session.

    Raises:
        Unauthenticated: its key is not valid.
        Forbidden: a page of another site sent a changing request with a session's cookie.
    """
    header = header_of(request.scope, b"authorization")
    if header is not None:
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                f"the header Authorization begins with {scheme[:20]!r}; send Authorization: Bearer <key>"
            )
        principal = await services.keys.find(key.strip())
        if principal is None:
            raise Unauthenticated("the key is not valid; it may have been revoked")
        return principal
    session = request.cookies.get(COOKIE)
    if session is None:
        return None
    if request.method not in SAFE_METHODS and not same_origin(request):
        raise Forbidden("a change by a signed-in browser must come from a page of this address")
    return await services.sign_in.session(session)


Viewer = Annotated[Principal, Depends(Requires(Role.VIEWER))]
Operator = Annotated[Principal, Depends(Requires(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(Requires(Role.ADMIN))]
