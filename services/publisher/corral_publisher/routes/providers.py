"""Providers: the services of others that jobs call; setting and removing them."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral_publisher.models.providers import ProviderPage, ProviderPatch, ProviderView
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Admin, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import services_of
from corral_publisher.views import providers as provider_board

router = APIRouter(prefix=PREFIX, tags=["providers"], route_class=ApiRoute)


@router.get("/providers", summary="All providers", responses={200: {"model": ProviderPage}, **failures()})
async def list_providers(request: Request, _: Viewer) -> Response:
    """List the services of others that jobs call, with what each allows and what is in use."""
    return answer({"items": await provider_board.all_providers(services_of(request)), "next": None})


@router.get(
    "/providers/{name}", summary="One provider", responses={200: {"model": ProviderView}, **failures(404)}
)
async def get_provider(request: Request, name: str, _: Viewer) -> Response:
    """Return the provider as it is now. Of a secret it says where it is."""
    return answer(await provider_board.one_provider(services_of(request), name))


@router.patch(
    "/providers/{name}",
    summary="Set its values",
    openapi_extra=body(ProviderPatch),
    responses={200: {"model": ProviderView}, **failures(400, 408, 413)},
)
async def patch_provider(request: Request, name: str, caller: Admin) -> Response:
    """Set values over those that code declares, or make a provider. In force for every call from then on.

    Only administrators may: who names an address and where a secret is decides where that secret is sent.
    """
    services = services_of(request)
    patch = checked(ProviderPatch, await read_json(request, services))
    await services.providers.set(name, patch.values, caller.name, reason=patch.reason)
    return answer(await provider_board.one_provider(services, name))


@router.delete("/providers/{name}", summary="Remove it", status_code=204, responses=failures(404))
async def remove_provider(request: Request, name: str, caller: Admin) -> Response:
    """Remove the provider: jobs that call it fail. One that code declares comes back when its types are registered."""
    await services_of(request).providers.remove(name, caller.name)
    return Response(status_code=204)
