"""Error responses as problem documents, with one table from Corral's errors to HTTP. Source: RFC 9457."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from corral import errors, refusals
from corral.actions.submissions.json_value import escape
from corral.errors import CorralError, FieldError
from corral.refusals import RefusedJob
from corral_publisher.requests.body import NotJson, SlowBody
from corral_publisher.requests.download_link import LinkOver
from corral_publisher.requests.parameters import InvalidParameter
from corral_publisher.responses.field_errors import message_of

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
"""Seconds in the header Retry-After when Postgres or Redis is away, or too many jobs wait."""
MAX_REFUSED = 100
"""Refused jobs of a bulk that are named."""

INVALID = "invalid-input"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_TABLE: tuple[tuple[type[CorralError], int, str, str], ...] = (
    (NotJson, 400, "not-json", "The body is not JSON"),
    (errors.InvalidInput, 422, INVALID, "The input is not valid"),
    (errors.TooLarge, 413, "too-large", "Too large"),
    (SlowBody, 408, "slow-body", "The body did not arrive in time"),
    (errors.Unauthenticated, 401, "unauthenticated", "You are not signed in"),
    (errors.Forbidden, 403, "forbidden", "Not allowed"),
    (errors.NotFound, 404, "not-found", "Not found"),
    (
        refusals.TooManyWaiting,
        429,
        "too-many-waiting",
        "Too many jobs wait for this limit; nothing was stored",
    ),
    (refusals.RateExceeded, 429, "rate-exceeded", "Too many of one caller; nothing was done"),
    (refusals.LimitFull, 409, "limit-full", "The limit is full; nothing was stored"),
    (errors.NoFreeSlot, 409, "no-free-slot", "All slots of the limit are held"),
    (refusals.Duplicate, 409, "duplicate", "Another job holds this unique key"),
    (errors.Conflict, 409, "conflict", "Not possible in this state"),
    (LinkOver, 410, "link-over", "This link has expired"),
    (errors.OutcomeUnknown, 503, "outcome-unknown", "It may be stored or not: ask by id before trying again"),
    (errors.Unreadable, 500, "unreadable", "A stored value can't be read"),
    (errors.SchemaMismatch, 503, "schema-mismatch", "The database's schema does not fit this release"),
    (errors.Unavailable, 503, "unavailable", "Postgres, Redis or the place of artifacts is not available"),
)
"""Error, HTTP status, name in `type`, and title. The first row that fits is used."""
PROBLEMS = [
    *((slug, status, title) for _, status, slug, title in _TABLE),
    ("method-not-allowed", 405, "This path does not support the method"),
    ("range", 416, "The range lies outside the file"),
    ("internal", 500, "An error inside Corral"),
]
"""All problems, for the documentation."""


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str = "",
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """A problem response. `type` is a name and not an address; it never changes."""
    body = {"type": f"urn:corral:problem:{slug}", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return Response(orjson.dumps(body | more), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def of(error: CorralError, method: str) -> Response:
    """The response for one of Corral's errors; `method` is the request's."""
    for kind, status, slug, _ in _TABLE:
        if isinstance(error, kind):
            if status >= 500:
                log.warning("request.refused", reason=slug, detail=str(error))
            title, detail = words(error, method)
            return problem(status, slug, title, detail, headers=_headers(error, status), **_extra(error))
    return problem(500, "internal", *words(error, method))


def words(error: CorralError, method: str) -> tuple[str, str]:
    """Title and detail of an error, for people."""
    for kind, _, slug, title in _TABLE:
        if isinstance(error, kind):
            return _title(slug, title, method), str(error)
    return "An error inside Corral", str(error)


def _title(slug: str, title: str, method: str) -> str:
    """The title. For wrong input in a changing request it adds that nothing was stored."""
    return f"{title}; nothing was stored" if slug == INVALID and method not in READING else title


def of_http(error: HTTPException, request: Request) -> Response:
    """The response for an error of the framework: no such route, or no such method."""
    headers = dict(error.headers) if error.headers else {}
    match error.status_code:
        case 404:
            slug, detail = "not-found", "nothing is at this path; /api/v1/openapi.json lists what there is"
        case 405:
            headers["Allow"] = ", ".join(sorted(_methods_of(request)))
            slug, detail = "method-not-allowed", f"this path supports {headers['Allow']}"
        case _:
            slug, detail = "http", ""
    return problem(error.status_code, slug, str(error.detail), detail, headers=headers)


def _methods_of(request: Request) -> set[str]:
    """What the path of a request supports. Starlette's own error names the first of its routes alone."""
    methods = {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is Match.PARTIAL
        for method in getattr(route, "methods", None) or ()
    }
    return methods | {"HEAD"} if "GET" in methods else methods


def of_parameters(error: RequestValidationError, method: str) -> tuple[Response, str, str]:
    """The response for parameters of the wrong kind; and its title and detail, for people."""
    items = [
        {"parameter": str(item["loc"][-1]), "in": str(item["loc"][0]), "detail": message_of(item)}
        for item in error.errors()[:20]
    ]
    title = _title(INVALID, "The input is not valid", method)
    named = "; ".join(f"{item['parameter']}: {item['detail']}" for item in items)
    return problem(422, INVALID, title, named, errors=items), title, named


FAILED = ("An error inside Corral", "The log tells more under this request id.")
"""Title and detail of the answer to a request that met an unexpected error."""


def failed(_request: Request, request_id: str) -> Response:
    """The response for an unexpected error."""
    return problem(500, "internal", *FAILED, request_id=request_id)


def of_items(items: Sequence[Mapping[str, Any]]) -> errors.InvalidInput:
    """Corral's error for Pydantic's errors, with a pointer into the body for each."""
    return errors.InvalidInput(*(FieldError(pointer(item["loc"]), message_of(item)) for item in items[:20]))


def pointer(location: Iterable[str | int]) -> str:
    """The JSON pointer of a location in Pydantic's form. Source: RFC 6901."""
    return "".join(f"/{escape(str(part))}" for part in location)


def install(app: FastAPI) -> None:
    """Answer every error of this application with a problem."""

    async def corral_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CorralError)
        return of(error, request.method)

    async def validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return of_parameters(error, request.method)[0]

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return of_http(error, request)

    app.add_exception_handler(CorralError, corral_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)


def _extra(error: CorralError) -> dict[str, Any]:  # noqa: PLR0911  # a row each
    match error:
        case InvalidParameter():
            return {"errors": [{"parameter": item.pointer, "detail": item.message} for item in error.errors]}
        case errors.InvalidInput():
            return {"errors": [{"pointer": item.pointer, "detail": item.message} for item in error.errors]}
        case errors.OutcomeUnknown():
            return {"ids": [str(job_id) for job_id in error.ids[:100]]}
        case refusals.LimitFull():
            return {"refused": [_refused(one) for one in error.refused[:MAX_REFUSED]]}
        case refusals.Duplicate():
            return _of_duplicate(error)
        case errors.Unavailable():
            return {"dependency": error.dependency}
        case _:
            return {}


def _refused(one: RefusedJob) -> dict[str, Any]:
    return {
        "index": one.index,
        "limit": one.limit,
        "key": one.key,
        "running": one.running,
        "waiting": one.waiting,
        "may": one.may,
        "holders": [str(holder) for holder in one.holders],
        "detail": str(one),
    }


def _of_duplicate(error: refusals.Duplicate) -> dict[str, Any]:
    """What is refused, by which rule, and who holds the key."""
    first = error.found[0]
    return {
        "deduplicated": "refused",
        "job": {"id": str(first.job)},
        "rule": first.rule,
        "unique_key": first.key,
        "errors": [
            {
                "pointer": f"/jobs/{one.index}" if error.size > 1 else "",
                "detail": f"job {one.job} holds its key",
                "job": str(one.job),
            }
            for one in error.found[:100]
        ],
    }


def _headers(error: CorralError, status: int) -> dict[str, str] | None:
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="corral"'}
    if isinstance(error, refusals.RateExceeded):
        seconds = max(1, math.ceil(error.seconds))
        return {
            "Retry-After": str(seconds),
            "RateLimit": f'"{error.name}";r=0;t={seconds}',
            "RateLimit-Policy": error.rate.policy(error.name),
        }
    if status in (429, 503):
        return {"Retry-After": str(RETRY_SECONDS)}
    if isinstance(error, errors.TooLarge | SlowBody):
        return {"Connection": "close"}  # nobody waits for the rest of the body
    return None
