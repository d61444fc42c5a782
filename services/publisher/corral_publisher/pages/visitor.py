"""Authentication for pages, and the check that a form comes from one of Corral's own pages."""

from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.actions.submissions.json_value import refuse_faults
from corral.errors import CorralError, Forbidden
from corral_publisher.openapi import PREFIX
from corral_publisher.requests import body as request_body
from corral_publisher.requests.auth import authorize, identify
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.requests.session import COOKIE, CSRF_FIELD, csrf_holds
from corral_publisher.services import PublisherServices, services_of


class NotHtml(CorralError):
    """A program requested a page; `path` is the address of the same as JSON."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"this is a page; JSON is at {path}")


class SignInFirst(CorralError):
    """The page needs a signed-in user, and the browser has no session."""


class Visitor:
    """The FastAPI dependency of every page: like `Requires`, but it sends browsers to the sign-in page."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Principal:
        """The signed-in user.

        Raises:
            NotHtml: the request does not ask for HTML.
            SignInFirst: there is no session.
            Forbidden: the role is not sufficient.
        """
        if request.method == "GET" and not wants_html(request):
            query = f"?{request.url.query}" if request.url.query else ""
            raise NotHtml(f"{PREFIX}{request.url.path}{query}")
        services = services_of(request)
        if await identify(request, services) is None:
            raise SignInFirst("sign in first")
        return await authorize(request, services, self.role)


class VisitorOrProgram(Visitor):
    """The same where programs get and send JSON at the address of a page."""

    async def __call__(self, request: Request) -> Principal:
        """The signed-in user, or the program's key. Raises as `Visitor` and `Requires` do."""
        if wants_html(request) or is_form(request):
            return await super().__call__(request)
        return await authorize(request, services_of(request), self.role)


def is_form(request: Request) -> bool:
    """Whether the request sends a form, as pages do."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in ("application/x-www-form-urlencoded", "multipart/form-data")


def to_sign_in(request: Request) -> Response:
    """Redirect to the sign-in page, which leads back here."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(here)}" if request.method == "GET" and here != "/" else ""
    return RedirectResponse(f"/sign-in{back}", status_code=303)


async def form_of(request: Request, services: PublisherServices) -> FormData:
    """Read a form and check that it comes from one of Corral's own pages.

    Raises:
        TooLarge, SlowBody, InvalidInput: as `read_form`.
        Forbidden: the form does not contain this session's token.
    """
    form = await read_form(request, services)
    token, session = form.get(CSRF_FIELD), request.cookies.get(COOKIE)
    if session is None or not isinstance(token, str) or not csrf_holds(session, token):
        raise Forbidden("this form is too old, or not ours; load the page again")
    return form


async def read_form(request: Request, services: PublisherServices) -> FormData:
    """Read a form, within the limits of size and time for every body.

    Raises:
        TooLarge, SlowBody: as for every body.
        InvalidInput: a field holds a NUL character, which can't be stored.
    """
    settings = services.settings
    raw = await request_body.read(
        request.receive, request.headers, limit=settings.max_body_bytes, seconds=settings.body_timeout
    )

    async def replay() -> dict[str, object]:
        return {"type": "http.request", "body": raw, "more_body": False}

    copy = Request(request.scope, replay)
    form = await copy.form(max_fields=1000, max_part_size=settings.max_payload_bytes)
    for name, value in form.multi_items():
        if isinstance(value, str):  # else it is a file
            refuse_faults(value, name if name.startswith("/") else f"/{name}")
    return form
