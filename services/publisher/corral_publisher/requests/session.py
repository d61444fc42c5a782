"""A session in the browser: its cookie, and the token that protects forms against requests of other sites."""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from corral.actions.access.sign_in import SESSION_SECONDS

COOKIE = "corral_session"
CSRF_FIELD = "csrf"


def set_cookie(response: Response, session: str, *, secure: bool) -> None:
    """Set the session's cookie. Neither scripts nor forms of other sites can use it."""
    response.set_cookie(
        COOKIE, session, max_age=int(SESSION_SECONDS), httponly=True, samesite="lax", secure=secure, path="/"
    )


def clear_cookie(response: Response, *, secure: bool) -> None:
    """Delete the session's cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure, path="/")


def csrf_token(session: str) -> str:
    """The token in every form of a session. Only pages rendered for this session contain it."""
    return hmac.new(session.encode(), b"corral csrf", sha256).hexdigest()


def csrf_holds(session: str, token: str) -> bool:
    """Whether a form's token belongs to the session."""
    return hmac.compare_digest(csrf_token(session), token)


def same_origin(request: Request) -> bool:
    """Whether a page of this publisher sent the request, judged by headers that every current browser sends.

    Source: Fetch Metadata (Sec-Fetch-Site); RFC 6454 (Origin).
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")
