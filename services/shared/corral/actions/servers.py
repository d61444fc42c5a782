"""Whether Postgres and Redis do what a job needs of them: tried out, not asked whether they are there."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from corral.dispatch import Dispatch
from corral.errors import CorralError, SchemaMismatch, Unavailable
from corral.store import Store

POSTGRES_SECONDS = 3.0
"""How long a trial may take; a probe answers within that, whatever hangs."""
REDIS_SECONDS = 1.0
"""The same: what does not depend on Redis is delayed no longer by one that hangs."""
LATELY_SECONDS = 2.0
"""How old what pages and explanations say may be."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a trial of Postgres and Redis: for each the reason why it does not work, None where it does."""

    postgres: CorralError | None = None
    redis: CorralError | None = None

    @property
    def schema(self) -> bool:
        """Whether Postgres answers, and only its schema does not fit this release."""
        return isinstance(self.postgres, SchemaMismatch)

    @property
    def problems(self) -> list[str]:
        """One sentence for each server that does not work, with what this means for jobs."""
        told = []
        if self.postgres is not None:
            told.append(
                f"Postgres takes no jobs: {_reason(self.postgres)}. New jobs are refused, and none is claimed."
            )
        if self.redis is not None:
            told.append(
                f"Redis takes no jobs: {_reason(self.redis)}."
                " New jobs are accepted and kept; workers get them as soon as Redis takes them."
            )
        return told


class Servers:
    """The two servers of this process. `turned_away` says that the last submission was not stored."""

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store, self._dispatch = store, dispatch
        self._found: Found | None = None
        self._tried_at = float("-inf")
        self._trying: asyncio.Task[Found] | None = None
        self.turned_away = False
        """Set by whoever was refused an insert, so that the next trial inserts a row, and shows a full disk."""

    async def try_out(self) -> Found:
        """Try both now, each within its time."""
        postgres, redis = await asyncio.gather(
            _wrong("postgres", self._postgres(), POSTGRES_SECONDS),
            _wrong("redis", self._dispatch.trial.run(REDIS_SECONDS), REDIS_SECONDS),
        )
        if postgres is None:
            self.turned_away = False
        self._found, self._tried_at = Found(postgres, redis), time.monotonic()
        return self._found

    async def lately(self) -> Found:
        """The result of a trial that is recent enough for a page; callers at the same time share one trial."""
        if self._found is not None and time.monotonic() - self._tried_at < LATELY_SECONDS:
            return self._found
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self.try_out())
        return await asyncio.shield(self._trying)

    async def _postgres(self) -> None:
        await self._store.schema.check()
        await self._store.jobs.try_out(a_row=self.turned_away)


async def _wrong(dependency: str, trial: Coroutine[Any, Any, None], seconds: float) -> CorralError | None:
    """The reason why the trial failed; None where it succeeded in time."""
    try:
        async with asyncio.timeout(seconds):
            await trial
    except CorralError as error:
        return error
    except TimeoutError:
        return Unavailable(dependency, "it does not answer in time")
    return None


def _reason(error: CorralError) -> str:
    return error.reason if isinstance(error, Unavailable) else str(error)
