"""Error pages for browsers."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from corral.errors import CorralError
from corral_publisher.pages import render
from corral_publisher.pages.visitor import NotHtml, SignInFirst, to_sign_in
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.responses import problems

Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Answer browsers with an error page, and everything else, including the whole API, with a problem document."""

    async def corral_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CorralError)
        match error:
            case SignInFirst():
                return to_sign_in(request)
            case NotHtml(path=path):
                return RedirectResponse(path, status_code=307)
        return answer_of(request, error)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        made = problems.of_http(error, request)
        if _by_browser(request):
            return _as_page(request, made, str(error.detail), "The address may be mistyped.")
        return made

    async def validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        made, title, detail = problems.of_parameters(error, request.method)
        return _as_page(request, made, title, detail) if _by_browser(request) else made

    app.add_exception_handler(CorralError, corral_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)


def answer_of(request: Request, error: CorralError) -> Response:
    """The response for an error: a page for a browser that wants one, else a problem document."""
    made = problems.of(error, request.method)
    if not _by_browser(request):
        return made
    return _as_page(request, made, *problems.words(error, request.method))


def failed(request: Request, request_id: str) -> Response:
    """The response for an unexpected error, likewise."""
    made = problems.failed(request, request_id)
    if not _by_browser(request):
        return made
    title, detail = problems.FAILED
    return _as_page(request, made, title, f"{detail[:-1]}: {request_id}")


def _by_browser(request: Request) -> bool:
    return wants_html(request) and not request.url.path.startswith("/api/")


def _as_page(request: Request, made: Response, title: str, detail: str) -> Response:
    shown = render.page(request, "problem.html", None, status=made.status_code, title=title, detail=detail)
    for name in ("allow", "retry-after", "ratelimit", "ratelimit-policy", "connection"):
        if name in made.headers:
            shown.headers[name] = made.headers[name]
    return shown
