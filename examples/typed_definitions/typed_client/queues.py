# Made by corral codegen; the next run overwrites it.
"""The queues, and what code declares for them and for the job types in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal


@dataclass(frozen=True)
class Queue:
    """A queue: the job types that may be in it, and the options that are declared. A type's go before the queue's."""

    name: str
    job_types: tuple[str, ...]
    declared: dict[str, Any]
    """Of the queue."""
    options: dict[str, dict[str, Any]]
    """By job type."""


QueueName = Literal["database", "emails"]

DATABASE: Final = Queue(
    name="database",
    job_types=("database.clean",),
    declared={},
    options={
        "database.clean": {
            "delay": 5.0,
            "keep_failed": {"seconds": None, "count": 10},
            "keep_finished": {"seconds": None, "count": 10},
            "limits": ["clean-ups", "clean-ups-now-and-then"],
            "queue": "database",
        },
    },
)

EMAILS: Final = Queue(
    name="emails",
    job_types=("email.welcome",),
    declared={},
    options={
        "email.welcome": {
            "backoff": {
                "kind": "exponential",
                "seconds": 2,
                "factor": 2.0,
                "jitter": 0.0,
                "cap": 31622400.0,
            },
            "keep_failed": {"seconds": None, "count": 50},
            "keep_finished": {"seconds": None, "count": 100},
            "limits": ["welcome-mails", "welcome-mails-a-minute"],
            "queue": "emails",
            "retries": 2,
        },
    },
)

QUEUES: Final[tuple[Queue, ...]] = (DATABASE, EMAILS)
"""All of them."""
