"""A worker's starts anew, as its log tells them, by its own clock."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

EVENTS = ("worker.stopping", "worker.stopped", "worker.ready")


@dataclass(frozen=True)
class Restart:
    """One stop and the start after it."""

    stopping: float
    """Seconds from being told to stop until its jobs were given back."""
    starting: float
    """Seconds from then until the next process claims."""

    @classmethod
    def of(cls, log: str) -> list[Self]:
        """All of them, the oldest first."""
        found: list[Self] = []
        times: dict[str, float] = {}
        for line in log.splitlines():
            said = json.loads(line) if line.startswith("{") else {}
            if (event := said.get("event")) in EVENTS:
                times[event] = datetime.fromisoformat(said["timestamp"]).timestamp()
            if event == "worker.ready" and len(times) == len(EVENTS):
                stopping, stopped, ready = (times[one] for one in EVENTS)
                found.append(cls(stopped - stopping, ready - stopped))
                times.clear()
        return found
