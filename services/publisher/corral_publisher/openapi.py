"""Parts of the OpenAPI document that routes share: request bodies that they read themselves, and problems."""

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from corral_publisher.models.areas import AreaBody
from corral_publisher.models.feeds import FeedPatch, ImportRequest, NewFeeds
from corral_publisher.models.limit_slots import SlotRequest
from corral_publisher.models.options import LimitOrder, LimitPatch, QueuePatch, TypePatch
from corral_publisher.models.providers import ProviderPatch
from corral_publisher.models.requests import Bulk, Clean, LoadRequest, ReportsBody, Settlement, Submission
from corral_publisher.models.responses import Problem
from corral_publisher.models.schedules import Backfill, NewSchedule, SchedulePatch, SchedulePause
from corral_publisher.models.webhooks import (
    NewWebhook,
    WebhookPatch,
    WebhookReason,
    WebhookReplay,
    WebhookRotation,
)
from corral_publisher.responses.problems import MEDIA_TYPE

PREFIX = "/api/v1"

MODELS: list[type[BaseModel]] = [
    Submission,
    Bulk,
    QueuePatch,
    TypePatch,
    LimitPatch,
    LimitOrder,
    SlotRequest,
    ProviderPatch,
    AreaBody,
    Clean,
    LoadRequest,
    ReportsBody,
    ImportRequest,
    FeedPatch,
    NewFeeds,
    Settlement,
    Problem,
    NewSchedule,
    SchedulePatch,
    SchedulePause,
    Backfill,
    NewWebhook,
    WebhookPatch,
    WebhookReason,
    WebhookRotation,
    WebhookReplay,
]

_WORDS = {
    400: "The body is not JSON.",
    401: "No key, or one that is not valid.",
    403: "The key's role does not allow this.",
    404: "There is nothing of that name.",
    406: "It has no form that the request accepts.",
    408: "The body did not arrive in time.",
    409: "Not possible in this state; of a submission: a limit is full (`limit-full`), and `refused` names each job and who holds it.",
    410: "The link has expired.",
    413: "The body or the payload is too large.",
    416: "The range lies outside the file.",
    422: "The input is not valid; `errors` names each field.",
    429: "The caller asks more than it may in a time (`rate-exceeded`), or too many jobs wait for a limit (`too-many-waiting`; `refused` names each job). Retry-After says when to ask again.",
    503: "Postgres, Redis or the place of artifacts is not available, or it is not known whether the job was stored (`outcome-unknown`, with its id).",
}


def body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The OpenAPI of a JSON body that the route reads itself."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": reference}}}}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, beside those that every route has."""
    return {
        status: {
            "description": _WORDS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({401, 403, 422, 429, 503, *statuses})
    }


_MODELS: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
    (model, "validation") for model in MODELS
]


def describe(app: FastAPI) -> None:
    """Add the models that no route declares to FastAPI's document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title="Corral",
                version=app.version,
                summary="Background jobs: submit, watch, cancel, retry",
                description=_ABOUT,
                routes=app.routes,
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            )
            _, models = models_json_schema(
                _MODELS,
                ref_template="#/components/schemas/{model}",
            )
            made["components"]["schemas"] = {**models["$defs"], **made["components"].get("schemas", {})}
            _problems_only(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation says


def _problems_only(document: dict[str, Any]) -> None:
    """Replace FastAPI's own response for wrong parameters: Corral answers with a problem."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                operation["responses"]["422"] = failures(422)[422]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


_ABOUT = """
Send a key as `Authorization: Bearer <key>`. Every error is a problem (RFC 9457)
with `type`, `title`, `status` and `detail`; wrong input lists `errors`, each with
a JSON pointer into the body. Times are RFC 3339 in UTC, durations are seconds.
"""
