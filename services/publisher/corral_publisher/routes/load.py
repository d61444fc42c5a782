"""Load tests: many jobs in one call, to watch workers scale. Needs the role admin."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.actions.submissions.load_test import LoadTestPart
from corral_publisher.models.pools import LoadAnswer
from corral_publisher.models.requests import LoadRequest
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Admin
from corral_publisher.requests.checked import checked
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["load"], route_class=ApiRoute)


@router.post(
    "/load",
    status_code=201,
    summary="Start a load test",
    openapi_extra=body(LoadRequest),
    responses={201: {"model": LoadAnswer}, **failures(400, 408, 413)},
)
async def start_load(request: Request, caller: Admin) -> Response:
    """Store up to 10,000 jobs of several types in one transaction; they become due evenly over some seconds."""
    services = services_of(request)
    wanted = checked(LoadRequest, await read_json(request, services))
    mix = {name: LoadTestPart(part.share, part.payload) for name, part in wanted.mix.items()}
    load = await services.loads.start(mix, wanted.count, wanted.over, caller)
    return answer(
        {"id": load.id, "tag": load.tag, "count": load.count, "over": load.over},
        201,
        {"Location": f"{PREFIX}/jobs?tag={load.tag}"},
    )
