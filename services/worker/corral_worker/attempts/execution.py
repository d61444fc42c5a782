"""One attempt, from claimed to finished: what is known of it, and the outcome that its end makes.

The outcome is decided once, when the handler has ended; whoever writes it later only writes.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from corral.catalog import JobType
from corral.job.follow_up import FollowUp
from corral.job.job import Claimed
from corral.job.options import Executor, Options
from corral.job.outcome import (
    Erred,
    Finished,
    JobError,
    Succeeded,
)
from corral_worker.attempts.failure import timed_out
from corral_worker.attempts.handler_call import Ending, Raised, Returned
from corral_worker.attempts.outcomes import Stop, outcome_of, success_of
from corral_worker.own_process import attribution, stack
from corral_worker.own_process.event_loop import OwnedTask

if TYPE_CHECKING:  # it is made of executions
    from corral_worker.batches.execution import BatchExecution

MAX_LINES = 1_000
"""Lines of one attempt's log that are kept; further ones are only counted."""
FOLLOW_UP_BYTES = 1_000
"""As many as a follow-up counts for beside its payload."""
MAX_LINE = 4_000
"""Characters of one line that are kept."""

_chance = random.Random()  # noqa: S311  # jitter needs no secrecy


class Execution:
    """What a worker knows of one attempt that it holds. Belongs to the event loop; `stop` is read from other threads."""

    __slots__ = (
        "abandoned",
        "ahead",
        "armed",
        "artifacts",
        "batch",
        "begun",
        "claimed",
        "declared",
        "ended",
        "ending",
        "executor",
        "exit",
        "finished",
        "follow_ups",
        "held",
        "lines_dropped",
        "lines_taken",
        "not_before",
        "refused",
        "seen",
        "settled",
        "started",
        "stop",
        "task",
        "thread",
    )

    def __init__(
        self,
        claimed: Claimed,
        declared: JobType[Any, Any],
        settled: Callable[[], Options | None] = lambda: None,
    ) -> None:
        """`settled` answers the options that are in force now; None where only the declaration is known."""
        self.claimed = claimed
        self.declared = declared
        self.settled = settled
        self.executor: Executor = declared.options.executor
        self.started = time.monotonic()
        self.ended: float | None = None
        self.stop: Stop | None = None
        self.ending: Ending | None = None
        self.finished: Finished | None = None
        """What to write about it, once it has ended."""
        self.held = False
        """Whether it is ours to write about: from the claim until its outcome is written, or until it is lost."""
        self.armed = False
        """Whether its handler has started, and with it its timeout."""
        self.begun = False
        """Whether its coroutine runs: one that was cancelled before never would, and so never end."""
        self.batch: BatchExecution | None = None
        """The batch that it is part of: one call of the handler runs all of it."""
        self.abandoned = self.ahead = False
        """Whether its handler goes on though it was told to stop; whether it was claimed before it had a slot."""
        self.exit: BaseException | None = None
        """The SystemExit or KeyboardInterrupt that a task or a callback of its handler raised."""
        self.task: asyncio.Task[None] | None = None
        self.thread: int | None = None
        """The thread that runs its handler, as `threading.get_ident()` says, while it does."""
        self.seen: JobError | None = None
        """The error of its timeout with the line where its handler was, once it was seen to go on past it."""
        self.not_before = 0.0
        """Seconds for which the next try waits at least, because its handler may still run here."""
        self.artifacts: dict[str, UUID] = {}
        """Ids of the files it wrote, by name; they become visible with its success."""
        self.follow_ups: list[FollowUp] = []
        """Jobs that its handler announced; they are stored with its outcome."""
        self.refused = False
        """Whether Postgres refused its outcome once."""
        self.lines_taken = 0
        self.lines_dropped = 0

    @property
    def options(self) -> Options:
        """The options in force: an operator may have set others than those of the declaration."""
        return self.settled() or self.declared.options

    @property
    def expires(self) -> float | None:
        """When its timeout strikes, as a `time.monotonic()` reading."""
        timeout = self.claimed.timeout
        return None if timeout is None else self.started + timeout

    @property
    def over_for(self) -> float:
        """Seconds by which it is past its timeout; negative before, and minus infinity without a timeout."""
        expires = self.expires if self.armed else None
        return -math.inf if expires is None else time.monotonic() - expires

    @property
    def size(self) -> int:
        """Characters of its result and of its follow-ups, once it has ended: near enough to bytes."""
        size = len(self.ending.result) if isinstance(self.ending, Returned) and self.ending.result else 0
        if self.finished is not None and self.finished.follow_ups:
            size += sum(len(one.job.payload) + FOLLOW_UP_BYTES for one in self.finished.follow_ups)
        return size

    @property
    def past_timeout(self) -> bool:
        """Whether it was told to stop because of its timeout."""
        return self.stop is Stop.TIMEOUT

    def own(self) -> None:
        """Mark the present task, and what it starts from here on, as this attempt's."""
        attempt = (self.claimed.id, self.claimed.attempt)
        attribution.belong_to(attempt)
        task = self.task or asyncio.current_task()  # one that begins at once is not known yet
        if isinstance(task, OwnedTask):
            task.owner = attempt

    def look(self) -> None:
        """Note the line where its handler is that goes on past its timeout."""
        if self.thread is not None:
            found = stack.of_thread(self.thread)
        else:
            found = stack.of_task(self.task) if self.task is not None else None
        self.seen = timed_out(self.claimed.timeout or 0.0, found)

    def overdue_error(self) -> JobError:
        """The error of its timeout, with the place where the handler was if that is known."""
        return self.seen or timed_out(self.claimed.timeout or 0.0)

    def overdue(self) -> Finished:
        """What is written of it if its worker is lost while its handler goes on past its timeout."""
        return self._decided(Raised(self.overdue_error()))

    def finish(self, ending: Ending) -> Finished:
        """Note how its handler ended; what is to be written of it. Called again where an ending can't be stored."""
        if self.ended is None:
            self.ended = time.monotonic()
        self.ending = ending
        self.finished = self._decided(ending)
        return self.finished

    def _decided(self, ending: Ending) -> Finished:
        claimed = self.claimed
        outcome = success_of(ending, self.stop) or outcome_of(
            ending, self.stop, claimed, self.options.backoff, _chance, seen=self.seen
        )
        if isinstance(outcome, Erred) and outcome.retry_in < self.not_before:
            outcome = Erred(outcome.error, self.not_before)
        # What waits again goes back to its group, of a batch that takes nothing of limits, too.
        grouped = claimed.limit_group is not None and not isinstance(outcome, Succeeded)
        return Finished(
            claimed.id,
            claimed.attempt,
            outcome,
            tuple(self.follow_ups),
            limited=bool(claimed.limits) or grouped,
            unique=claimed.unique,
        )
