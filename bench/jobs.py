"""The job types of the benchmarks: one that reads the clock, those with limits, and one that is handled a hundred at a time."""

from typing import Any

from pydantic import BaseModel

from corral.catalog.declaration import JobType, job_type
from corral.catalog.limits.limit import Limit
from corral.job.batch import Batch

clock: JobType[Any, Any] = job_type(
    "bench.clock", queue="bench", description="Returns when its handler started."
)
wide = Limit("bench-wide", total=1_000)
"""Never full: what it costs is what a limit costs."""
limited: JobType[Any, Any] = job_type(
    "bench.limited",
    queue="demo",
    limits=[wide],
    description="Returns its payload; every job takes of a limit.",
)


class Call(BaseModel):
    """A call of a customer."""

    customer: str
    seconds: float
    """That it takes."""


customer = Limit("bench-customer", each=2, total=2, by="customer")
"""Both slots are of any customer, and one may have both."""
call = job_type(
    "bench.call", payload=Call, queue="calls", limits=[customer], description="Waits so many seconds."
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
