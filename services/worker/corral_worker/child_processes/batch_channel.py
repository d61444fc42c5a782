"""The channels of a batch in a child process: one for each job, and one ending for those that have none of their own."""

from typing import Any

from corral.catalog import JobType
from corral.catalog.handler import Handler
from corral.job.job import Claimed
from corral_worker.attempts.handler_call import Raised, Returned
from corral_worker.batches.call import BatchCall, contexts, perform_batch, perform_batch_blocking
from corral_worker.child_processes.async_channel import AsyncChannel
from corral_worker.child_processes.channel import Channel
from corral_worker.child_processes.handler_loop import run_handler
from corral_worker.child_processes.messages import AttemptId, Ended, RunBatch
from corral_worker.child_processes.worker_connection import WorkerConnection


class BatchChannel:
    """What a handler of batches in a child says of its jobs."""

    def __init__(self, link: WorkerConnection, run: RunBatch) -> None:
        self._link = link
        self._run = run
        self._open = {one.id: Channel(link, AttemptId.of(one)) for one in run.claims}
        """The channels of the jobs that have no ending yet."""

    def perform(
        self, declared: JobType[Any, Any], handler: Handler, expires: float | None
    ) -> Returned | Raised:
        """Call the handler; the ending of the jobs that have none then."""
        make = contexts(handler.is_async, self._line if handler.is_async else self._channel, expires)
        call = BatchCall(declared, self._run.claims, make, self._settle, is_async=handler.is_async)
        if handler.is_async:
            return run_handler(perform_batch(handler, call))
        return perform_batch_blocking(handler, call)

    def end(self, ending: Returned | Raised) -> None:
        """Send what is left to send; may be interrupted and repeated. Nothing is sent after it."""
        lead = AttemptId.of(self._run.claimed)
        dropped = [channel.close() for channel in self._open.values()]
        self._link.send(Ended(lead, ending, sum(dropped)))

    def _channel(self, claimed: Claimed) -> Channel:
        channel = self._open.get(claimed.id)
        if channel is None:  # it has ended: all that it says is refused
            channel = Channel(self._link, AttemptId.of(claimed))
            channel.close()
        return channel

    def _line(self, claimed: Claimed) -> AsyncChannel:
        return AsyncChannel(self._channel(claimed))

    def _settle(self, claimed: Claimed, ending: Returned | Raised) -> None:
        channel = self._open.get(claimed.id)
        if channel is not None:
            channel.end_job(ending)
            self._open.pop(claimed.id, None)
