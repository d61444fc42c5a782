"""One attempt, from claimed to finished: a value that goes through named steps."""

import asyncio
import random
import time
from typing import Any
from uuid import UUID

from corral.catalog import JobType
from corral.job.job import Claimed
from corral.job.options import Executor
from corral.job.outcome import Finished
from corral_worker.ending import Ending, Stop, outcome_of

MAX_LINES = 1_000
"""Log lines of one attempt; further ones are counted."""
MAX_LINE = 4_000
"""Characters of one of them."""

_chance = random.Random()  # noqa: S311  # jitter needs no secrecy


class Execution:
    """An attempt that this worker holds. Lives on the event loop; `stop` is read from other threads."""

    __slots__ = (
        "abandoned",
        "armed",
        "artifacts",
        "begun",
        "claimed",
        "declared",
        "ended",
        "ending",
        "executor",
        "lines_dropped",
        "lines_taken",
        "refused",
        "started",
        "stop",
        "task",
    )

    def __init__(self, claimed: Claimed, declared: JobType[Any, Any]) -> None:
        self.claimed = claimed
        self.declared = declared
        self.executor: Executor = declared.options.executor
        self.started = time.monotonic()
        self.ended: float | None = None
        self.stop: Stop | None = None
        self.ending: Ending | None = None
        self.armed = False
        """Whether its handler has started, and with it its timeout."""
        self.begun = False
        """Whether its coroutine runs: one that was cancelled before never would, and so never end."""
        self.abandoned = False
        self.task: asyncio.Task[None] | None = None
        self.artifacts: dict[str, UUID] = {}
        """Ids of the files it wrote, by name; they become visible with its success."""
        self.refused = False
        """Whether Postgres refused its outcome once."""
        self.lines_taken = 0
        self.lines_dropped = 0

    @property
    def expires(self) -> float | None:
        """When its timeout strikes, as a `time.monotonic()` reading."""
        timeout = self.claimed.timeout
        return None if timeout is None else self.started + timeout

    def finished(self) -> Finished:
        """What to write about it, once it has ended."""
        assert self.ending is not None
        outcome = outcome_of(self.ending, self.stop, self.claimed, self.declared.options.backoff, _chance)
        return Finished(self.claimed.id, self.claimed.attempt, outcome)
