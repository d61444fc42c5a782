"""Priorities and the lanes of a queue."""

from enum import StrEnum


class Priority(StrEnum):
    """How urgent a job is among its queue's; stored as text in `jobs.priority`."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @classmethod
    def read(cls, stored: str) -> "Priority":
        """The stored priority. One that this release does not know counts as normal, so that the job still runs."""
        return _KNOWN.get(stored, cls.NORMAL)


_KNOWN = {priority.value: priority for priority in Priority}


PRIORITIES = (Priority.CRITICAL, Priority.HIGH, Priority.NORMAL, Priority.LOW)
"""Most urgent first: the order in which a worker looks."""
