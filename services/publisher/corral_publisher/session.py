"""The browser's side of a session: its cookie, and proof that a form is ours."""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from corral.actions.sign_in import SESSION_SECONDS

COOKIE = "corral_session"
CSRF_FIELD = "csrf"


def set_cookie(response: Response, session: str, *, secure: bool) -> None:
    """Start a session in the browser. The cookie is out of reach of scripts and of other sites' forms."""
    response.set_cookie(
        COOKIE, session, max_age=int(SESSION_SECONDS), httponly=True, samesite="lax", secure=secure, path="/"
    )


def clear_cookie(response: Response, *, secure: bool) -> None:
    """End it."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure, path="/")


def csrf_token(session: str) -> str:
    """What our forms carry: only a page that we rendered for this session knows it."""
    return hmac.new(session.encode(), b"corral csrf", sha256).hexdigest()


def csrf_holds(session: str, token: str) -> bool:
    """Whether a form's token belongs to the session."""
    return hmac.compare_digest(csrf_token(session), token)


def same_origin(request: Request) -> bool:
    """Whether a page of ours sent this, by what every current browser says about a changing request.

    Source: Fetch Metadata (Sec-Fetch-Site); RFC 6454 (Origin).
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")
