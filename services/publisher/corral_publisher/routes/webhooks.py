"""Webhooks: list, make, change, enable, disable, test, rotate, delete; their deliveries, and sending them again."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.errors import FieldError
from corral.ids import parse_id
from corral.webhook.delivery import DeliveryStatus
from corral_publisher.models.webhooks import (
    NewWebhook,
    WebhookDeliveryPage,
    WebhookDeliveryView,
    WebhookMade,
    WebhookPage,
    WebhookPatch,
    WebhookReason,
    WebhookReplay,
    WebhookReplayed,
    WebhookRotation,
    WebhookView,
    delivery_view,
    webhook_view,
)
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Admin, Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.requests.parameters import Cursor, InvalidParameter, Limit
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(prefix=PREFIX, tags=["webhooks"], route_class=ApiRoute)

_ONE = {200: {"model": WebhookView}, **failures(404)}
_CHANGED = {200: {"model": WebhookView}, **failures(400, 404, 408, 409, 413)}


@router.get("/webhooks", summary="All webhooks", responses={200: {"model": WebhookPage}, **failures()})
async def list_webhooks(
    request: Request,
    _: Viewer,
    limit: Limit = 50,
    cursor: Annotated[str, Query(max_length=100, description="`next` of the page before.")] = "",
) -> Response:
    """List webhooks by name."""
    found = await services_of(request).store.webhooks.page(cursor, limit)
    following = found[-1].name if len(found) == limit else None
    return answer({"items": [webhook_view(one) for one in found], "next": following})


@router.post(
    "/webhooks",
    summary="Make one",
    status_code=201,
    openapi_extra=body(NewWebhook),
    responses={201: {"model": WebhookMade}, **failures(400, 408, 409, 413)},
)
async def create_webhook(request: Request, caller: Admin) -> Response:
    """Make a webhook. The answer holds its secret, this once. It is told of jobs that end from now on.

    The first webhook of an installation is told of jobs that end more than one heartbeat of the workers (5 s) later.
    """
    services = services_of(request)
    wanted = checked(NewWebhook, await read_json(request, services))
    made = await services.webhooks.create(wanted.name, wanted.given(), caller.name, secret=wanted.secret)
    location = {"Location": f"{PREFIX}/webhooks/{wanted.name}"}
    return answer(webhook_view(made.webhook) | {"secret": made.secret}, 201, location)


@router.get("/webhooks/{name}", summary="One webhook", responses=_ONE)
async def get_webhook(request: Request, name: str, _: Viewer) -> Response:
    """Return the webhook as it is now."""
    return answer(webhook_view(await services_of(request).store.webhooks.get(name)))


@router.patch("/webhooks/{name}", summary="Change it", openapi_extra=body(WebhookPatch), responses=_CHANGED)
async def patch_webhook(request: Request, name: str, caller: Admin) -> Response:
    """Change what is named; null is the default. It counts for jobs that end from now on."""
    services = services_of(request)
    patch = checked(WebhookPatch, await read_json(request, services))
    return answer(webhook_view(await services.webhooks.change(name, patch.given(), caller.name)))


@router.delete("/webhooks/{name}", summary="Delete it", status_code=204, responses=failures(404))
async def delete_webhook(request: Request, name: str, caller: Admin) -> Response:
    """Delete the webhook with its secrets and deliveries."""
    await services_of(request).webhooks.delete(name, caller.name)
    return Response(status_code=204)


@router.post("/webhooks/{name}/enable", summary="Enable it", responses=_ONE)
async def enable_webhook(request: Request, name: str, caller: Operator) -> Response:
    """Tell it of jobs again. What it missed while it was disabled was not stored; what was skipped can be replayed."""
    return answer(webhook_view(await services_of(request).webhooks.enable(name, caller.name)))


@router.post(
    "/webhooks/{name}/disable",
    summary="Disable it",
    openapi_extra=body(WebhookReason, required=False),
    responses=_CHANGED,
)
async def disable_webhook(request: Request, name: str, caller: Operator) -> Response:
    """Tell it nothing until it is enabled; what is still to be sent is skipped."""
    services = services_of(request)
    reason = checked(WebhookReason, await _sent(request, services)).reason
    return answer(webhook_view(await services.webhooks.disable(name, reason, caller.name)))


@router.post(
    "/webhooks/{name}/rotate",
    summary="Give it a new secret",
    openapi_extra=body(WebhookRotation, required=False),
    responses={200: {"model": WebhookMade}, **failures(400, 404, 408, 409, 413)},
)
async def rotate_webhook(request: Request, name: str, caller: Admin) -> Response:
    """Sign with a new secret, which the answer holds this once; for a while the old one signs, too."""
    services = services_of(request)
    wanted = checked(WebhookRotation, await _sent(request, services))
    made = await services.webhooks.rotate(name, caller.name, secret=wanted.secret, overlap=wanted.overlap)
    return answer(webhook_view(made.webhook) | {"secret": made.secret})


@router.post(
    "/webhooks/{name}/test",
    summary="Send it a test",
    status_code=202,
    responses={202: {"model": WebhookDeliveryView}, **failures(404)},
)
async def test_webhook(request: Request, name: str, caller: Operator) -> Response:
    """Send the event `webhook.test` once, also while it is disabled. Its delivery says what came of it."""
    made = await services_of(request).webhooks.test(name, caller.name)
    return answer(delivery_view(made), 202, _location(name, made.id))


@router.post(
    "/webhooks/{name}/replay",
    summary="Send deliveries again",
    openapi_extra=body(WebhookReplay),
    responses={200: {"model": WebhookReplayed}, **failures(400, 404, 408, 413)},
)
async def replay_webhook(request: Request, name: str, caller: Operator) -> Response:
    """Send all since a time again that failed or was skipped, under the same ids; with `delivered` all."""
    services = services_of(request)
    wanted = checked(WebhookReplay, await read_json(request, services))
    count = await services.webhooks.replay_since(name, wanted.since, caller.name, delivered=wanted.delivered)
    return answer({"deliveries": count})


@router.get(
    "/webhooks/{name}/deliveries",
    summary="Its deliveries",
    responses={200: {"model": WebhookDeliveryPage}, **failures(404)},
)
async def list_deliveries(
    request: Request,
    name: str,
    _: Viewer,
    status: Annotated[str, Query(description="pending, delivered, failed or skipped.")] = "",
    limit: Limit = 50,
    before: Cursor = None,
) -> Response:
    """List what was and is sent to it, newest first. Deliveries are kept for CORRAL_WEBHOOK_DAYS."""
    store = services_of(request).store
    await store.webhooks.get(name)
    found = await store.webhook_history.page(name, status=_status(status), before=before, limit=limit)
    following = found[-1].id if len(found) == limit else None
    return answer({"items": [delivery_view(one) for one in found], "next": following})


@router.get(
    "/webhooks/{name}/deliveries/{delivery_id}",
    summary="One delivery",
    responses={200: {"model": WebhookDeliveryView}, **failures(404)},
)
async def get_delivery(request: Request, name: str, delivery_id: str, _: Viewer) -> Response:
    """Return the delivery as it is now."""
    store = services_of(request).store
    return answer(delivery_view(await store.webhook_history.get(name, id_of(delivery_id))))


@router.post(
    "/webhooks/{name}/deliveries/{delivery_id}/replay",
    summary="Send it again",
    status_code=202,
    responses={202: {"model": WebhookDeliveryView}, **failures(404, 409)},
)
async def replay_delivery(request: Request, name: str, delivery_id: str, caller: Operator) -> Response:
    """Send it again under the same id, whatever came of it before."""
    again = await services_of(request).webhooks.replay(name, id_of(delivery_id), caller.name)
    return answer(delivery_view(again), 202, _location(name, again.id))


@router.get(
    "/jobs/{job_id}/deliveries",
    summary="What webhooks were told of it",
    responses={200: {"model": WebhookDeliveryPage}, **failures(404)},
)
async def job_deliveries(request: Request, job_id: str, _: Viewer) -> Response:
    """List the newest 200 deliveries about a job, also of one that is removed."""
    found = await services_of(request).store.webhook_history.of_job(parameters.job_id(job_id))
    return answer({"items": [delivery_view(one) for one in found], "next": None})


async def _sent(request: Request, services: PublisherServices) -> Any:
    """The body of a request that may have none."""
    headers = request.headers
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return {} if empty else await read_json(request, services)


def id_of(text: str) -> UUID:
    """The id of a delivery in a path; of what is none, one that does not exist."""
    return parse_id(text) or UUID(int=0)


def _status(text: str) -> DeliveryStatus | None:
    if not text:
        return None
    try:
        return DeliveryStatus(text)
    except ValueError:
        known = ", ".join(DeliveryStatus)
        raise InvalidParameter(FieldError("status", f"{text[:50]!r} is no status; known: {known}")) from None


def _location(name: str, delivery: UUID) -> dict[str, str]:
    return {"Location": f"{PREFIX}/webhooks/{name}/deliveries/{delivery}"}
