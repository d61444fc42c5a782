"""Effects that must not be repeated, as a worker stores them: what Postgres does not take now it is asked again.

A begin whose answer was lost is stored or not, and nothing was done yet: to ask again, with the same token, tells. An
effect that is done must be stored as done, however long Postgres is away (as outcomes are: protocol rule 16); the
attempt's timeout is the bound.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import structlog

from corral import metrics
from corral.errors import Conflict, Unavailable
from corral.ids import new_id
from corral.job.effect import EffectBegin
from corral.store.attempts.effects import Effects
from corral.waiting import POSTGRES_RETRY_SECONDS, doubling

log = structlog.get_logger(__name__)

T = TypeVar("T")


class AttemptEffects:
    """Begins, ends and withdraws effects for the attempts of one worker."""

    def __init__(self, store: Effects) -> None:
        self._store = store

    async def begin(self, job: UUID, attempt: int, name: str, *, repeat: bool) -> EffectBegin:
        """Store that it is about to be done; what came of it before, where it may not be.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        token = new_id()
        begun = await _stored(lambda: self._store.begin(job, attempt, name, token, repeat=repeat))
        if begun is None:
            raise Conflict(f"attempt {attempt} no longer holds job {job}")
        if begun.token is not None:
            metrics.EFFECTS.labels("begun").inc()
        elif begun.perhaps_done_by is None:
            metrics.EFFECTS.labels("known").inc()
        else:
            metrics.EFFECTS.labels("perhaps-done").inc()
            log.warning("effect.perhaps_done", job=str(job), attempt=attempt, effect=name)
        return begun

    async def end(self, job: UUID, attempt: int, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done.

        Raises:
            Conflict: the attempt no longer holds the job.
            InvalidInput: the receipt can't be stored.
        """
        if not await _stored(lambda: self._store.end(job, attempt, name, token, receipt)):
            raise Conflict(
                f"attempt {attempt} no longer holds job {job}: that {name!r} is done is not stored"
            )
        metrics.EFFECTS.labels("done").inc()

    async def withdraw(self, job: UUID, attempt: int, name: str, token: UUID) -> None:
        """Take the begin back."""
        await _stored(lambda: self._store.withdraw(job, attempt, name, token))
        metrics.EFFECTS.labels("withdrawn").inc()


async def _stored(write: Callable[[], Awaitable[T]]) -> T:
    waits = doubling(*POSTGRES_RETRY_SECONDS)
    while True:
        try:
            return await write()
        except Unavailable as error:
            log.warning("effect.held", error=str(error))
            await asyncio.sleep(next(waits))
