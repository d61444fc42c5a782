"""What a handler in a child process can say to the worker and ask of it: one channel for each attempt."""

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import UUID

from corral.context import Statistics, SubmitOptions
from corral.errors import Conflict
from corral_worker.attempts.execution import MAX_LINES
from corral_worker.attempts.handler_call import Raised, Returned
from corral_worker.child_processes.messages import (
    AttemptId,
    CallAnswer,
    Ended,
    JobEnded,
    LogMessage,
    ProgressMessage,
)
from corral_worker.child_processes.worker_connection import Deliver, WorkerConnection

if TYPE_CHECKING:  # as in corral.context.link
    pass

PROGRESS_SECONDS = 0.1
"""The least time between two reports of progress that reach the worker; the last one always does."""
NEWS_SECONDS = 0.01
"""The least time between two reports of progress where the message of the second one is new."""


class Channel:
    """Usable from any thread of the child, until the attempt ends.

    What never waits is thinned out here, so that a handler that talks without end
    can't keep the worker's event loop busy.
    """

    cancelled = False
    """A cancelled attempt's process is killed, so the handler never sees it true."""

    def __init__(self, link: WorkerConnection, attempt: AttemptId) -> None:
        self._link = link
        self._attempt = attempt
        self._ended = False
        self._lines = itertools.count(1)
        self._progress: ProgressMessage | None = None
        self._told: ProgressMessage | None = None
        self._told_at = 0.0

    def end(self, ending: Returned | Raised) -> None:
        """Send what is left to send; may be interrupted and repeated. Nothing is sent after it."""
        self._link.send(Ended(self._attempt, ending, self.close()))

    def end_job(self, ending: Returned | Raised) -> None:
        """Send the ending of one job of a batch. Nothing is sent of it after that."""
        self._link.send(JobEnded(self._attempt, ending, self.close()))

    def close(self) -> int:
        """Send what is left to send, and nothing after it; how many log lines were not sent."""
        self._ended = True
        if self._progress is not self._told and self._progress is not None:
            self._link.send(self._progress)
            self._told = self._progress
        return max(0, next(self._lines) - 1 - MAX_LINES)

    def progress(self, percent: int, message: str | None) -> None:
        """Send the newest progress, at most every PROGRESS_SECONDS."""
        self._refuse_ended()
        before = self._progress
        newest = self._progress = ProgressMessage(self._attempt, percent, message)
        now = time.monotonic()
        wait = PROGRESS_SECONDS if before is not None and before.message == message else NEWS_SECONDS
        if now - self._told_at >= wait:
            self._told_at = now
            self._link.send(newest)
            self._told = newest

    def log(self, text: str, fields: dict[str, Any]) -> None:
        """Send a line of the job's log, up to MAX_LINES of one attempt."""
        self._refuse_ended()
        if next(self._lines) <= MAX_LINES:
            self._link.send(LogMessage(self._attempt, text, fields))

    def checkpoint(self, value: str) -> None:
        """Store a checkpoint, if the attempt still holds the job."""
        self._call("checkpoint", value)

    def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""
        answer: UUID = self._call("submit", job_type, payload, options)
        return answer

    def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        """Store new jobs, all or none."""
        answer: list[UUID] = self._call("submit_many", job_type, payloads, options)
        return answer

    def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        """Announce a job that is stored with the outcome."""
        answer: UUID = self._call("then", job_type, payload, options, on)
        return answer

    def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        """Store that the attempt is about to do it, and answer a token; none where it is done, with its receipt."""
        answer: tuple[UUID | None, str | None] = self._call("begin_effect", name)
        return answer

    def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done."""
        self._call("end_effect", name, token, receipt)

    def withdraw_effect(self, name: str, token: UUID) -> None:
        """Take the begin back: it is certainly not done."""
        self._call("withdraw_effect", name, token)

    def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact."""
        self._call("put", name, media_type, carried(data))

    def publish(self, name: str) -> None:
        """Make an artifact visible before the attempt ends."""
        self._call("publish", name)

    def get(self, name: str, job: UUID | None = None) -> bytes | None:
        """Read an artifact of this job, or of the one that is named."""
        answer: bytes | None = self._call("get", name, job)
        return answer

    def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload."""
        answer: tuple[str, str, bytes] | None = self._call("upload", upload)
        return answer

    def take_budget(self, name: str, cost: float | None, key: str | None, timeout: float | None) -> float:
        """Take of a rate of calls; until when it may be used."""
        answer: float = self._call("take_budget", name, cost, key, timeout)
        return answer

    def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:
        """Hold a slot of a limit; its lease, None where the attempt holds it already."""
        answer: UUID | None = self._call("hold_limit", limit, key, timeout)
        return answer

    def release_limit(self, lease: UUID) -> bool:
        """Give a slot back; whether it was held until now."""
        answer: bool = self._call("release_limit", lease)
        return answer

    def settle(self, name: str, actual: float, key: str | None) -> None:
        """Correct what was taken of a rate last."""
        self._call("settle", name, actual, key)

    def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
        answer: list[Statistics] = self._call("statistics")
        return answer

    def ask(self, method: str, arguments: tuple[Any, ...], deliver: Deliver) -> int:
        """Ask the worker, without waiting for the answer.

        Raises:
            Conflict: the attempt has ended.
        """
        self._refuse_ended()
        return self._link.call(self._attempt, method, arguments, deliver)

    def give_up(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        self._link.give_up(number)

    def _call(self, method: str, *arguments: Any) -> Any:
        answers: SimpleQueue[CallAnswer] = SimpleQueue()
        number = self.ask(method, arguments, answers.put)
        try:
            return answers.get().unwrap()
        finally:
            self.give_up(number)

    def _refuse_ended(self) -> None:
        if self._ended:
            job, attempt = self._attempt
            raise Conflict(f"attempt {attempt} of job {job} has ended: its context can't be used any more")


def carried(data: bytes | Path) -> bytes | str:
    """The content of an artifact, or the path of its file."""
    return data if isinstance(data, bytes) else str(data)
