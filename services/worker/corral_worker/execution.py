"""One attempt, from claimed to finished: what is known of it, and the outcome that its end makes.

The outcome is decided once, when the handler has ended; whoever writes it later only writes.
"""

import asyncio
import math
import random
import time
from enum import Enum
from typing import Any
from uuid import UUID

from corral.catalog import JobType
from corral.job import backoff as backoffs
from corral.job.job import Claimed
from corral.job.limits import MAX_DELAY_SECONDS
from corral.job.options import Executor
from corral.job.outcome import Cancelled, Erred, Exhausted, Finished, JobError, Outcome, Released, Succeeded
from corral_worker import attribution, stack
from corral_worker.event_loop import OwnedTask
from corral_worker.failure import child_died, timed_out
from corral_worker.handler_call import Died, Ending, Raised, RequestedOutcome, Returned
from corral_worker.stack import Stack

MAX_LINES = 1_000
"""Log lines of one attempt; further ones are counted."""
MAX_LINE = 4_000
"""Characters of one of them."""

_chance = random.Random()  # noqa: S311  # jitter needs no secrecy


class Stop(Enum):
    """Why an attempt was told to stop."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"
    RELEASE = "release"
    LOST = "lost"
    """The job is no longer this worker's: whatever the handler does is not written."""


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

    def finish(self, ending: Ending) -> Finished:
        """Its handler has ended so: what to write about it. An ending that could not be stored is replaced."""
        if self.ended is None:
            self.ended = time.monotonic()
        self.ending = ending
        self.finished = self._decided(ending)
        return self.finished

    def _decided(self, ending: Ending) -> Finished:
        outcome = outcome_of(
            ending, self.stop, self.claimed, self.declared.options.backoff, _chance, seen=self.seen
        )
        if isinstance(outcome, Erred) and outcome.retry_in < self.not_before:
            outcome = Erred(outcome.error, self.not_before)
        return Finished(self.claimed.id, self.claimed.attempt, outcome)


def outcome_of(
    ending: Ending,
    stop: Stop | None,
    claimed: Claimed,
    backoff: backoffs.Backoff,
    chance: random.Random,
    *,
    seen: JobError | None = None,
) -> Outcome:
    """The outcome of an attempt that was not lost.

    A success under way wins over a cancel and over a release (rule 19), not over a timeout.

    Args:
        ending: how the handler ended.
        stop: why it was told to stop, if it was.
        claimed: its job.
        backoff: of its job type.
        chance: for the jitter.
        seen: its timeout as an error, where it was seen to go on past it.
    """
    match stop:
        case Stop.TIMEOUT:
            return _erred(claimed, seen or _timeout(ending, claimed), backoff, chance)
        case Stop.CANCEL if not isinstance(ending, Returned):
            return Cancelled("a cancel was requested")
        case Stop.RELEASE | Stop.LOST if not isinstance(ending, Returned):
            return Released("the worker is stopping")
        case _:
            return _own(ending, claimed, backoff, chance)


def _own(ending: Ending, claimed: Claimed, backoff: backoffs.Backoff, chance: random.Random) -> Outcome:
    """The outcome of a handler that ended by itself."""
    match ending:
        case Returned(result=result):
            return Succeeded(result)
        case Died(exitcode=exitcode):
            return _erred(claimed, child_died(exitcode), backoff, chance)
        case Raised(error=error, requested=RequestedOutcome.DISCARD):
            return Exhausted(error)
        case Raised(error=error, requested=RequestedOutcome.CANCEL):
            return Cancelled(error.message)
        case Raised(error=error, after=after):
            return _erred(claimed, error, backoff, chance, after)


def _erred(
    claimed: Claimed,
    error: JobError,
    backoff: backoffs.Backoff,
    chance: random.Random,
    after: float | None = None,
) -> Outcome:
    errors = claimed.errors + 1
    if errors > claimed.retries:
        return Exhausted(error)
    if after is None:
        return Erred(error, backoffs.wait(backoff, errors, chance))
    return Erred(error, min(max(0.0, after), MAX_DELAY_SECONDS))


def _timeout(ending: Ending, claimed: Claimed) -> JobError:
    """The error of a timeout, with the place where the handler was, as far as that can be told."""
    seconds = claimed.timeout or 0.0
    if isinstance(ending, Raised):
        return timed_out(seconds, Stack(ending.error.place, ending.error.traceback))
    return timed_out(seconds)
