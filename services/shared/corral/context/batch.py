"""A job among those that a handler gets together: `BatchJob` in coroutines, `SyncBatchJob` in threads and processes.

@job("feed.item", batch=Batch(size=100, wait=3))
async def store(jobs: Sequence[BatchJob[Item]]) -> None:
    await upsert([job.payload for job in jobs])

A handler that returns nothing has done them all. It may say of each job what became of it, with `succeed` and `fail`,
or return a mapping from ids to results and errors. What it raises is the error of every job that has no outcome yet.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from corral.context.context import Context
from corral.context.sync_context import SyncContext
from corral.errors import Conflict
from corral.job.job import Claimed

P = TypeVar("P")
C = TypeVar("C", Context, SyncContext)


class OutcomeTaker(Protocol):
    """What takes the outcomes that a handler gives while it runs."""

    def succeed(self, claimed: Claimed, result: Any) -> None:
        """The job is done."""

    def fail(self, claimed: Claimed, error: BaseException) -> None:
        """The job ends as if its handler had raised this."""

    def cancelled(self, claimed: Claimed) -> bool:
        """Whether the job was told to stop."""


class BatchedJob(Generic[P, C]):
    """What `BatchJob` and `SyncBatchJob` have in common."""

    __slots__ = ("_claimed", "_context", "_make_context", "_taker", "ended", "payload")

    def __init__(
        self, claimed: Claimed, payload: P, make_context: Callable[[Claimed], C], taker: OutcomeTaker
    ) -> None:
        self._claimed = claimed
        self._make_context: Callable[[Claimed], C] = make_context
        self._taker = taker
        self._context: C | None = None
        self.payload = payload
        """Read into the model of the job type."""
        self.ended = False
        """Whether it has its outcome."""

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self._claimed.id

    @property
    def attempt(self) -> int:
        """The number of this attempt."""
        return self._claimed.attempt

    @property
    def context(self) -> C:
        """The job's own context: its log and progress, its files, checkpoint, follow-ups and effects."""
        if self._context is None:
            self._context = self._make_context(self._claimed)
        return self._context

    @property
    def cancelled(self) -> bool:
        """Whether this job was told to stop, as by a cancel. The others of its batch go on.

        It ends as cancelled if the handler raises or has no outcome for it. Always false in a process.
        """
        return self._taker.cancelled(self._claimed)

    def succeed(self, result: Any = None) -> None:
        """The job is done, whatever becomes of the others; `result` is checked as one that a handler returns.

        Raises:
            Conflict: the job has its outcome already.
        """
        self._refuse_ended()
        self._taker.succeed(self._claimed, result)
        self.ended = True

    def fail(self, error: BaseException) -> None:
        """The job failed, whatever becomes of the others, as if its handler had raised this: `Retry` and `Discard` too.

        Raises:
            TypeError: `error` is no exception.
            Conflict: the job has its outcome already.
        """
        if not isinstance(error, BaseException):
            raise TypeError(f"a job fails with an exception, not with {type(error).__qualname__}")
        self._refuse_ended()
        self._taker.fail(self._claimed, error)
        self.ended = True

    def _refuse_ended(self) -> None:
        if self.ended:
            raise Conflict(f"job {self.id} has its outcome already")


class BatchJob(BatchedJob[P, Context]):
    """A job of a batch that a coroutine handles."""

    __slots__ = ()


class SyncBatchJob(BatchedJob[P, SyncContext]):
    """A job of a batch that a function in a thread or a process handles."""

    __slots__ = ()
