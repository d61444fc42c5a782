"""Signing in and out. A sign-in link first shows a button, so that programs that preview links don't use it up."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from corral_publisher.pages import render
from corral_publisher.pages.visitor import form_of, read_form
from corral_publisher.requests.auth import identify
from corral_publisher.requests.session import COOKIE, clear_cookie, set_cookie
from corral_publisher.services import services_of

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def show(request: Request, next_: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Show the form for a key; redirect those who are signed in."""
    if await identify(request, services_of(request)) is not None:
        return RedirectResponse(_local(next_), status_code=303)
    return _form(request, goal=_local(next_))


@router.post("/sign-in")
async def by_key(request: Request) -> Response:
    """Sign in with a key: start a session."""
    services = services_of(request)
    form = await read_form(request, services)
    key, goal = str(form.get("key", "")).strip(), _local(str(form.get("next", "/")))
    principal = await services.keys.find(key)
    if principal is None:
        return _form(request, goal=goal, refused="This key is not valid.")
    response = RedirectResponse(goal, status_code=303)
    set_cookie(response, await services.sign_in.begin(principal), secure=services.settings.secure_cookies)
    return response


@router.get("/sign-in/{link}")
async def show_link(request: Request, link: str) -> Response:
    """Show the button that uses the link."""
    return render.page(request, "sign_in.html", None, link=link, refused="", next="/")


@router.post("/sign-in/{link}")
async def by_link(request: Request, link: str) -> Response:
    """Sign in with a link, which works once."""
    services = services_of(request)
    session = await services.sign_in.redeem(link)
    if session is None:
        return _form(request, goal="/", refused="This link was used already, or has expired.")
    response = RedirectResponse("/", status_code=303)
    set_cookie(response, session, secure=services.settings.secure_cookies)
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Sign out: end the session in the browser and in the database."""
    services = services_of(request)
    await form_of(request, services)
    await services.sign_in.end(request.cookies[COOKIE])
    response = RedirectResponse("/sign-in", status_code=303)
    clear_cookie(response, secure=services.settings.secure_cookies)
    return response


def _form(request: Request, *, goal: str, refused: str = "") -> Response:
    return render.page(
        request, "sign_in.html", None, status=403 if refused else 200, link="", refused=refused, next=goal
    )


def _local(goal: str) -> str:
    """The path to go to after signing in; the start page where it is not a path of this publisher."""
    parts = urlsplit(goal.replace("\\", "/"))
    plain = goal.startswith("/") and not goal.startswith("//") and not parts.scheme and not parts.netloc
    return goal if plain and goal.isprintable() else "/"
