"""One call of a handler with the jobs of a batch: each payload read, each outcome taken as it is given.

As in `handler_call`, every way in which it can end is an ending. Child processes import this module too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from corral.catalog import JobType
from corral.catalog.handler import Handler
from corral.context import BatchedJob, BatchJob, Context, SyncBatchJob, SyncContext
from corral.job.job import Claimed
from corral.job.outcome import ErrorKind
from corral_worker.attempts.failure import failure
from corral_worker.attempts.handler_call import (
    Raised,
    Returned,
    raised,
    read_payload,
    read_payloads,
    refuse_awaitable,
    unread,
    write_result,
)

log = structlog.get_logger(__name__)

Settle = Callable[[Claimed, Returned | Raised], None]
"""Takes the ending of one job, once for each."""


class BatchCall:
    """The jobs of one call, and what their handler says of each while it runs."""

    def __init__(
        self,
        declared: JobType[Any, Any],
        claimed: Sequence[Claimed],
        make_context: Callable[[Claimed], Any],
        settle: Settle,
        *,
        is_async: bool,
        told: Callable[[Claimed], bool] = lambda _: False,
    ) -> None:
        """`told` answers whether a job was told to stop.

        A job whose payload can't be read has its ending at once, and is none of `jobs`.
        """
        self.cancelled = told
        self._declared = declared
        self._settle = settle
        cls: Any = BatchJob if is_async else SyncBatchJob
        self.jobs: list[BatchedJob[Any, Any]] = []
        payloads = read_payloads(declared, [one.payload for one in claimed])
        if payloads is not None:
            self.jobs += [
                cls(one, value, make_context, self) for one, value in zip(claimed, payloads, strict=True)
            ]
            return
        for one in claimed:
            try:
                payload = read_payload(declared, one.payload)
            except BaseException as error:  # noqa: BLE001  # a model's validator may raise anything
                settle(one, unread(declared, error))
            else:
                self.jobs.append(cls(one, payload, make_context, self))

    def succeed(self, claimed: Claimed, result: Any) -> None:
        """The job is done."""
        self._settle(claimed, self._written(result))

    def fail(self, claimed: Claimed, error: BaseException) -> None:
        """The job ends as if its handler had raised this."""
        self._settle(claimed, raised(error))

    def answered(self, answer: Any) -> Returned | Raised:
        """Take what the handler returned; the ending of the jobs that have none then."""
        if answer is None:
            return Returned(None)
        if not isinstance(answer, Mapping):
            return _wrong(
                TypeError(
                    "the handler of a batch returns nothing, or a mapping from ids to results and errors;"
                    f" this one returned {type(answer).__qualname__}"
                )
            )
        by_id = {job.id: job for job in self.jobs}
        for key, value in answer.items():
            known = _id(key)
            job = None if known is None else by_id.get(known)
            if job is None:
                log.warning("batch.stranger", type=self._declared.name, answered=f"{key!r:.100}")
            elif not job.ended:
                job.fail(value) if isinstance(value, BaseException) else job.succeed(value)
        return _wrong(LookupError("the handler's answer has no outcome for this job"))

    def _written(self, result: Any) -> Returned | Raised:
        return Returned(None) if result is None else write_result(self._declared, result)


async def perform_batch(handler: Handler, call: BatchCall) -> Returned | Raised:
    """Call a handler that is a coroutine function; the ending of the jobs that have none then."""
    if not call.jobs:
        return Returned(None)
    try:
        answer = await handler.call(call.jobs, None)
        refuse_awaitable(answer)
    except BaseException as error:  # noqa: BLE001  # SystemExit in a handler must not end the worker
        return raised(error)
    return _answered(call, answer)


def perform_batch_blocking(handler: Handler, call: BatchCall) -> Returned | Raised:
    """Call a handler that is a plain function."""
    if not call.jobs:
        return Returned(None)
    try:
        answer = handler.call(call.jobs, None)
        refuse_awaitable(answer)
    except BaseException as error:  # noqa: BLE001  # as above
        return raised(error)
    return _answered(call, answer)


def _answered(call: BatchCall, answer: Any) -> Returned | Raised:
    try:
        return call.answered(answer)
    except BaseException as error:  # noqa: BLE001  # a mapping of the team's own may raise anything
        return raised(error)


def contexts(
    is_async: bool,
    link: Callable[[Claimed], Any],
    expires: float | None,
) -> Callable[[Claimed], Context | SyncContext]:
    """Makes the context of each job when it is asked for: most handlers of batches need none."""
    cls = Context if is_async else SyncContext
    return lambda claimed: cls(claimed, link(claimed), expires)


def _id(key: Any) -> UUID | None:
    if isinstance(key, UUID):
        return key
    try:
        return UUID(key)
    except (ValueError, TypeError, AttributeError):
        return None


def _wrong(error: Exception) -> Raised:
    return Raised(failure(ErrorKind.RESULT, error))
