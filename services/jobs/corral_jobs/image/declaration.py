"""The declaration of `image.process`."""

from corral.catalog.declaration import JobType, job_type
from corral.job.backoff import Exponential
from corral.job.options import Executor
from corral_jobs.image.request import ImageRequest
from corral_jobs.image.result import ImageResult

MEMORY_MIB = 512
"""Two attempts at once fit into the chart's pool `cpu` beside the worker itself."""

process: JobType[ImageRequest, ImageResult] = job_type(
    "image.process",
    payload=ImageRequest,
    result=ImageResult,
    queue="images",
    retries=3,
    backoff=Exponential(2),
    timeout=120,
    executor=Executor.PROCESS,
    memory_limit=MEMORY_MIB,
    search=["upload"],  # an upload is kept as long as there is a job that names it
    description="Resizes, crops, turns upright and converts a picture; makes several sizes at once.",
)
