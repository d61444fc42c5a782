"""The status of a local system, for the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass

from corral.scaling.signal import QueueSignal


@dataclass(frozen=True, slots=True)
class Ready:
    """Reported once, when everything is ready."""

    url: str
    sign_in: str
    key: str
    prepared_in: float
    """Seconds from start to ready."""


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """Reported every second."""

    queues: Mapping[str, QueueSignal] | None
    """The backlog of each queue; None where the signal is lost."""
    workers: int
    leaving: int
    restarts: int
    reason: str
    """Why the pool is as large as it is: the newest decision's reason."""

    def in_words(self) -> str:
        """The status in one line."""
        if self.queues is None:
            backlog = "queues: unknown (no signal)"
        else:
            busy = {n: q for n, q in sorted(self.queues.items()) if q.waiting or q.running or q.due_soon}
            told = (f"{name} {q.waiting:,} queued, {q.running:,} running" for name, q in busy.items())
            backlog = f"queues: {' · '.join(told) or 'empty'}"
        leaving = f" ({self.leaving} finishing)" if self.leaving else ""
        restarts = f" | restarts: {self.restarts}" if self.restarts else ""
        return f"{backlog} | workers: {self.workers}{leaving}{restarts} | {self.reason}"
