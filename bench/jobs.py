"""The job types of the benchmarks: one that reads the clock, and one that is handled a hundred at a time."""

from typing import Any

from pydantic import BaseModel

from corral.catalog.declaration import JobType, job_type
from corral.job.batch import Batch

clock: JobType[Any, Any] = job_type(
    "bench.clock", queue="bench", description="Returns when its handler started."
)


class Item(BaseModel):
    """What one job stores."""

    number: int
    text: str


store_item = job_type(
    "bench.item",
    payload=Item,
    queue="bench",
    batch=Batch(size=100, wait=1),
    description="Stores an item: those of one batch in one statement.",
)
