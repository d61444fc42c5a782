"""The signal: what the leader of maintenance says about the backlog, once a second.

Work is counted in seconds, not in jobs. A reader calls the signal lost when
its sequence has not moved for `LOST_AFTER` of the reader's own clock; an
absent signal is lost, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

LOST_AFTER = 15.0
"""Seconds without a new sequence number after which a reader stops believing the last one."""


@dataclass(frozen=True, slots=True)
class QueueSignal:
    """One queue's backlog."""

    queued: int = 0
    """Jobs that are due and not claimed."""
    running: int = 0
    oldest: float = 0.0
    """Seconds that the oldest due job has waited; 0 where none waits."""
    arrivals: float = 0.0
    """Jobs that became due per second, lately."""
    work: float = 0.0
    """Seconds of work that the queued jobs of known types will take on one slot."""
    unknown: int = 0
    """Queued jobs whose type has not completed often enough to know its time; each counts one slot."""
    due_soon: int = 0
    """Jobs that become due within the time a worker needs to start."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON; what is missing is nothing, what is unknown is left out (another release wrote it)."""
        return cls(
            queued=int(given.get("queued", 0)),
            running=int(given.get("running", 0)),
            oldest=float(given.get("oldest", 0.0)),
            arrivals=float(given.get("arrivals", 0.0)),
            work=float(given.get("work", 0.0)),
            unknown=int(given.get("unknown", 0)),
            due_soon=int(given.get("due_soon", 0)),
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """All queues at one moment."""

    sequence: int
    queues: Mapping[str, QueueSignal]


@dataclass(slots=True)
class Watch:
    """Whether a signal is fresh, by the reader's own monotonic clock."""

    _sequence: int | None = None
    _moved: float = float("-inf")

    def fresh(self, signal: Signal | None, now: float) -> bool:
        """Whether the signal moved within the last `LOST_AFTER` seconds; `now` in monotonic seconds."""
        if signal is not None and signal.sequence != self._sequence:
            self._sequence, self._moved = signal.sequence, now
        return signal is not None and now - self._moved <= LOST_AFTER
