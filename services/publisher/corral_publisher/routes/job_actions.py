"""POST /jobs/{id}/cancel, /retry, /run-now, and GET /jobs/{id}/why."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.actions.jobs import only
from corral.job.job import Job
from corral_publisher.models.responses import WhyAnswer
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.responses.json_response import answer
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["jobs"], route_class=ApiRoute)

_RESPONSES = {200: {"model": Job}, **failures(404, 409)}


@router.post("/jobs/{job_id}/cancel", summary="Cancel it", responses=_RESPONSES)
async def cancel(request: Request, job_id: str, caller: Operator) -> Response:
    """A waiting job ends at once. A running one is asked to end: `cancel_requested_at` is set until it does."""
    services = services_of(request)
    found = parameters.job_id(job_id)
    only("cancel", await services.jobs.cancel([found], caller.name))
    return answer(await services.jobs.get(found))


@router.post("/jobs/{job_id}/retry", summary="Run it again", responses=_RESPONSES)
async def retry(request: Request, job_id: str, caller: Operator) -> Response:
    """Queue an ended job again, with all its retries. Its earlier attempts are kept."""
    services = services_of(request)
    found = parameters.job_id(job_id)
    only("retry", await services.jobs.retry([found], caller.name))
    return answer(await services.jobs.get(found))


@router.post("/jobs/{job_id}/run-now", summary="Run it before its time", responses=_RESPONSES)
async def run_now(request: Request, job_id: str, caller: Operator) -> Response:
    """Queue a scheduled job now."""
    services = services_of(request)
    found = parameters.job_id(job_id)
    only("run-now", await services.jobs.run_now([found], caller.name))
    return answer(await services.jobs.get(found))


@router.get(
    "/jobs/{job_id}/why",
    summary="Why isn't it running?",
    responses={200: {"model": WhyAnswer}, **failures(404)},
)
async def why(request: Request, job_id: str, _: Viewer) -> Response:
    """Every cause that keeps the job from running, with an action that helps; none for a job that runs or has ended."""
    job, causes = await services_of(request).why.explain(parameters.job_id(job_id))
    return answer({"id": job.id, "state": job.state, "causes": causes})
