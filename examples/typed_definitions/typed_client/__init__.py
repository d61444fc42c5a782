# Made by corral codegen; the next run overwrites it.
"""A typed client of Corral's job types: database.clean, email.welcome.

Made by `corral codegen python`; do not edit, the next run overwrites it.
"""

from .client import AsyncClient, Client
from .queues import QUEUES, Queue
from .runtime import (
    Bulk,
    CorralError,
    Event,
    Job,
    JobNotCompleted,
    Options,
    Problem,
    Submission,
    Unreachable,
)
from .validation import FieldError, InvalidPayload

__all__ = [
    "QUEUES",
    "AsyncClient",
    "Bulk",
    "Client",
    "CorralError",
    "Event",
    "FieldError",
    "InvalidPayload",
    "Job",
    "JobNotCompleted",
    "Options",
    "Problem",
    "Queue",
    "Submission",
    "Unreachable",
]
