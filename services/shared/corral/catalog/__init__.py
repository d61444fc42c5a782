"""Job types: how a team declares them, what a program knows of them, how payloads are checked."""

from corral.catalog.catalog import Catalog
from corral.catalog.declaration import JobType, job, job_type
from corral.catalog.declared_queue import Queue
from corral.catalog.limits.limit import Limit, Rate
from corral.catalog.record import TypeRecord
from corral.catalog.schedules.declaration import DeclaredSchedule, schedule
from corral.job.batch import Batch
from corral.job.unique import OnDuplicate, Unique

__all__ = [
    "Batch",
    "Catalog",
    "DeclaredSchedule",
    "JobType",
    "Limit",
    "OnDuplicate",
    "Queue",
    "Rate",
    "TypeRecord",
    "Unique",
    "job",
    "job_type",
    "schedule",
]
