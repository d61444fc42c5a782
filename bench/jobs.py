"""The job type with which the benchmarks read the clock."""

from typing import Any

from corral.catalog.declaration import JobType, job_type

clock: JobType[Any, Any] = job_type(
    "bench.clock", queue="bench", description="Returns when its handler started."
)
