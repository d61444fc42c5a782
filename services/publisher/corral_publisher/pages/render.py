"""Renders pages: templates, their filters, and the headers that every page has."""

import re
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from corral.actions.access.principal import Principal
from corral.job.job import Job
from corral.json_codec import Document, indented
from corral.limit_words import ignored_in_words, values_in_words
from corral.store import AttemptRecord
from corral.time_span import span
from corral_publisher import assets
from corral_publisher.requests.session import COOKIE, CSRF_FIELD, csrf_token
from corral_publisher.responses.json_response import encode

FOLDER = Path(__file__).parent.parent / "templates"
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)
MAX_SHOWN = 100_000
"""Characters of JSON shown on a page. The API returns the whole value."""


def page(
    request: Request, name: str, principal: Principal | None, *, status: int = 200, **values: Any
) -> Response:
    """A page, with a content security policy that allows only Corral's own scripts."""
    nonce = secrets.token_urlsafe(16)
    html = fragment(request, name, principal, nonce=nonce, **values)
    headers = {
        "Content-Security-Policy": POLICY.format(nonce=nonce),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Vary": "Accept, Cookie",
    }
    return Response(html, status_code=status, media_type="text/html; charset=utf-8", headers=headers)


def fragment(
    request: Request, name: str, principal: Principal | None, *, nonce: str = "", **values: Any
) -> str:
    """The HTML of one template."""
    session = request.cookies.get(COOKIE)

    def csrf_field() -> Markup:
        token = csrf_token(session) if session else ""
        return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token)

    return (
        environment()
        .get_template(name)
        .render(
            {
                "principal": principal,
                "nonce": nonce,
                "here": request.url.path,
                "csrf_field": csrf_field,
                "shows_mails": request.app.state.settings.mail_sink,
            }
            | values
        )
    )


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, all compiled at the start, so that the first request of a page is not slower."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = assets.url
    made.filters |= {
        "code": code,
        "iso": iso,
        "absolute": absolute,
        "ignored_in_words": ignored_in_words,
        "limit_in_words": values_in_words,
        "relative": relative,
        "clock": clock,
        "moment": moment,
        "span": span,
        "bytes": size,
        "short": short,
        "json": json,
        "took": took,
        "reason": reason,
    }
    for name in made.list_templates():
        made.get_template(name)
    return made


def code(text: str) -> Markup:
    """Text in which words between backticks are shown as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  it was escaped


def iso(moment: datetime) -> str:
    """A time in the form of the attribute `datetime`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def absolute(moment: datetime) -> str:
    """A time with date, in UTC, for the tooltip."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(moment: datetime) -> str:
    """The time of day, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S}"


def moment(seconds: float) -> datetime:
    """Unix seconds as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def relative(moment: datetime) -> str:
    """How long ago a time was, or in how long it will be."""
    seconds = (moment - datetime.now(UTC)).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(-seconds)} ago" if seconds < 0 else f"in {span(seconds)}"


def size(count: int) -> str:
    """A number of bytes, rounded, with its unit."""
    number, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"


def short(job_id: UUID) -> str:
    """A shortened id that still differs from its neighbours': its beginning, which is a time, and its random end."""
    text = str(job_id)
    return f"{text[:8]}…{text[-6:]}"


def json(value: Any) -> str:
    """Indented JSON, cut after `MAX_SHOWN` characters."""
    text = value.text if isinstance(value, Document) else encode(value).decode()
    shown = indented(text, MAX_SHOWN)
    return shown if len(shown) < MAX_SHOWN else f"{shown}\n… {len(text):,} characters in all"


def took(job: Job) -> str:
    """How long a job ran."""
    if job.started_at is None or job.finished_at is None:
        return ""
    return f"took {span((job.finished_at - job.started_at).total_seconds())}"


def reason(attempt: AttemptRecord) -> str:
    """Why an attempt ended."""
    return attempt.reason or (str(attempt.error.get("message", "")) if attempt.error else "")
