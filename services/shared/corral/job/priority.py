"""Priorities and the lanes of a queue."""

from enum import StrEnum


class Priority(StrEnum):
    """How urgent a job is among its queue's; stored as text in `jobs.priority`."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


PRIORITIES = (Priority.CRITICAL, Priority.HIGH, Priority.NORMAL, Priority.LOW)
"""Most urgent first: the order in which a worker looks."""
