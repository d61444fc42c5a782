"""What a handler may know of its attempt, and say of it without waiting."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from corral.context.link import LinkSignals
from corral.context.said import log_line, message_of, percent_of
from corral.errors import JobCancelled
from corral.job.job import Claimed


class Attempt:
    """What `Context` and `SyncContext` have in common: the facts of the attempt, progress and log.

    `expires` is the `time.monotonic()` reading at which the timeout strikes; None without a timeout.
    """

    __slots__ = ("_claimed", "_expires", "_signals")

    def __init__(self, claimed: Claimed, signals: LinkSignals, expires: float | None) -> None:
        self._claimed = claimed
        self._signals = signals
        self._expires = expires

    @property
    def job_id(self) -> UUID:
        """The job's id: the key for effects outside, which happen at least once."""
        return self._claimed.id

    @property
    def job_type(self) -> str:
        """The job type's name."""
        return self._claimed.type

    @property
    def queue(self) -> str:
        """The queue the job was in."""
        return self._claimed.queue

    @property
    def attempt(self) -> int:
        """The number of this attempt; it rises with every claim, also after a release or a lost worker."""
        return self._claimed.attempt

    @property
    def errors(self) -> int:
        """How often the job has failed before."""
        return self._claimed.errors

    @property
    def retries_left(self) -> int:
        """How many more times it will be tried if this attempt fails."""
        return max(0, self._claimed.retries - self._claimed.errors)

    @property
    def checkpointed(self) -> Any:
        """What an earlier attempt left with `checkpoint`, None where there is nothing."""
        text = self._claimed.checkpoint
        return None if text is None else from_json(text)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was told to stop: a cancel was requested, or the worker lost the job."""
        return self._signals.cancelled

    @property
    def remaining(self) -> float | None:
        """Seconds until the timeout, None without one."""
        return None if self._expires is None else max(0.0, self._expires - time.monotonic())

    @property
    def deadline(self) -> datetime | None:
        """When the timeout strikes, by this machine's clock; None without one."""
        left = self.remaining
        return None if left is None else datetime.now(UTC) + timedelta(seconds=left)

    def progress(self, percent: float, message: str | None = None) -> None:
        """Show how far it is, 0 to 100, and what it does. Often is fine: only the newest is written.

        What is below 0 or above 100 counts as 0 or 100; a message is kept up to 500 characters.

        Raises:
            TypeError: `percent` is no number, or `message` no text.
            ValueError: `percent` is NaN or infinite.
            JobCancelled: the attempt was told to stop.
            Conflict: the attempt has ended.
        """
        self._refuse_cancelled()
        self._signals.progress(percent_of(percent), message_of(message))

    def log(self, text: object = "", /, **fields: object) -> None:
        """Add a line to the job's log; lines beyond the cap are counted, not kept.

        `text` may be an exception: the line is its message and its traceback. Fields may be any values. Those
        that JSON or Postgres have no form for are told in words, and what is too large is cut.

        Raises:
            JobCancelled: the attempt was told to stop.
            Conflict: the attempt has ended.
        """
        self._refuse_cancelled()
        if text == "" and "text" in fields:  # given by its name
            text = fields.pop("text")
        self._signals.log(*log_line(text, fields))

    def _refuse_cancelled(self) -> None:
        if self._signals.cancelled:
            raise JobCancelled(f"job {self._claimed.id} was told to stop")
