"""The link of an attempt in a thread to its worker: it blocks until what it asks for is there."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from corral.context import Statistics, SubmitOptions
from corral_worker.context.link import AttemptLink

T = TypeVar("T")


class ThreadLink:
    """The link of an attempt in a thread: it blocks until what it awaits on the event loop is there."""

    def __init__(self, line: AttemptLink, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._loop = loop
        self.progress = line.progress
        self.log = line.log

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was told to stop."""
        return self._line.cancelled

    def checkpoint(self, value: str) -> None:
        """Store a checkpoint, if the attempt still holds the job."""
        self._wait(self._line.checkpoint(value))

    def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""
        return self._wait(self._line.submit(job_type, payload, options))

    def submit_many(self, job_type: str, payloads: Sequence[str], options: SubmitOptions) -> list[UUID]:
        """Store new jobs, all or none."""
        return self._wait(self._line.submit_many(job_type, payloads, options))

    def then(self, job_type: str, payload: str, options: SubmitOptions, on: str) -> UUID:
        """Keep a job until the attempt's outcome is written."""
        return self._wait(self._line.then(job_type, payload, options, on))

    def begin_effect(self, name: str) -> tuple[UUID | None, str | None]:
        """Store that the attempt is about to do it, and answer a token; none where it is done, with its receipt."""
        return self._wait(self._line.begin_effect(name))

    def end_effect(self, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done."""
        self._wait(self._line.end_effect(name, token, receipt))

    def withdraw_effect(self, name: str, token: UUID) -> None:
        """Take the begin back: it is certainly not done."""
        self._wait(self._line.withdraw_effect(name, token))

    def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact."""
        self._wait(self._line.put(name, media_type, data))

    def publish(self, name: str) -> None:
        """Make an artifact visible before the attempt ends."""
        self._wait(self._line.publish(name))

    def get(self, name: str, job: UUID | None = None) -> bytes | None:
        """Read an artifact of this job, or of the one that is named."""
        return self._wait(self._line.get(name, job))

    def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload."""
        return self._wait(self._line.upload(upload))

    def take_budget(self, name: str, cost: float | None, key: str | None, timeout: float | None) -> float:
        """Take of a rate of calls; until when it may be used."""
        return self._wait(self._line.take_budget(name, cost, key, timeout))

    def hold_limit(self, limit: str, key: str | None, timeout: float | None) -> UUID | None:
        """Hold a slot of a limit; its lease, None where the attempt holds it already."""
        return self._wait(self._line.hold_limit(limit, key, timeout))

    def release_limit(self, lease: UUID) -> bool:
        """Give a slot back; whether it was held until now."""
        return self._wait(self._line.release_limit(lease))

    def settle(self, name: str, actual: float, key: str | None) -> None:
        """Correct what was taken of a rate last."""
        self._wait(self._line.settle(name, actual, key))

    def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
        return self._wait(self._line.statistics())

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
