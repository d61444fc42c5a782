"""One attempt, from claimed to finished: a value that goes through named steps.

Its outcome is decided once, when its handler has ended; whoever writes it later only writes.
"""

import asyncio
import math
import random
import time
from typing import Any
from uuid import UUID

from corral.catalog import JobType
from corral.job.job import Claimed
from corral.job.options import Executor
from corral.job.outcome import Erred, Finished, JobError
from corral_worker import attribution, stack
from corral_worker.ending import Ending, Raised, Stop, outcome_of
from corral_worker.event_loop import OwnedTask
from corral_worker.failure import timed_out

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
        "exit",
        "finished",
        "lines_dropped",
        "lines_taken",
        "not_before",
        "refused",
        "seen",
        "started",
        "stop",
        "task",
        "thread",
    )

    def __init__(self, claimed: Claimed, declared: JobType[Any, Any]) -> None:
        self.claimed = claimed
        self.declared = declared
        self.executor: Executor = declared.options.executor
        self.started = time.monotonic()
        self.ended: float | None = None
        self.stop: Stop | None = None
        self.ending: Ending | None = None
        self.finished: Finished | None = None
        """What to write about it, once it has ended."""
        self.armed = False
        """Whether its handler has started, and with it its timeout."""
        self.begun = False
        """Whether its coroutine runs: one that was cancelled before never would, and so never end."""
        self.abandoned = False
        self.exit: BaseException | None = None
        """What its code raised, in a task or callback of its own, to end the process."""
        self.task: asyncio.Task[None] | None = None
        self.thread: int | None = None
        """The thread that runs its handler, as `threading.get_ident()` says, while it does."""
        self.seen: JobError | None = None
        """Its timeout as an error, with the line at which it was seen to go on."""
        self.not_before = 0.0
        """Seconds that the next try waits at least: its handler may still run here for so long."""
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

    @property
    def over_for(self) -> float:
        """Seconds since its timeout was due; negative before, and without one."""
        expires = self.expires if self.armed else None
        return -math.inf if expires is None else time.monotonic() - expires

    @property
    def past_timeout(self) -> bool:
        """Whether it was told that its time is over."""
        return self.stop is Stop.TIMEOUT

    def own(self) -> None:
        """What runs in the present task from here on, and what it starts, is this attempt's."""
        attempt = (self.claimed.id, self.claimed.attempt)
        attribution.belong_to(attempt)
        task = asyncio.current_task()
        if isinstance(task, OwnedTask):
            task.owner = attempt

    def look(self) -> None:
        """See where a handler is that goes on past its timeout."""
        if self.thread is not None:
            found = stack.of_thread(self.thread)
        else:
            found = stack.of_task(self.task) if self.task is not None else None
        self.seen = timed_out(self.claimed.timeout or 0.0, found)

    def overdue_error(self) -> JobError:
        """Its timeout as an error."""
        return self.seen or timed_out(self.claimed.timeout or 0.0)

    def overdue(self) -> Finished:
        """How it ends if its worker is lost while its handler goes on past its timeout."""
        return self._decided(Raised(self.overdue_error()))

    def end(self, ending: Ending) -> None:
        """Its handler has ended so; an ending that could not be stored is replaced."""
        if self.ended is None:
            self.ended = time.monotonic()
        self.ending = ending
        self.finished = self._decided(ending)

    def _decided(self, ending: Ending) -> Finished:
        outcome = outcome_of(
            ending, self.stop, self.claimed, self.declared.options.backoff, _chance, seen=self.seen
        )
        if isinstance(outcome, Erred) and outcome.retry_in < self.not_before:
            outcome = Erred(outcome.error, self.not_before)
        return Finished(self.claimed.id, self.claimed.attempt, outcome)
