"""Who looks at a page, and whether a form that arrived is ours."""

from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from corral.actions.principal import Principal, Role
from corral.errors import CorralError, Forbidden
from corral_publisher import request_body
from corral_publisher.auth import authorize, identify
from corral_publisher.openapi import PREFIX
from corral_publisher.services import PublisherServices, services_of
from corral_publisher.session import COOKIE, CSRF_FIELD, csrf_holds


class NotHtml(CorralError):
    """A page was asked for by something that wants no HTML; `path` is where JSON is."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"this is a page; JSON is at {path}")


class SignInFirst(CorralError):
    """The page needs somebody who has signed in, and nobody has."""


class Visitor:
    """The dependency of every page: like `Requires`, but a browser is led to the sign-in."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Principal:
        """Who looks.

        Raises:
            NotHtml: the request does not ask for HTML.
            SignInFirst: nobody is signed in.
            Forbidden: the role is too small.
        """
        if request.method == "GET" and not wants_html(request):
            query = f"?{request.url.query}" if request.url.query else ""
            raise NotHtml(f"{PREFIX}{request.url.path}{query}")
        services = services_of(request)
        if await identify(request, services) is None:
            raise SignInFirst("sign in first")
        return await authorize(request, services, self.role)


def wants_html(request: Request) -> bool:
    """Whether HTML is asked for by name: `*/*` is a program."""
    accept = request.headers.get("accept", "")
    return "text/html" in accept or "text/event-stream" in accept


def to_sign_in(request: Request) -> Response:
    """To the sign-in, and back here."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(here)}" if request.method == "GET" and here != "/" else ""
    return RedirectResponse(f"/sign-in{back}", status_code=303)


async def form_of(request: Request, services: PublisherServices) -> FormData:
    """The form that a page of ours sent.

    Raises:
        TooLarge, SlowBody: as any body.
        Forbidden: it does not carry this session's token.
    """
    form = await read_form(request, services)
    token, session = form.get(CSRF_FIELD), request.cookies.get(COOKIE)
    if session is None or not isinstance(token, str) or not csrf_holds(session, token):
        raise Forbidden("this form is too old, or not ours; load the page again")
    return form


async def read_form(request: Request, services: PublisherServices) -> FormData:
    """A form, bounded in size and time like any body."""
    settings = services.settings
    raw = await request_body.read(
        request.receive, request.headers, limit=settings.max_body_bytes, seconds=settings.body_timeout
    )

    async def replay() -> dict[str, object]:
        return {"type": "http.request", "body": raw, "more_body": False}

    copy = Request(request.scope, replay)
    return await copy.form(max_fields=1000, max_part_size=settings.max_payload_bytes)
