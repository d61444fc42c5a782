"""What a job type, or one submission, asks for. Seconds throughout."""

from dataclasses import dataclass, field
from enum import StrEnum

from corral.job import backoff as backoffs
from corral.job.limits import MAX_DELAY_SECONDS, MAX_RETRIES, MAX_TAGS, MAX_TIMEOUT_SECONDS
from corral.job.priority import Priority


class Executor(StrEnum):
    """Where a handler runs."""

    ASYNC = "async"
    """A coroutine on the worker's event loop."""
    THREAD = "thread"
    """A function in a thread: it can't be killed, so a timeout only abandons it."""
    PROCESS = "process"
    """A function in a child process: killed at its timeout."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long ended jobs are kept: until `seconds` old and beyond the newest `count`; None is no bound."""

    seconds: float | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a job type. A submission may override some of them."""

    queue: str = "default"
    queues: frozenset[str] = frozenset()
    """Further queues that a submission may name."""
    priority: Priority = Priority.NORMAL
    retries: int = 3
    """Tries after the first one; only errors use them up."""
    backoff: backoffs.Backoff = backoffs.DEFAULT
    timeout: float | None = 3600.0
    """Seconds one attempt may run; None is no bound."""
    delay: float = 0.0
    expires_in: float | None = None
    """Seconds after which a job that was not claimed is cancelled."""
    max_stalls: int = 2
    """Lost workers that a job survives (suffered alone; protocol rule 24)."""
    tags: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    """Top-level payload fields that jobs can be found by."""
    keep_finished: Retention = field(default_factory=lambda: Retention(seconds=7 * 24 * 3600.0))
    keep_failed: Retention = field(default_factory=lambda: Retention(seconds=30 * 24 * 3600.0))
    executor: Executor = Executor.ASYNC

    def check(self) -> None:
        """Refuse options that make no sense.

        Raises:
            ValueError: an option is out of range; the message names option, value and range.
        """
        backoffs.check(self.backoff)
        if not 0 <= self.retries <= MAX_RETRIES:
            raise ValueError(f"retries: {self.retries} is not between 0 and {MAX_RETRIES}")
        if self.timeout is not None and not 0 < self.timeout <= MAX_TIMEOUT_SECONDS:
            raise ValueError(f"timeout: {self.timeout} s is not above 0 and at most {MAX_TIMEOUT_SECONDS} s")
        if not 0 <= self.delay <= MAX_DELAY_SECONDS:
            raise ValueError(f"delay: {self.delay} s is not between 0 and {MAX_DELAY_SECONDS} s")
        if self.expires_in is not None and not 0 < self.expires_in <= MAX_DELAY_SECONDS:
            raise ValueError(
                f"expires_in: {self.expires_in} s is not above 0 and at most {MAX_DELAY_SECONDS} s"
            )
        if not 0 <= self.max_stalls <= 100:
            raise ValueError(f"max_stalls: {self.max_stalls} is not between 0 and 100")
        if len(self.tags) > MAX_TAGS:
            raise ValueError(f"tags: {len(self.tags)} tags are more than {MAX_TAGS}")

