"""What a job type, or one submission, asks for. Seconds throughout."""

from dataclasses import dataclass, field
from enum import StrEnum

from corral.job import backoff as backoffs
from corral.job.batch import Batch
from corral.job.bounds import Bounds
from corral.job.effect import IfPerhapsDone
from corral.job.limits import (
    DELAY,
    EXPIRES_IN,
    KEPT_COUNT,
    KEPT_SECONDS,
    MAX_FIELD,
    MAX_NAME,
    MAX_SEARCH,
    MAX_TAGS,
    MEMORY,
    RETRIES,
    STALLS,
    TIMEOUT,
)
from corral.job.priority import Priority
from corral.job.unique import Unique


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
    memory_limit: int | None = None
    """MiB of memory that one attempt in a process may use; None is no bound."""
    perhaps_done: IfPerhapsDone = IfPerhapsDone.FAIL
    """What an attempt does that finds an effect of `ctx.once` that was begun and never ended."""
    limits: tuple[str, ...] = ()
    """Names of the limits that its jobs take from, beside those of their queue."""
    unique: Unique | None = None
    """What makes its jobs the same, and what becomes of a duplicate; None: each submission makes a job."""
    batch: Batch | None = None
    """How its jobs are handled together; None: each by itself."""

    def check(self) -> None:
        """Refuse options that make no sense.

        Raises:
            ValueError: an option is out of range; the message names option, value and range.
        """
        backoffs.check(self.backoff)
        _refuse("retries", self.retries, RETRIES)
        _refuse("timeout", self.timeout, TIMEOUT)
        _refuse("delay", self.delay, DELAY)
        _refuse("expires_in", self.expires_in, EXPIRES_IN)
        _refuse("max_stalls", self.max_stalls, STALLS)
        _refuse("memory_limit", self.memory_limit, MEMORY)
        if self.memory_limit is not None and self.executor is not Executor.PROCESS:
            raise ValueError(
                f"memory_limit: only attempts in processes have one; executor is {self.executor}, not process"
            )
        for name, kept in (("keep_finished", self.keep_finished), ("keep_failed", self.keep_failed)):
            _refuse(f"{name}: seconds", kept.seconds, KEPT_SECONDS)
            _refuse(f"{name}: count", kept.count, KEPT_COUNT)
        if self.batch is not None:
            self.batch.check()
        if len(self.tags) > MAX_TAGS:
            raise ValueError(f"tags: {len(self.tags)} tags are more than {MAX_TAGS}")
        for tag in self.tags:
            if (fault := tag_fault(tag)) is not None:
                raise ValueError(f"tags: {tag!r:.100} {fault}")
        if len(self.search) > MAX_SEARCH:
            raise ValueError(f"search: {len(self.search):,} fields are more than {MAX_SEARCH}")
        for name in self.search:
            if (fault := search_fault(name)) is not None:
                raise ValueError(f"search: {name!r:.100} {fault}")


def tag_fault(tag: object) -> str | None:
    """What is wrong with a tag, as the rest of a sentence about it; None where nothing is."""
    if isinstance(tag, str) and 1 <= len(tag) <= MAX_NAME and tag.isprintable():
        return None
    return f"is not 1 to {MAX_NAME} printable characters"


def search_fault(name: str) -> str | None:
    """What is wrong with the name of a payload field that jobs are to be found by, likewise."""
    return None if 1 <= len(name) <= MAX_FIELD else f"is not 1 to {MAX_FIELD} characters"


def _refuse(name: str, value: float | None, bounds: Bounds) -> None:
    if value is not None and (fault := bounds.fault(value)) is not None:
        raise ValueError(f"{name} {fault}")
