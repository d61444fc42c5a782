"""Job types: how a team declares them, what a program knows of them, how payloads are checked."""

from corral.catalog.catalog import Catalog
from corral.catalog.declaration import JobType, job, job_type
from corral.catalog.record import TypeRecord

__all__ = ["Catalog", "JobType", "TypeRecord", "job", "job_type"]
