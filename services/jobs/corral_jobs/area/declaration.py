"""The declarations of `area.fetch` and `area.measure`."""

from corral.catalog.declaration import JobType, job_type
from corral.job.backoff import Exponential
from corral.job.options import Executor
from corral.job.unique import Unique
from corral_jobs.area.request import AreaRequest, MeasureRequest
from corral_jobs.area.result import FetchedArea, MeasuredArea
from corral_jobs.provider.declaration import slots

QUEUE = "areas"
MEMORY_MIB = 512
"""As for pictures: two attempts at once fit into the chart's pool `cpu`."""

fetch_area: JobType[AreaRequest, FetchedArea] = job_type(
    "area.fetch",
    payload=AreaRequest,
    result=FetchedArea,
    queue=QUEUE,
    retries=5,
    backoff=Exponential(2),
    timeout=3_600,
    limits=[slots],
    unique=Unique(),  # identical ones that are asked for at the same time are one
    search=["provider"],
    description="Asks an Overpass-style provider for what is in a box, within what the provider allows, then has it measured.",
)

measure_area: JobType[MeasureRequest, MeasuredArea] = job_type(
    "area.measure",
    payload=MeasureRequest,
    result=MeasuredArea,
    queue=QUEUE,
    retries=2,
    backoff=Exponential(2),
    timeout=300,
    executor=Executor.PROCESS,
    memory_limit=MEMORY_MIB,
    description="Measures and draws what a job of area.fetch kept: areas on the ellipsoid, as GeoJSON and a drawing.",
)
