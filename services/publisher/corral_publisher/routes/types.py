"""Registered job types."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.actions.existing import existing
from corral.catalog.options_json import options_to_json
from corral.catalog.precedence import PLAIN, QueueOverrides, settle
from corral.catalog.record import TypeRecord
from corral_publisher.models.options import TypePatch
from corral_publisher.models.responses import TypePage, TypeView
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(prefix=PREFIX, tags=["types"], route_class=ApiRoute)


@router.get("/types", summary="All job types", responses={200: {"model": TypePage}, **failures()})
async def list_types(request: Request, _: Viewer) -> Response:
    """List every registered type with its schemas (JSON Schema 2020-12), its options and who set each."""
    services = services_of(request)
    records = await services.store.types.all()
    queues = {queue.name: queue.options for queue in await services.store.queues.list()}
    return answer({"items": [await _view(services, record, queues) for record in records], "next": None})


@router.get("/types/{name}", summary="One job type", responses={200: {"model": TypeView}, **failures(404)})
async def get_type(request: Request, name: str, _: Viewer) -> Response:
    """Return the type of that name."""
    services = services_of(request)
    record = existing(await services.store.types.get(name), "job type", name)
    return await _answer(services, record)


@router.patch(
    "/types/{name}",
    summary="Set its options",
    openapi_extra=body(TypePatch),
    responses={200: {"model": TypeView}, **failures(400, 404, 408, 413)},
)
async def patch_type(request: Request, name: str, caller: Operator) -> Response:
    """Set options over those that code declares, for later submissions. They survive deploys; null takes one back."""
    services = services_of(request)
    patch = checked(TypePatch, await read_json(request, services))
    overrides = patch.overrides.model_dump(mode="json", exclude_unset=True)
    record = await services.type_actions.set(name, overrides, caller.name)
    return await _answer(services, record)


@router.post(
    "/types/{name}/reset",
    summary="Remove what an operator set",
    responses={200: {"model": TypeView}, **failures(404)},
)
async def reset_type(request: Request, name: str, caller: Operator) -> Response:
    """Take back every option that was set: what code declares counts again."""
    services = services_of(request)
    return await _answer(services, await services.type_actions.reset(name, caller.name))


async def _answer(services: PublisherServices, record: TypeRecord) -> Response:
    queue = await services.store.queues.get(record.parsed_options.queue)
    return answer(await _view(services, record, {queue.name: queue.options} if queue else {}))


async def _view(
    services: PublisherServices, record: TypeRecord, queues: Mapping[str, QueueOverrides]
) -> dict[str, Any]:
    known = (await services.types.all()).types.get(record.name)
    queue = queues.get(record.parsed_options.queue, PLAIN)
    settled = settle(record.options, queue, services.settings.installation_options, record.overrides)
    return {
        "name": record.name,
        "version": record.version,
        "description": record.description,
        "payload_schema": record.payload_schema,
        "result_schema": record.result_schema,
        "options": options_to_json(settled.options),
        "overrides": record.overrides,
        "sources": settled.sources,
        "judged_by_worker": list(map(str, known.validator.unjudged)) if known else [],
    }
